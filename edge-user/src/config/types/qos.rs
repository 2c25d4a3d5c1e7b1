//! Profiles and their classes.

use serde::Serialize;

/// `[qos.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QosProfile {
    /// 1 to 8 classes, exactly one of them the default.
    pub classes: Vec<QosClass>,
}

/// A class of a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QosClass {
    /// The class's name.
    pub name: String,
    /// Code points it takes.
    pub dscp: Vec<u8>,
    /// Whether it also takes code points that no class lists.
    pub is_default: bool,
    /// The code point its frames leave with under `trust`.
    pub mark: Option<u8>,
    /// PCPs of the outer tag with which it takes frames that are not IP.
    pub pcp: Vec<u8>,
    /// The PCP that its frames leave with in their outer tag; `None`: as it came.
    pub pcp_mark: Option<u8>,
    /// Packets it takes without regard to their DSCP. The first match of a profile, class by class,
    /// wins.
    pub matches: Vec<ClassMatch>,
    /// A bandwidth in bit/s of its own in each peering, for each direction on each link, within
    /// the peering's.
    pub bandwidth_bps: Option<u64>,
    /// Share of the committed burst that its frames may use, in thousandths: 1 to 1000.
    pub burst_share_permille: u32,
}

/// Packets that a class takes by protocol and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ClassMatch {
    /// The IP protocol, behind any extension headers of IPv6.
    pub protocol: u8,
    /// Source ports; [`PortRange::ALL`] where the protocol has none.
    pub src_ports: PortRange,
    /// Destination ports; [`PortRange::ALL`] where the protocol has none.
    pub dst_ports: PortRange,
}

impl ClassMatch {
    /// Whether it takes every packet that `other` takes.
    #[must_use]
    pub const fn covers(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.src_ports.covers(other.src_ports)
            && self.dst_ports.covers(other.dst_ports)
    }
}

/// Every port from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest; not below `first`.
    pub last: u16,
}

impl PortRange {
    /// Every port.
    pub const ALL: Self = Self { first: 0, last: u16::MAX };

    const fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_covers_what_is_within_it() {
        let ports = |first, last| PortRange { first, last };
        let rule =
            |protocol, dst_ports| ClassMatch { protocol, src_ports: PortRange::ALL, dst_ports };
        let earlier = rule(17, ports(100, 200));
        assert!(earlier.covers(&earlier));
        assert!(earlier.covers(&rule(17, ports(101, 200))));
        assert!(!earlier.covers(&rule(17, ports(100, 201))));
        assert!(!earlier.covers(&rule(17, ports(99, 99))));
        assert!(!earlier.covers(&rule(6, ports(100, 200))));
        assert!(!earlier.covers(&rule(17, PortRange::ALL)));
        let from_one_port = ClassMatch { src_ports: ports(5, 5), ..earlier };
        assert!(earlier.covers(&from_one_port));
        assert!(!from_one_port.covers(&earlier));
    }
}
