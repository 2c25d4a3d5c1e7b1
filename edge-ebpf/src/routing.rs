//! The router's tables in maps.

use edge_common::{
    abi::{
        fib::{FibLine, Tree},
        routed::Routed,
        router::RouterInterface,
        routing::{LINK_UP, Mac, NextHop, NextHopGroup},
    },
    env::{RouteCalls, Routing},
    fib::Lines,
};

use crate::{
    maps::{FIB_LINES, LINKS, Maps, NEXT_HOP_GROUPS, NEXT_HOPS, ROOTS, ROUTER_INTERFACES, TREES},
    router,
};

impl<const FRAGS: bool> Lines for Maps<FRAGS> {
    #[inline(always)]
    fn line(&self, index: u32) -> Option<&FibLine> {
        FIB_LINES.get(index)
    }

    #[inline(always)]
    fn tree(&self, index: u32) -> Option<&Tree> {
        TREES.get(index)
    }
}

impl<const FRAGS: bool> Routing for Maps<FRAGS> {
    #[inline(always)]
    fn router_interface(&self, index: u32) -> Option<&RouterInterface> {
        ROUTER_INTERFACES.get(index)
    }

    #[inline(always)]
    fn root(&self, index: u32) -> Option<&Tree> {
        let root = ROOTS.get_ptr(index)?;
        // SAFETY: a live, aligned map value. Volatile: userspace turns to another tree by one store while this reads.
        let tree = unsafe { root.read_volatile() } as u32;
        if tree == 0 { None } else { TREES.get(tree) }
    }

    #[inline(always)]
    fn next_hop(&self, index: u32) -> Option<&NextHop> {
        NEXT_HOPS.get(index)
    }

    #[inline(always)]
    fn neighbour(&self, next_hop: u32) -> Mac {
        let Some(hop) = NEXT_HOPS.get_ptr(next_hop) else { return Mac::NONE };
        // SAFETY: a live map value, of which this takes the address of a field.
        let neighbour = unsafe { &raw const (*hop).neighbour };
        // SAFETY: a live, aligned word. Volatile: userspace changes it by one store while this reads.
        Mac::from_bits(unsafe { neighbour.read_volatile() })
    }

    #[inline(always)]
    fn next_hop_group(&self, index: u32) -> Option<&NextHopGroup> {
        NEXT_HOP_GROUPS.get(index)
    }

    #[inline(always)]
    fn is_link_up(&self, link: u32) -> bool {
        let Some(link) = LINKS.get_ptr(link) else { return false };
        // SAFETY: a live, aligned map value. Volatile: userspace changes it by one store while this reads.
        unsafe { link.read_volatile() == LINK_UP }
    }
}

impl<const FRAGS: bool> RouteCalls for Maps<FRAGS> {
    #[inline(always)]
    fn member(&self, group: u32, hash: u64) -> Routed {
        Routed::from_bits(router::member(group, hash))
    }

    #[inline(always)]
    fn find_v4(&self, root: u32, address: u32) -> Routed {
        Routed::from_bits(router::find_v4(root, address))
    }

    #[inline(always)]
    fn find_v6(&self, root: u32, [upper, lower]: [u64; 2]) -> Routed {
        Routed::from_bits(router::find_v6(root, upper, lower))
    }
}
