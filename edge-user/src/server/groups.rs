//! The groups of users that the package makes: one may look, the other may make changes, too.

use std::{io, os::fd::AsRawFd as _};

use nix::unistd::{Gid, Group};
use tokio::net::UnixStream;

/// Members may look.
const READERS: &str = "edge";
/// Members may make changes, where they may look.
const OPERATORS: &str = "edge-admin";
/// Groups that a user has at most (`NGROUPS_MAX`).
const MAX_GROUPS: usize = 65_536;

/// Both groups of this machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct AccessGroups {
    pub(super) readers: Gid,
    operators: Gid,
}

impl AccessGroups {
    /// `None`: at least one of them is missing, so that edge was not installed from its package. A group `edge` alone may
    /// be that of a person.
    pub(super) fn find() -> Option<Self> {
        let gid = |name| Some(Group::from_name(name).ok()??.gid);
        Some(Self { readers: gid(READERS)?, operators: gid(OPERATORS)? })
    }

    /// Whether the client had the rights of an operator when it connected.
    pub(super) fn has_operator(self, stream: &UnixStream) -> bool {
        // SO_PEERGROUPS leaves the first group out.
        stream.peer_cred().is_ok_and(|peer| peer.gid() == self.operators.as_raw())
            || peer_groups(stream).is_ok_and(|groups| groups.contains(&self.operators.as_raw()))
    }
}

/// The supplementary groups of the client when it connected: `SO_PEERGROUPS` (Linux 4.13).
fn peer_groups(stream: &UnixStream) -> io::Result<Vec<libc::gid_t>> {
    let mut groups: Vec<libc::gid_t> = vec![0; MAX_GROUPS];
    let room = size_of_val(groups.as_slice());
    let mut len_bytes = libc::socklen_t::try_from(room).map_err(io::Error::other)?;
    // SAFETY: the option is a list of group numbers, and `len_bytes` says how much room there is.
    let result = unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERGROUPS,
            groups.as_mut_ptr().cast(),
            &raw mut len_bytes,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    let len_bytes = usize::try_from(len_bytes).map_err(io::Error::other)?;
    groups.truncate(len_bytes / size_of::<libc::gid_t>());
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use nix::unistd::{getegid, getgroups};

    use super::*;

    #[tokio::test]
    async fn a_client_has_the_groups_of_its_process() {
        let (one, _other) = UnixStream::pair().unwrap();
        let own: Vec<_> = getgroups().unwrap().into_iter().map(Gid::as_raw).collect();
        assert_eq!(peer_groups(&one).unwrap(), own);
        let nobody = Gid::from_raw(u32::MAX - 7);
        let groups = |operators| AccessGroups { readers: nobody, operators };
        assert!(groups(getegid()).has_operator(&one));
        assert!(!groups(nobody).has_operator(&one));
    }
}
