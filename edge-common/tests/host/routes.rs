//! Forwarding tables from prefixes as one writes them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edge_common::{
    abi::fib::RouteValue,
    host::{
        HostRouter,
        fib::{Route, intervals},
    },
};

/// Gives a root, and the one of IPv6 after it, trees of these routes.
pub(crate) fn install(router: &mut HostRouter, root: u32, routes: &[(&str, RouteValue)]) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for (prefix, value) in routes {
        let (address, len) = prefix.split_once('/').unwrap();
        let len: u32 = len.parse().unwrap();
        match address.parse().unwrap() {
            IpAddr::V4(address) => {
                let rest = u32::MAX.checked_shr(len).unwrap_or(0);
                let first = u32::from(address) & !rest;
                v4.push(Route { first, last: first | rest, value: *value });
            }
            IpAddr::V6(address) => {
                let rest = u128::MAX.checked_shr(len).unwrap_or(0);
                let first = u128::from(address) & !rest;
                v6.push(Route { first, last: first | rest, value: *value });
            }
        }
    }
    let tree_v4 = router.fib.add(&intervals(&v4)).unwrap();
    let tree_v6 = router.fib.add_v6(&v6).unwrap();
    router.roots[root as usize] = tree_v4.into();
    router.roots[root as usize + 1] = tree_v6.into();
}

pub(crate) fn word(address: &str) -> u32 {
    address.parse::<Ipv4Addr>().unwrap().into()
}

pub(crate) fn halves(address: &str) -> [u64; 2] {
    let address: u128 = address.parse::<Ipv6Addr>().unwrap().into();
    [(address >> 64) as u64, address as u64]
}
