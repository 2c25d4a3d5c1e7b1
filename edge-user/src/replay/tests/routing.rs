//! Frames by the routes of a file, on the host.

use std::{collections::BTreeSet, net::IpAddr, path::Path};

use edge_common::{Reason, abi::routing::Mac};
use etherparse::PacketBuilder;

use super::{checked, index, planned};
use crate::{
    plan::{Capacity, Plan},
    replay::{
        HostEngine, PathEngine as _,
        route_tables::{route_tables, with_room_for},
        routes_file::parse,
    },
};

/// A configuration with the routes of a file.
struct RoutedReplay {
    plan: Plan,
    capacity: Capacity,
    routes: String,
}

impl RoutedReplay {
    fn new(source_check: &str, routes: &[&str]) -> Self {
        let (plan, capacity) = planned(&checked(source_check));
        Self { plan, capacity, routes: routes.join("\n") }
    }

    /// Sends a packet by a link, and returns the reason and the MAC address that it left for.
    fn send(&self, link: &str, from: &str, to: &str, src_port: u16) -> (Reason, [u8; 6]) {
        let Self { plan, capacity, .. } = self;
        let routes = parse(&self.routes, Path::new("f"), plan).expect("routes");
        let tables = route_tables(plan, capacity, &routes).expect("room");
        let number = index(plan, link);
        let interface = plan.interfaces.iter().find(|own| own.index == number).expect("a link");
        let (port, tags): (_, &[u16]) = match link {
            "contoso/private/primary" => ("customer0", &[100, 10]),
            "contoso/private/secondary" => ("customer1", &[100, 10]),
            "contoso/hub" => ("core0", &[700, 1]),
            _ => ("core0", &[700, 2]),
        };
        let capacity = with_room_for(*capacity, &tables);
        let mut engine = HostEngine::new(plan, plan.port(port).expect("a port"), &capacity);
        engine.route_by(tables);
        let own_mac = Mac::from_bits(interface.value.mac).to_bytes();
        let mut frame = frame(own_mac, tags, &packet(from, to, src_port));
        let outcome = engine.run(&mut frame, 1).expect("the path runs");
        let left_for = frame[..6].try_into().expect("six bytes");
        (outcome.reason().expect("it ended"), left_for)
    }

    fn reason(&self, link: &str, from: &str, to: &str) -> Reason {
        self.send(link, from, to, 1024).0
    }

    /// The links that packets with many source ports leave by, by their interfaces.
    fn spread(&self, link: &str, from: &str, to: &str) -> BTreeSet<u32> {
        let ports = 1024..1088;
        let left = ports.map(|port| {
            let (reason, [.., low]) = self.send(link, from, to, port);
            assert_eq!(reason, Reason::Ok);
            u32::from(low)
        });
        left.collect()
    }
}

fn packet(from: &str, to: &str, src_port: u16) -> Vec<u8> {
    let [from, to] = [from, to].map(|text| text.parse::<IpAddr>().expect("an address"));
    let builder = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), 64),
        (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), 64),
        mixed => panic!("{mixed:?}"),
    };
    let mut bytes = Vec::new();
    builder.udp(src_port, 2048).write(&mut bytes, &[0; 100]).expect("it fits");
    bytes
}

fn frame(to: [u8; 6], vids: &[u16], payload: &[u8]) -> Vec<u8> {
    let mut bytes = [&to[..], &[2, 0, 0, 0, 0, 9]].concat();
    for vid in vids {
        bytes.extend_from_slice(&[0x81, 0]);
        bytes.extend_from_slice(&vid.to_be_bytes());
    }
    let ether_type: [u8; 2] = if payload[0] >> 4 == 4 { [8, 0] } else { [0x86, 0xdd] };
    [&bytes[..], &ether_type, payload].concat()
}

const PRIMARY: &str = "contoso/private/primary";
const SECONDARY: &str = "contoso/private/secondary";
const HUB: &str = "contoso/hub";

#[test]
fn a_frame_goes_by_the_file_the_configuration_and_the_longest_prefix() {
    let routes = ["10.9.0.0/16 via contoso/private/primary", "10.0.0.0/8 via contoso/two words"];
    let replay = RoutedReplay::new("advertised", &routes);
    let left_for = |link: &str, from: &str, to: &str| {
        let (reason, [.., low]) = replay.send(link, from, to, 1024);
        (reason, u32::from(low))
    };
    let [hub, words] = [HUB, "contoso/two words"].map(|link| index(&replay.plan, link));
    for (to, link) in [("10.2.1.9", hub), ("10.2.2.9", words), ("10.200.0.1", words)] {
        assert_eq!(left_for(PRIMARY, "10.9.0.1", to), (Reason::Ok, link), "{to}");
    }
    let primary = index(&replay.plan, PRIMARY);
    assert_eq!(left_for(HUB, "10.2.1.9", "10.9.0.1"), (Reason::Ok, primary));
    assert_eq!(replay.reason(PRIMARY, "10.9.0.1", "11.0.0.1"), Reason::NoRoute);
    // No way leads from the customer to the customer.
    assert_eq!(replay.reason(SECONDARY, "10.9.0.1", "172.16.0.1"), Reason::NoRoute);
    // Nor from a VNet to the other one.
    assert_eq!(replay.reason(HUB, "10.2.1.9", "10.2.2.9"), Reason::NoRoute);
}

#[test]
fn a_prefix_by_both_links_is_shared_by_them() {
    let shared =
        ["10.9.0.0/16 via contoso/private/primary", "10.9.0.0/16 via contoso/private/secondary"];
    let replay = RoutedReplay::new("advertised", &shared);
    let both: BTreeSet<u32> =
        [PRIMARY, SECONDARY].map(|link| index(&replay.plan, link)).into_iter().collect();
    assert_eq!(replay.spread(HUB, "10.2.1.9", "10.9.0.1"), both);
    // A static route of the configuration leads to both, too, and takes the place of one of the file.
    let replay = RoutedReplay::new("advertised", &["172.16.0.0/16 via contoso/private/primary"]);
    assert_eq!(replay.spread(HUB, "10.2.1.9", "172.16.0.1"), both);
}

#[test]
fn sources_are_checked_as_the_configuration_says() {
    let routes = ["10.9.0.0/16 via contoso/private/primary"];
    for (source_check, by_primary, by_secondary, unknown) in [
        ("off", Reason::Ok, Reason::Ok, Reason::Ok),
        ("advertised", Reason::Ok, Reason::Ok, Reason::Spoofed),
        ("strict", Reason::Ok, Reason::Spoofed, Reason::Spoofed),
    ] {
        let replay = RoutedReplay::new(source_check, &routes);
        let reasons = [(PRIMARY, "10.9.0.1"), (SECONDARY, "10.9.0.1"), (PRIMARY, "10.8.0.1")];
        let reasons = reasons.map(|(link, from)| replay.reason(link, from, "10.2.1.9"));
        assert_eq!(reasons, [by_primary, by_secondary, unknown], "{source_check}");
        // A VNet sends from its own prefixes only, whatever the customer may do.
        assert_eq!(replay.reason(HUB, "10.2.1.9", "10.9.0.1"), Reason::Ok);
        assert_eq!(replay.reason(HUB, "10.2.2.9", "10.9.0.1"), Reason::Spoofed);
    }
}

#[test]
fn both_families_have_tables_and_ends_are_known() {
    let routes = [
        "fd00:9::/48 via contoso/private/primary",
        "fd00:8::1/128 via contoso/two words",
        "10.9.0.0/16 via contoso/hub",
    ];
    let replay = RoutedReplay::new("advertised", &routes);
    let words = "contoso/two words";
    assert_eq!(replay.reason(PRIMARY, "fd00:9::1", "fd00:8::1"), Reason::Ok);
    assert_eq!(replay.reason(words, "fd00:8::1", "fd00:9::1"), Reason::Ok);
    assert_eq!(replay.reason(PRIMARY, "fd00:9::1", "fd00:8::2"), Reason::NoRoute);
    assert_eq!(replay.reason(words, "fd00:8::2", "fd00:9::1"), Reason::Spoofed);
    // The customer's router itself may send, and to the edge's own address nothing listens.
    assert_eq!(replay.reason(PRIMARY, "192.168.15.17", "10.9.0.1"), Reason::Ok);
    assert_eq!(replay.reason(SECONDARY, "192.168.15.17", "10.9.0.1"), Reason::Ok);
    assert_eq!(replay.reason(PRIMARY, "192.168.15.17", "192.168.15.18"), Reason::NotForUs);
    assert_eq!(replay.reason(PRIMARY, "192.168.15.17", "10.1.1.1"), Reason::NotForUs);
}
