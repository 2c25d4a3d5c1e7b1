//! Roles: an operator may change the edge, a reader may only look.

use std::fs;

use axum::{extract::FromRequestParts, http::request::Parts};
use nix::unistd::{Uid, User, geteuid};
use tokio::net::UnixStream;

use super::{error::ApiError, groups::AccessGroups};
use crate::daemon::engine::revising::Requester;

/// The role of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It may look.
    Reader,
    /// It may look, and change the edge.
    Operator,
}

impl Role {
    /// The role of a client of the control socket. Root, the daemon's own user and members of the group of operators are
    /// operators. Others who can connect may look.
    fn of(stream: &UnixStream, groups: Option<AccessGroups>) -> Self {
        let of_user = stream
            .peer_cred()
            .map_or(Self::Reader, |peer| Self::of_user(Uid::from_raw(peer.uid()), geteuid()));
        let is_operator = || groups.is_some_and(|groups| groups.has_operator(stream));
        if of_user == Self::Reader && is_operator() { Self::Operator } else { of_user }
    }

    fn of_user(user: Uid, own: Uid) -> Self {
        if user.is_root() || user == own { Self::Operator } else { Self::Reader }
    }
}

/// A client of the control socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) role: Role,
    /// Its user and its process, where the kernel tells them.
    user: Option<u32>,
    pid: Option<i32>,
}

impl Peer {
    /// The client at the other end.
    pub(super) fn of(stream: &UnixStream, groups: Option<AccessGroups>) -> Self {
        let peer = stream.peer_cred().ok();
        Self {
            role: Role::of(stream, groups),
            user: peer.map(|peer| peer.uid()),
            pid: peer.and_then(|peer| peer.pid()),
        }
    }

    /// The name of the user: the one who has logged in, also where it is root's process by now.
    fn name(self) -> Option<String> {
        let login =
            self.pid.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/loginuid")).ok());
        // 4294967295: nobody has logged in (proc(5)).
        let login = login.and_then(|text| text.trim().parse().ok()).filter(|uid| *uid != u32::MAX);
        let uid = Uid::from_raw(login.or(self.user)?);
        let user = User::from_uid(uid).ok().flatten();
        Some(user.map_or_else(|| uid.to_string(), |user| user.name))
    }
}

/// A client that may change the edge: a handler that takes one refuses all others.
pub(super) struct Operator(Peer);

impl Operator {
    /// The one who asks, with a message. A directory of users may take long to answer, and others don't wait for it.
    pub(super) async fn requester(&self, message: Option<String>) -> Requester {
        let peer = self.0;
        let user = tokio::task::spawn_blocking(move || peer.name()).await.ok().flatten();
        Requester { user, message }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        match parts.extensions.get::<Peer>() {
            Some(peer) if peer.role == Role::Operator => Ok(Self(*peer)),
            Some(_) | None => Err(ApiError::forbidden()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_and_the_daemons_user_are_operators() {
        let [root, own, other] = [0, 990, 1000].map(Uid::from_raw);
        for (user, own, role) in [
            (root, root, Role::Operator),
            (root, own, Role::Operator),
            (own, own, Role::Operator),
            (other, own, Role::Reader),
            (other, root, Role::Reader),
        ] {
            assert_eq!(Role::of_user(user, own), role);
        }
    }
}
