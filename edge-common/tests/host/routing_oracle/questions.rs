//! Random domains, and random packets to and from their addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Content, Domain, ListedRoute, Question, Station, Target};
use crate::routed_tables::{A_VNET, A1, A2, NARROW};
use proptest::{prelude::*, sample::select};

/// Few addresses, near each other, so that routes cover some of them.
fn near_v4() -> impl Strategy<Value = IpAddr> {
    (select(vec![10u8, 172]), 0u8..3, 0u8..2, 0u8..6)
        .prop_map(|(a, b, c, d)| Ipv4Addr::new(a, b, c, d).into())
}

fn near_v6() -> impl Strategy<Value = IpAddr> {
    (0u16..3, 0u16..2, 0u16..2, 0u16..4)
        .prop_map(|(a, b, c, d)| Ipv6Addr::new(0x2001, 0xdb8, a, b, c, 0, 0, d).into())
}

/// Addresses of interfaces and neighbours, and those that no host has.
fn odd(is_v6: bool) -> impl Strategy<Value = IpAddr> {
    let v4 = [
        "10.0.0.0",
        "10.0.0.1",
        "10.0.0.2",
        "10.0.0.3",
        "10.1.255.4",
        "10.1.255.5",
        "10.1.255.6",
        "10.1.255.7",
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "224.0.0.5",
        "239.9.9.9",
        "240.0.0.1",
        "255.255.255.255",
        "169.254.1.1",
        "169.253.255.255",
        "8.8.8.8",
        "223.255.255.255",
    ];
    let v6 = [
        "2001:db8:0:1::1",
        "2001:db8:0:1::2",
        "2001:db8:a1:ffff::5",
        "2001:db8:a1:ffff::6",
        "::",
        "::1",
        "::2",
        "::ffff:10.0.0.1",
        "::fffe:10.0.0.1",
        "ff02::1",
        "ff0e::1",
        "fe80::1",
        "febf::9",
        "fec0::1",
        "fe7f::1",
        "fdff::1",
        "1::",
        "64:ff9b::1",
    ];
    let addresses: Vec<&str> = if is_v6 { v6.to_vec() } else { v4.to_vec() };
    select(addresses).prop_map(|address| address.parse().unwrap())
}

fn address(is_v6: bool) -> BoxedStrategy<IpAddr> {
    if is_v6 {
        prop_oneof![3 => near_v6(), 1 => odd(true)].boxed()
    } else {
        prop_oneof![3 => near_v4(), 1 => odd(false)].boxed()
    }
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        3 => select(vec![A_VNET, A1, A2, NARROW]).prop_map(Target::Hop),
        2 => Just(Target::BothLinks),
        1 => Just(Target::Edge),
        1 => Just(Target::Nothing),
    ]
}

fn route() -> impl Strategy<Value = ListedRoute> {
    let v4 = (address(false), prop_oneof![0..=32u32, 24..=32u32]);
    let v6 = (address(true), prop_oneof![0..=128u32, 32..=66u32]);
    (prop_oneof![v4, v6], target()).prop_map(|((address, len), target)| (address, len, target))
}

prop_compose! {
    pub(super) fn domain()(
        cloud in prop::collection::vec(route(), 0..40),
        customer in prop::collection::vec(route(), 0..40),
        are_sources_checked: bool,
        down in prop::collection::vec(select(vec![A_VNET, A1, A2, NARROW]), 0..3),
        unresolved in prop::collection::vec(select(vec![A_VNET, A1, A2, NARROW]), 0..2),
    ) -> Domain {
        Domain { cloud, customer, are_sources_checked, down, unresolved }
    }
}

pub(super) fn question() -> impl Strategy<Value = Question> {
    let contents = vec![
        Content::Udp,
        Content::Udp,
        Content::Echo,
        Content::IcmpError,
        Content::Bgp,
        Content::Bfd,
        Content::LaterFragment,
    ];
    let stations = prop_oneof![
        8 => Just(Station::Edge),
        1 => Just(Station::Group),
        1 => Just(Station::Other),
    ];
    any::<bool>()
        .prop_flat_map(|is_v6| (address(is_v6), address(is_v6)))
        .prop_flat_map(move |(source, destination)| {
            (
                select(vec![A1, A_VNET]),
                Just((source, destination)),
                prop_oneof![3 => Just(64u8), 1 => 0u8..3, 1 => Just(255u8)],
                select(contents.clone()),
                any::<bool>(),
                stations.clone(),
            )
        })
        .prop_map(|(at, (source, destination), ttl, content, is_long, station)| Question {
            at,
            source,
            destination,
            ttl,
            content,
            is_long,
            station,
        })
}
