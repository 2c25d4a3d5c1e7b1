//! Places in the router's tables, all of which follow from the index of an interface.

use crate::routing::engine::places::{InterfaceRoots, interface_of, next_hop_v4, next_hop_v6};
pub(super) use crate::routing::engine::places::{NEXT_HOPS_PER_INTERFACE, ROOTS_PER_INTERFACE};

/// Interfaces that there can be, with the unused one at index 0: values of forwarding tables have 20 bits for the
/// index of a next hop, and an interface has two.
pub const MAX_INTERFACES: u32 = 1 << 19;

/// The places that belong to an interface of the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfacePlaces {
    /// Index in `NEXT_HOPS` of the neighbour's IPv4 address.
    pub next_hop_v4: u32,
    /// Of its IPv6 address.
    pub next_hop_v6: u32,
    /// Index in `LINKS`.
    pub link: u32,
    /// Index in `ROOTS` of the tree in which IPv4 destinations of frames from there are looked up.
    pub destinations_v4: u32,
    /// Of IPv6.
    pub destinations_v6: u32,
    /// Index in `ROOTS` of the tree with the IPv4 sources that frames from there may have.
    pub sources_v4: u32,
    /// Of IPv6.
    pub sources_v6: u32,
}

impl InterfacePlaces {
    /// The places of the interface with this index, which is below [`MAX_INTERFACES`].
    #[must_use]
    pub const fn of(interface: u32) -> Self {
        let InterfaceRoots { destinations_v4, destinations_v6, sources_v4, sources_v6 } =
            InterfaceRoots::of(interface);
        Self {
            next_hop_v4: next_hop_v4(interface),
            next_hop_v6: next_hop_v6(interface),
            link: interface,
            destinations_v4,
            destinations_v6,
            sources_v4,
            sources_v6,
        }
    }

    /// The next hops, IPv4's first.
    #[must_use]
    pub const fn next_hops(&self) -> [u32; NEXT_HOPS_PER_INTERFACE as usize] {
        [self.next_hop_v4, self.next_hop_v6]
    }

    /// The roots, in the order of their indices.
    #[must_use]
    pub const fn roots(&self) -> [u32; ROOTS_PER_INTERFACE as usize] {
        [self.destinations_v4, self.destinations_v6, self.sources_v4, self.sources_v6]
    }

    /// The interface that a next hop belongs to.
    #[must_use]
    pub const fn interface_of_next_hop(next_hop: u32) -> u32 {
        interface_of(next_hop)
    }

    /// The interface that a root belongs to.
    #[must_use]
    pub const fn interface_of_root(root: u32) -> u32 {
        root / ROOTS_PER_INTERFACE
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use edge_common::abi::fib::RouteValue;

    use super::*;

    #[test]
    fn no_two_interfaces_have_a_place_in_common_and_none_has_one_of_index_0() {
        let (mut next_hops, mut roots) = (BTreeSet::from([0, 1]), BTreeSet::from([0, 1, 2, 3]));
        for interface in (1..1000).chain([MAX_INTERFACES - 1]) {
            let places = InterfacePlaces::of(interface);
            for next_hop in places.next_hops() {
                assert!(next_hops.insert(next_hop));
                assert_eq!(InterfacePlaces::interface_of_next_hop(next_hop), interface);
                assert!(RouteValue::next_hop(next_hop).is_some(), "a route can lead there");
            }
            for root in places.roots() {
                assert!(roots.insert(root));
                assert_eq!(InterfacePlaces::interface_of_root(root), interface);
            }
        }
    }
}
