//! The places in the tables that belong to an interface of the router, by its index.

use std::net::IpAddr;

/// Roots of an interface.
pub const ROOTS_PER_INTERFACE: u32 = 4;
/// Next hops of an interface.
pub const NEXT_HOPS_PER_INTERFACE: u32 = 2;

/// The roots of an interface, as indices in `ROOTS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceRoots {
    /// Destinations of IPv4.
    pub destinations_v4: u32,
    /// Destinations of IPv6.
    pub destinations_v6: u32,
    /// Sources of IPv4.
    pub sources_v4: u32,
    /// Sources of IPv6.
    pub sources_v6: u32,
}

impl InterfaceRoots {
    /// The roots of the interface with this index.
    #[must_use]
    pub const fn of(index: u32) -> Self {
        let first = index * ROOTS_PER_INTERFACE;
        Self {
            destinations_v4: first,
            destinations_v6: first + 1,
            sources_v4: first + 2,
            sources_v6: first + 3,
        }
    }

    /// All of them.
    #[must_use]
    pub const fn all(self) -> [u32; ROOTS_PER_INTERFACE as usize] {
        [self.destinations_v4, self.destinations_v6, self.sources_v4, self.sources_v6]
    }
}

/// The next hop that is an interface's IPv4 neighbour, as an index in `NEXT_HOPS`.
#[must_use]
pub const fn next_hop_v4(index: u32) -> u32 {
    index * NEXT_HOPS_PER_INTERFACE
}

/// The next hop that is an interface's IPv6 neighbour.
#[must_use]
pub const fn next_hop_v6(index: u32) -> u32 {
    index * NEXT_HOPS_PER_INTERFACE + 1
}

/// The next hop of an interface that has an address of this family.
#[must_use]
pub const fn next_hop(index: u32, neighbour: IpAddr) -> u32 {
    match neighbour {
        IpAddr::V4(_) => next_hop_v4(index),
        IpAddr::V6(_) => next_hop_v6(index),
    }
}

/// The interface that a next hop belongs to.
#[must_use]
pub const fn interface_of(next_hop: u32) -> u32 {
    next_hop / NEXT_HOPS_PER_INTERFACE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_place_belongs_to_two_interfaces() {
        let roots: Vec<u32> = (1..50).flat_map(|index| InterfaceRoots::of(index).all()).collect();
        assert!(roots.windows(2).all(|pair| pair[0] + 1 == pair[1]) && roots[0] == 4);
        let hops = (1..50).flat_map(|index| [next_hop_v4(index), next_hop_v6(index)]);
        assert!(hops.clone().eq(2..100));
        assert!(hops.map(interface_of).eq((1..50).flat_map(|index| [index; 2])));
    }
}
