//! Interfaces of this network namespace as the kernel has them now, and the XDP program on each, by
//! rtnetlink(7).

use std::{ffi::CString, io, os::fd::AsRawFd as _};

use netlink_packet_core::DefaultNla;
use netlink_packet_route::link::{
    LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage, LinkXdp, Prop,
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::kernel::{
    error::{Context as _, Result},
    host::{
        attached_mode::AttachedMode,
        rtnetlink::{ANSWER_LEN_BYTES, Rtnetlink},
    },
};

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The kernel's index of it.
    pub ifindex: u32,
    /// Its name.
    pub name: String,
    /// Its other names (`ip link property add … altname`).
    pub altnames: Vec<String>,
    /// Whether it is administratively up.
    pub is_up: bool,
    /// Whether its driver has a carrier.
    pub has_carrier: bool,
    /// Times that it has got or lost its carrier, since it was made.
    pub carrier_changes: u32,
    /// Its MTU.
    pub mtu_bytes: u32,
    /// Queues that it was made with for receiving. A NIC may use fewer.
    pub rx_queues: u32,
    /// Queues that it was made with for sending, likewise.
    pub tx_queues: u32,
    /// Kernel ids of the XDP programs on it.
    pub programs: Vec<(AttachedMode, u32)>,
    /// Whether its frames are Ethernet's.
    pub is_ethernet: bool,
    /// The kind of a device that is made by commands, such as "veth"; none: hardware.
    pub kind: Option<String>,
    /// The index of the bridge, the bond or the like that it is a part of.
    pub part_of: Option<u32>,
}

impl Device {
    /// Whether this is its name or one of its other names.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.altnames.iter().any(|other| other == name)
    }

    /// The mode that the program with this id runs in on it, if it does.
    #[must_use]
    pub fn mode_of(&self, program_id: u32) -> Option<AttachedMode> {
        let (mode, _) = self.programs.iter().find(|(_, id)| *id == program_id)?;
        Some(*mode)
    }
}

/// A connection that asks for interfaces of the network namespace that it was opened in.
pub struct Devices(Rtnetlink);

impl Devices {
    /// Opens it.
    pub fn open() -> Result<Self> {
        Ok(Self(Rtnetlink::open()?))
    }

    /// The interface `name`, which may be one of its other names.
    pub fn by_name(&self, name: &str) -> Result<Option<Device>> {
        /// `IFLA_ALT_IFNAME` of `linux/if_link.h`, which finds a name of either kind, of any length
        /// (`rtnl_dev_get` in `net/core/rtnetlink.c`).
        const ALT_IFNAME: u16 = 53;
        let mut question = LinkMessage::default();
        let name = CString::new(name)?.into_bytes_with_nul();
        question.attributes.push(LinkAttribute::Other(DefaultNla::new(ALT_IFNAME, name)));
        self.ask(question)
    }

    /// The interface with this index.
    pub fn by_index(&self, ifindex: u32) -> Result<Option<Device>> {
        let mut question = LinkMessage::default();
        question.header.index = ifindex;
        self.ask(question)
    }

    /// All interfaces, in the order of their indices.
    pub fn all(&self) -> Result<Vec<Device>> {
        let mut all: Vec<Device> = self.0.links()?.iter().map(device).collect();
        all.sort_by_key(|device| device.ifindex);
        Ok(all)
    }

    fn ask(&self, question: LinkMessage) -> Result<Option<Device>> {
        Ok(self.0.link(question)?.as_ref().map(device))
    }
}

fn device(link: &LinkMessage) -> Device {
    let mut device = Device {
        ifindex: link.header.index,
        is_up: link.header.flags.contains(LinkFlags::Up),
        has_carrier: link.header.flags.contains(LinkFlags::LowerUp),
        is_ethernet: link.header.link_layer_type == LinkLayerType::Ether,
        ..Device::default()
    };
    for attribute in &link.attributes {
        if let LinkAttribute::IfName(name) = attribute {
            device.name.clone_from(name);
        } else if let LinkAttribute::Mtu(mtu_bytes) = attribute {
            device.mtu_bytes = *mtu_bytes;
        } else if let LinkAttribute::NumRxQueues(queues) = attribute {
            device.rx_queues = *queues;
        } else if let LinkAttribute::NumTxQueues(queues) = attribute {
            device.tx_queues = *queues;
        } else if let LinkAttribute::CarrierChanges(changes) = attribute {
            device.carrier_changes = *changes;
        } else if let LinkAttribute::Controller(controller) = attribute {
            device.part_of = Some(*controller);
        } else if let LinkAttribute::LinkInfo(infos) = attribute {
            device.kind = infos.iter().find_map(|info| {
                if let LinkInfo::Kind(kind) = info { Some(kind.to_string()) } else { None }
            });
        } else if let LinkAttribute::PropList(properties) = attribute {
            for property in properties {
                if let Prop::AltIfName(name) = property {
                    device.altnames.push(name.clone());
                }
            }
        } else if let LinkAttribute::Xdp(xdp) = attribute {
            for program in xdp {
                if let LinkXdp::DrvProgId(id) = program {
                    device.programs.push((AttachedMode::Native, *id));
                } else if let LinkXdp::SkbProgId(id) = program {
                    device.programs.push((AttachedMode::Generic, *id));
                }
            }
        }
    }
    device
}

/// Calls `wake` at each change to an interface of this network namespace, from a thread of its own
/// that ends with the process. The call doesn't name the change.
pub fn follow_changes(wake: impl Fn() + Send + 'static) -> Result<()> {
    /// `RTMGRP_LINK` of linux/rtnetlink.h.
    const LINKS: u32 = 1;
    let open = || -> io::Result<Socket> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind(&SocketAddr::new(0, LINKS))?;
        Ok(socket)
    };
    let socket = open().context("opening a netlink socket to hear of changes to interfaces")?;
    let follow = move || {
        loop {
            let mut bytes = Vec::with_capacity(ANSWER_LEN_BYTES);
            match socket.recv(&mut bytes, 0) {
                // ENOBUFS: the kernel dropped messages, so there were changes.
                Err(error) if error.raw_os_error() != Some(libc::ENOBUFS) => {
                    tracing::warn!(
                        "the kernel's messages about interfaces can't be read, so changes are seen \
                         up to a second late: {error}"
                    );
                    return;
                }
                _ => wake(),
            }
        }
    };
    std::thread::Builder::new().name("links".to_owned()).spawn(follow)?;
    Ok(())
}

/// The network namespace of this process: `SO_NETNS_COOKIE`, which no other one of this boot has or
/// had (Linux 5.14, commit 9d74dd35b0c5).
pub fn netns_cookie() -> Result<u64> {
    let socket = Socket::new(NETLINK_ROUTE).context("opening a socket")?;
    let mut cookie = 0u64;
    let mut len_bytes = libc::socklen_t::try_from(size_of::<u64>())?;
    // SAFETY: the option is a number of 64 bits, and `len_bytes` says how much room there is.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NETNS_COOKIE,
            (&raw mut cookie).cast(),
            &raw mut len_bytes,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error())
            .context("asking for the network namespace's cookie");
    }
    Ok(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_found_by_name_and_index() -> Result<()> {
        let devices = Devices::open()?;
        let lo = devices.by_name("lo")?.context("every namespace has it")?;
        assert_eq!(lo.name, "lo");
        assert!(lo.mtu_bytes >= 1500 && lo.rx_queues > 0 && lo.tx_queues > 0, "{lo:?}");
        assert!(lo.is_called("lo") && !lo.is_called("eth0") && lo.mode_of(1).is_none());
        assert_eq!(devices.by_index(lo.ifindex)?, Some(lo));
        for name in ["edge-none", "a name that is longer than interfaces have it, and no other"] {
            assert_eq!(devices.by_name(name)?, None);
        }
        assert_eq!(devices.by_index(u32::MAX >> 1)?, None);
        Ok(())
    }

    #[test]
    fn a_namespace_keeps_its_cookie() -> Result<()> {
        assert_eq!(netns_cookie()?, netns_cookie()?);
        assert_ne!(netns_cookie()?, 0);
        Ok(())
    }
}
