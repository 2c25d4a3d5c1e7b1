//! Pairs of addresses between which every frame has the same tags.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edge_common::abi::lab::TagStack;

use super::netns::NetNs;

/// An IP version.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum IpFamily {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
}

impl IpFamily {
    pub(super) fn header_bytes(self) -> usize {
        match self {
            Self::V4 => 20,
            Self::V6 => 40,
        }
    }
}

/// One end of a path.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its namespace.
    pub ns: NetNs,
    /// The MAC address of its interface.
    pub mac: String,
    /// Its IPv4 address on this path.
    pub v4: Ipv4Addr,
    /// Its IPv6 address on this path.
    pub v6: Ipv6Addr,
}

impl Host {
    /// Its address of that family.
    #[must_use]
    pub fn address(&self, family: IpFamily) -> IpAddr {
        match family {
            IpFamily::V4 => self.v4.into(),
            IpFamily::V6 => self.v6.into(),
        }
    }
}

/// A way through the lab under one stack of tags. Traffic on it goes from `near` to `far`.
#[derive(Clone, Debug)]
pub struct Path {
    /// The tags of every frame on it, in both directions.
    pub tags: TagStack,
    /// The sender.
    pub near: Host,
    /// The receiver.
    pub far: Host,
}

impl Path {
    /// The same path for traffic the other way.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { tags: self.tags, near: self.far.clone(), far: self.near.clone() }
    }
}
