//! Brings the router's tables to those of a host, for test runs and replays.

use edge_common::host::HostRouter;

use crate::kernel::tables::{kernel_tables::KernelTables, mapped::MappedArray};

/// Stores the router's tables. Entries that there is no room for are left out: the tables of a replay are made for its
/// routes.
pub fn store_router(tables: &KernelTables, router: &HostRouter) {
    fill(&tables.fib_lines, &router.fib.lines);
    fill(&tables.trees, &router.fib.trees);
    fill(&tables.roots, &router.roots);
    fill(&tables.next_hops, &router.next_hops);
    fill(&tables.next_hop_groups, &router.groups);
    fill(&tables.links, &router.links);
    fill(&tables.router_interfaces, &router.interfaces);
}

fn fill<T: zerocopy::FromBytes + zerocopy::IntoBytes + zerocopy::Immutable>(
    array: &MappedArray<T>,
    entries: &[T],
) {
    for (index, entry) in (0..array.len()).zip(entries) {
        array.set(index, entry);
    }
}
