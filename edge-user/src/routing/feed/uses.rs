//! Things that routes depend on, and with which the kernel takes routes away without a message about each.

use std::{collections::BTreeSet, net::IpAddr};

use crate::routing::feed::{next_hops::NextHopObjects, routes::KernelRoute};

/// Things that the routes of a table depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TableUses {
    /// Interfaces of hops. IPv4 routes go with their interface, or with its last address; of a route with several
    /// hops, some die.
    pub(super) interfaces: BTreeSet<u32>,
    /// Next-hop objects, and the members of those that are groups.
    pub(super) next_hop_objects: BTreeSet<u32>,
    /// Source addresses. An IPv4 route of the main table, or of a VRF's, goes with the one it has, whichever
    /// interface has that (`fib_sync_down_addr` in `net/ipv4/fib_semantics.c`).
    pub(super) sources: BTreeSet<IpAddr>,
}

impl TableUses {
    /// Those of these routes, whose objects are among `objects`.
    pub(super) fn of<'a>(
        routes: impl IntoIterator<Item = &'a KernelRoute>,
        objects: &NextHopObjects,
    ) -> Self {
        let mut uses = Self::default();
        for route in routes {
            uses.interfaces.extend(route.hops.iter().map(|hop| hop.ifindex));
            uses.sources.extend(route.preferred_source);
            if let Some(id) = route.next_hop_object
                && uses.next_hop_objects.insert(id)
            {
                uses.next_hop_objects.extend(objects.members(id));
            }
        }
        uses
    }
}
