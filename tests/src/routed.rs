//! A random world with routed circuits: tables of the router, and frames that meet them.

#![expect(
    clippy::cast_possible_truncation,
    reason = "any bits of a random word do, and the world's numbers are small"
)]

mod dice;
mod packets;

use std::collections::BTreeMap;

use edge_common::{
    abi::{
        attachment::Attachment,
        fib::RouteValue,
        policer::Bucket,
        port::Features,
        rewrite::{LeavingTag, Retag, TagSource},
        router::{RouterInterface, mac_of},
        routing::{MAX_MEMBERS, Mac, NextHop, NextHopGroup},
    },
    host::{
        HostRouter,
        fib::{HostFib, Route, intervals},
    },
};
use edge_user::plan::{Police, RouterCapacity};

use self::dice::Dice;
use crate::fixture::Fixture;

/// Two customers with two links each, one of whom has rules, limits and fairness, and a wire.
const CONFIG: &str = r#"
[edge]
name = "routed"

[[port]]
name = "customer0"
interface = "cust0"
side = "customer"
forward = "core0"

[[port]]
name = "core0"
interface = "core0"
side = "core"
forward = "customer0"

[[circuit]]
name = "contoso"
bandwidth = "1 Gbps"
s_tag = 100
peering = [{ kind = "private", c_tag = 10 }, { kind = "microsoft", c_tag = 20 }]

[[circuit]]
name = "northwind"
bandwidth = "1 Mbps"
burst = 8000
fairness = "flow"
ecn = "mark"
accounting = "l3"
s_tag = 101
peering = [{ kind = "private", c_tag = 10, bandwidth = "500 kbps", qos = "ports" }]

[[circuit]]
name = "plain"
bandwidth = "1 Gbps"
peering = [{ kind = "private", c_tag = 300 }]

[[circuit]]
name = "wire"
bandwidth = "1 Gbps"
s_tag = 102
core_s_tag = 400
peering = [{ kind = "private", c_tag = 10 }]

[qos.ports]
classes = [
  { name = "voice", dscp = [46], pcp_mark = 6, match = { proto = "udp", dst_port = "50000-50019" } },
  { name = "rest", dscp = ["default", 10], burst_share = 0.5, bandwidth = "400 kbps" },
]
"#;

/// A circuit, a peering of it, and the tags of its links.
type RoutedCircuit = (&'static str, &'static str, &'static [(u16, u16)]);

/// Circuits of [`CONFIG`] that are routed.
const ROUTED: [RoutedCircuit; 4] = [
    ("contoso", "private", &[(0x8100, 100), (0x8100, 10)]),
    ("contoso", "microsoft", &[(0x88a8, 100), (0x8100, 20)]),
    ("northwind", "private", &[(0x8100, 101), (0x8100, 10)]),
    ("plain", "private", &[(0x8100, 300)]),
];

/// The edge's number in its MAC addresses.
const EDGE: u8 = 7;
const NEXT_HOPS: u32 = 12;
const GROUPS: u32 = 4;
const LINKS: u32 = 4;

/// Tables of the router, and the configuration whose circuits they route.
pub struct RoutedWorld {
    /// The configuration, with routed attachments.
    pub fixture: Fixture,
    /// The router's tables.
    pub router: HostRouter,
    /// By port and place in [`ROUTED`], the index of the interface.
    interfaces: BTreeMap<(String, usize), usize>,
}

impl RoutedWorld {
    /// The world with this seed.
    ///
    /// # Panics
    ///
    /// If the configuration is not valid.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut fixture = Fixture::of(CONFIG, Police::Purchased);
        fixture.capacity.router = RouterCapacity {
            interfaces: 16,
            roots: 64,
            trees: 256,
            fib_lines: 4096,
            next_hops: NEXT_HOPS + 1,
            next_hop_groups: GROUPS + 1,
            links: LINKS + 1,
        };
        // The slow circuit's, so that there are frames for the router above the rate, too.
        let slow = fixture.plan.attachments.iter().find(|known| known.key.circuit == "northwind");
        let slow = slow.expect("an attachment").value.bucket();
        let mut interfaces = vec![RouterInterface::default()];
        let mut owners = vec![0];
        let mut by_place = BTreeMap::new();
        let ports: Vec<_> =
            fixture.plan.ports.iter().map(|port| (port.name.clone(), port.index)).collect();
        let features = Features::ALL.to_bits() & dice.word() as u32 | Features::ROUTED.to_bits();
        for port in &mut fixture.plan.ports {
            port.features = Features::from_bits(features | port.features.to_bits());
        }
        for attachment in &mut fixture.plan.attachments {
            let key = &attachment.key;
            let is_routed = |(circuit, peering, _): &RoutedCircuit| {
                *circuit == key.circuit && *peering == key.peering.as_str()
            };
            let Some(place) = ROUTED.iter().position(is_routed) else { continue };
            let index = interfaces.len() as u32;
            by_place.insert((key.port.clone(), place), interfaces.len());
            attachment.value.flags |= Attachment::ROUTED;
            attachment.value.retag = 0;
            attachment.value.router_interface = index;
            let port = ports.iter().find(|(name, _)| *name == key.port).expect("a port").1;
            interfaces.push(interface(&mut dice, index, port, slow));
            owners.push(attachment.index);
        }
        let router = router(&mut dice, interfaces, &owners, ports.len() as u32);
        Self { fixture, router, interfaces: by_place }
    }

    /// A frame that comes to this port, by chance.
    pub fn frame(&self, port: &str, dice: &mut Dice) -> Vec<u8> {
        packets::frame(self, port, dice)
    }
}

/// A source of chance.
#[must_use]
pub fn dice(seed: u64) -> Dice {
    Dice(seed)
}

fn interface(dice: &mut Dice, index: u32, egress: u32, slow: Bucket) -> RouterInterface {
    let bucket = |dice: &mut Dice| if dice.one_in(3) { slow } else { Bucket::NONE };
    let has_v4 = !dice.one_in(16);
    let has_v6 = !dice.one_in(8);
    let root = |dice: &mut Dice, may_be_none: u64| {
        if dice.one_in(may_be_none) { 0 } else { 1 + dice.below(15) as u32 }
    };
    RouterInterface {
        mac: mac_of(EDGE, index).to_bits(),
        own_v4: if has_v4 { packets::OWN_V4 } else { 0 },
        peer_v4: if has_v4 { packets::PEER_V4 } else { 0 },
        prefix_len_v4: 30,
        own_v6: if has_v6 { packets::OWN_V6 } else { [0, 0] },
        peer_v6: if has_v6 { packets::PEER_V6 } else { [0, 0] },
        destinations_v4: root(dice, 12),
        destinations_v6: 16 + root(dice, 12),
        sources_v4: root(dice, 2),
        sources_v6: if dice.one_in(2) { 0 } else { 16 + root(dice, 12) },
        bgp_port: if dice.one_in(2) { 0 } else { 179 },
        punts: bucket(dice),
        answers: bucket(dice),
        retag: retag(dice).to_bits(),
        egress,
        ..RouterInterface::default()
    }
}

fn retag(dice: &mut Dice) -> Retag {
    let mut tag = |vid| {
        let source = if dice.one_in(2) { TagSource::Outer } else { TagSource::Inner };
        let tpid = [0, 0x8100, 0x88a8][dice.below(3)];
        Some(LeavingTag { tpid, vid, source })
    };
    let (outer, inner) = (tag(100), tag(10));
    match dice.below(4) {
        0 => Retag::to(None, None),
        1 => Retag::to(outer, None),
        2 => Retag::NONE,
        _ => Retag::to(outer, inner),
    }
}

fn router(
    dice: &mut Dice,
    interfaces: Vec<RouterInterface>,
    owners: &[u32],
    ports: u32,
) -> HostRouter {
    let mut fib = HostFib { trees: vec![<_>::default()], lines: vec![<_>::default()] };
    let mut roots = vec![0];
    for _ in 1..=16 {
        let routes: Vec<Route<u32>> = (0..dice.below(60)).map(|_| route_v4(dice)).collect();
        roots.push(fib.add(&intervals(&routes)).map_or(0, u64::from));
    }
    for _ in 17..=32 {
        let routes: Vec<Route<u128>> = (0..dice.below(30)).map(|_| route_v6(dice)).collect();
        roots.push(fib.add_v6(&routes).map_or(0, u64::from));
    }
    let next_hops = (0..=NEXT_HOPS).map(|index| match index {
        0 => NextHop::default(),
        _ => NextHop {
            neighbour: if dice.one_in(8) { 0 } else { mac(index).to_bits() },
            own_mac: mac_of(EDGE, index).to_bits(),
            retag: retag(dice).to_bits(),
            egress: dice.below(ports as usize) as u32,
            owner: if dice.one_in(2) { 0 } else { owners[dice.below(owners.len())] },
            link: dice.below(LINKS as usize + 1) as u32,
            mtu_bytes: [1500, 1500, 1400, 80][dice.below(4)],
            ..NextHop::default()
        },
    });
    let next_hops = next_hops.collect();
    let groups = (0..=GROUPS).map(|_| NextHopGroup {
        members: std::array::from_fn(|_| 1 + dice.below(NEXT_HOPS as usize) as u32),
        count: 1 + dice.below(MAX_MEMBERS) as u32,
        ..NextHopGroup::default()
    });
    let groups = groups.collect();
    let links = (0..=LINKS).map(|link| u64::from(link != 0 && dice.one_in(4))).collect();
    HostRouter { interfaces, roots, fib, next_hops, groups, links }
}

fn mac(index: u32) -> Mac {
    Mac::new([2, 0, 0, 0, 1, index as u8])
}

fn value(dice: &mut Dice) -> RouteValue {
    match dice.below(12) {
        0 => RouteValue::BLACKHOLE,
        1 => RouteValue::LOCAL,
        2..=4 => RouteValue::group(1 + dice.below(GROUPS as usize) as u32).expect("small"),
        _ => RouteValue::next_hop(1 + dice.below(NEXT_HOPS as usize) as u32).expect("small"),
    }
}

fn route_v4(dice: &mut Dice) -> Route<u32> {
    let len = [0, 8, 12, 16, 24, 25, 30, 32][dice.below(8)];
    let hosts = u32::MAX.checked_shr(len).unwrap_or(0);
    let first = packets::address_v4(dice) & !hosts;
    Route { first, last: first | hosts, value: value(dice) }
}

fn route_v6(dice: &mut Dice) -> Route<u128> {
    let len = [0, 16, 32, 48, 64, 80, 126, 128][dice.below(8)];
    let hosts = u128::MAX.checked_shr(len).unwrap_or(0);
    let [upper, lower] = packets::address_v6(dice);
    let first = (u128::from(upper) << 64 | u128::from(lower)) & !hosts;
    Route { first, last: first | hosts, value: value(dice) }
}
