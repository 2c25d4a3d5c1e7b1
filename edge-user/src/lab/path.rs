//! Pairs of addresses between which every frame has the same tags.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    abi::{Tag, TagStack},
    netns::NetNs,
};

/// An IP version.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Family {
    /// IPv4.
    #[default]
    V4,
    /// IPv6.
    V6,
}

impl Family {
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
    /// Where it is.
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
    pub fn address(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => self.v4.into(),
            Family::V6 => self.v6.into(),
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

impl TagStack {
    /// A QinQ circuit's tags: 0x88a8 around 0x8100.
    #[must_use]
    pub const fn qinq(s_vid: u16, c_vid: u16) -> Self {
        Self { outer: Tag { tpid: 0x88a8, tci: s_vid }, inner: Tag { tpid: 0x8100, tci: c_vid } }
    }

    /// A Dot1Q circuit's tag.
    #[must_use]
    pub const fn dot1q(c_vid: u16) -> Self {
        Self { outer: Tag { tpid: 0x8100, tci: c_vid }, inner: Tag { tpid: 0, tci: 0 } }
    }

    /// Bytes that the tags add to a frame.
    #[must_use]
    pub fn bytes(&self) -> usize {
        [self.outer, self.inner].iter().filter(|tag| tag.tpid != 0).count() * 4
    }

    /// S-VID (0 without one) and C-VID, as [`super::WireKey`] has them.
    #[must_use]
    pub fn vids(&self) -> (u16, u16) {
        let (outer, inner) = (self.outer.tci & 0xfff, self.inner.tci & 0xfff);
        if self.inner.tpid == 0 { (0, outer) } else { (outer, inner) }
    }
}
