//! Frames on the tables of a plan: what they count for, where they go, and whose they are.

use std::net::Ipv4Addr;

use edge_common::{
    Reason,
    abi::{fib::RouteValue, outcome::Outcome, routing::Mac},
    host::{
        HostRouter,
        fib::{Route, intervals},
    },
    reason::Action,
};
use etherparse::PacketBuilder;

use super::parse;
use crate::{
    config::{
        Config,
        sample::{Sample, SampleCircuit, SamplePort},
    },
    plan::{Capacity, DomainInterface, DomainPlan, Plan, Police},
    replay::{HostEngine, PathEngine as _},
};

type Tags<'a> = &'a [(u16, u16)];

/// A UDP packet of 200 bytes, with a TTL of 64.
fn packet(from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let builder = PacketBuilder::ipv4(from, to, 64).udp(1024, 2048);
    builder.write(&mut bytes, &[0; 172]).expect("it fits");
    bytes
}

fn frame(to: [u8; 6], tags: Tags<'_>, payload: &[u8]) -> Vec<u8> {
    let mut bytes = [&to[..], &[2, 0, 0, 0, 0, 9]].concat();
    for (tpid, vid) in tags {
        bytes.extend_from_slice(&tpid.to_be_bytes());
        bytes.extend_from_slice(&vid.to_be_bytes());
    }
    bytes.extend_from_slice(&[8, 0]);
    [&bytes, payload].concat()
}

/// A plan, and tables with the routes of its domains.
struct PlannedEdge {
    plan: Plan,
    capacity: Capacity,
    router: HostRouter,
}

impl PlannedEdge {
    fn new(config: &Config) -> Self {
        let capacity = Capacity::for_config(config);
        let plan = Plan::new(config, &capacity.unused(), Police::Purchased).expect("room");
        let mut router = HostEngine::new(&plan, &plan.ports[0], &capacity).router().clone();
        router.fib.trees.push(<_>::default());
        router.fib.lines.push(<_>::default());
        for domain in &plan.domains {
            add_routes(&plan, domain, &mut router);
        }
        Self { plan, capacity, router }
    }

    /// Sends a frame to the edge by a port, and returns its outcome and the frame that left.
    fn send(&self, port: &str, frame: &[u8]) -> (Outcome, Vec<u8>) {
        let port = self.plan.port(port).expect("a port");
        let mut engine = HostEngine::new(&self.plan, port, &self.capacity);
        engine.route_by(self.router.clone());
        let mut frame = frame.to_vec();
        let outcome = engine.run(&mut frame, 1).expect("the path runs");
        (outcome, frame)
    }

    /// The MAC address of the edge on a link of this circuit.
    fn mac(&self, circuit: &str, is_it: impl Fn(&DomainInterface) -> bool) -> [u8; 6] {
        let own = self.plan.domains.iter().filter(|domain| domain.circuit == circuit);
        let own = own.flat_map(DomainPlan::interfaces).find(|own| is_it(own)).expect("a link");
        let planned = self.plan.interfaces.iter().find(|planned| planned.index == own.index);
        Mac::from_bits(planned.expect("planned").value.mac).to_bytes()
    }
}

/// Static routes by the first interface that has them, and a neighbour at every interface.
fn add_routes(plan: &Plan, domain: &DomainPlan, router: &mut HostRouter) {
    let tree = |interfaces: &[DomainInterface], router: &mut HostRouter| {
        let listed = interfaces.iter().flat_map(|own| {
            let value = RouteValue::next_hop(2 * own.index).expect("an index");
            own.static_routes.iter().filter_map(move |route| match route {
                ipnet::IpNet::V4(route) => Some(Route {
                    first: route.network().to_bits(),
                    last: route.broadcast().to_bits(),
                    value,
                }),
                ipnet::IpNet::V6(_) => None,
            })
        });
        let listed: Vec<Route<u32>> = listed.collect();
        u64::from(router.fib.add(&intervals(&listed)).expect("room"))
    };
    let (customer, cloud) = (tree(&domain.customer, router), tree(&domain.cloud, router));
    for (own, there, here) in domain
        .customer
        .iter()
        .map(|own| (own, cloud, customer))
        .chain(domain.cloud.iter().map(|own| (own, customer, cloud)))
    {
        let places = plan.interface(&own.key).expect("planned").places();
        router.roots[places.destinations_v4 as usize] = there;
        router.roots[places.sources_v4 as usize] = here;
        let neighbour = Mac::new([2, 0, 0, 1, 0, u8::try_from(own.index).expect("few")]);
        router.next_hops[places.next_hop_v4 as usize].neighbour = neighbour.to_bits();
    }
}

fn is_customer(own: &DomainInterface) -> bool {
    own.port == "customer0"
}

fn is_cloud(own: &DomainInterface) -> bool {
    !is_customer(own)
}

fn sample() -> Sample {
    Sample::new("lab")
        .port(SamplePort::new("customer0", "customer").forward("core0"))
        .port(SamplePort::new("core0", "core").forward("customer0"))
        .routing("daemon", "none")
}

fn wire(accounting: &str, s_tag: Option<u16>) -> SampleCircuit {
    let circuit = SampleCircuit::new("contoso", "1 Gbps").key("accounting", accounting);
    let circuit = s_tag.into_iter().fold(circuit, SampleCircuit::s_tag);
    circuit.peering("private", 10)
}

/// The same circuit with a routed peering, and a VNet behind these tags.
fn routed(circuit: SampleCircuit, [s_tag, c_tag]: [Option<u16>; 2]) -> SampleCircuit {
    let mut circuit = circuit
        .of_peering("private", "primary", "192.168.15.16/30")
        .of_peering("private", "static_routes", vec!["172.16.0.0/16".to_owned()])
        .of_vnet("hub", "port", "core0")
        .of_vnet("hub", "own", "10.1.255.5/30")
        .of_vnet("hub", "gateway", "10.1.255.6")
        .of_vnet("hub", "prefixes", vec!["10.1.0.0/16".to_owned()]);
    for (key, tag) in [("s_tag", s_tag), ("c_tag", c_tag)] {
        if let Some(vid) = tag {
            circuit = circuit.of_vnet("hub", key, vid);
        }
    }
    circuit
}

const CUSTOMER: [u8; 4] = [172, 16, 0, 9];
const CLOUD: [u8; 4] = [10, 1, 0, 9];

/// The bytes on a bill don't depend on whether a peering is a wire, nor on the tags towards the VNet.
#[test]
fn a_routed_frame_counts_for_as_much_as_on_a_wire() {
    let vnet_tags = [[Some(700), Some(7)], [Some(700), None], [None, Some(7)]];
    for accounting in ["l1", "l2", "l3", "mef"] {
        for s_tag in [Some(100), None] {
            let s_tags: Vec<(u16, u16)> = s_tag.map(|vid| (0x8100, vid)).into_iter().collect();
            let tags = [&s_tags[..], &[(0x8100, 10)]].concat();
            let on_wire =
                PlannedEdge::new(&parse(&sample().circuit(wire(accounting, s_tag)).to_string()));
            let counted = |port: &str, payload: &[u8]| {
                let (outcome, _) = on_wire.send(port, &frame([2; 6], &tags, payload));
                assert_eq!(outcome.reason(), Some(Reason::Ok));
                outcome.len_bytes
            };
            let inbound = counted("customer0", &packet(CUSTOMER, CLOUD));
            let outbound = counted("core0", &packet(CLOUD, CUSTOMER));
            for vnet in vnet_tags {
                let case = (accounting, s_tag, vnet);
                let circuit = routed(wire(accounting, s_tag), vnet);
                let edge = PlannedEdge::new(&parse(&sample().circuit(circuit).to_string()));
                let to_edge =
                    frame(edge.mac("contoso", is_customer), &tags, &packet(CUSTOMER, CLOUD));
                let (outcome, left) = edge.send("customer0", &to_edge);
                assert_eq!(
                    (outcome.reason(), outcome.len_bytes),
                    (Some(Reason::Ok), inbound),
                    "{case:?}"
                );
                let behind: Vec<(u16, u16)> =
                    vnet.into_iter().flatten().map(|vid| (0x8100, vid)).collect();
                assert_eq!(left.len(), 14 + 4 * behind.len() + 200);
                let mac = edge.mac("contoso", is_cloud);
                let (outcome, left) =
                    edge.send("core0", &frame(mac, &behind, &packet(CLOUD, CUSTOMER)));
                assert_eq!(
                    (outcome.reason(), outcome.len_bytes),
                    (Some(Reason::Ok), outbound),
                    "{case:?}"
                );
                assert_eq!(left.len(), 14 + 4 * tags.len() + 200);
                let owner =
                    edge.plan.attachments.iter().find(|own| own.index == outcome.attachment);
                let owner = &owner.expect("an owner").key;
                assert!(owner.is_billed(), "{owner:?}");
                assert_eq!(
                    (owner.direction, &*owner.port),
                    (crate::model::Direction::Outbound, "customer0")
                );
            }
        }
    }
}

/// Both customers have all addresses in common, and neither meets the other's.
#[test]
fn customers_with_the_same_addresses_have_nothing_in_common() {
    let names = ["contoso", "fabrikam"];
    let circuits = (0u16..).zip(names).map(|(number, name)| {
        let circuit = wire("l2", Some(100 + number)).key("name", name);
        routed(circuit, [Some(700 + number), Some(7)])
    });
    let edge = PlannedEdge::new(&parse(&sample().circuits(circuits).to_string()));
    for (number, name) in (0u16..).zip(names) {
        let tags = [(0x8100, 100 + number), (0x8100, 10)];
        let behind = [(0x8100, 700 + number), (0x8100, 7)];
        let own_macs = [edge.mac(name, is_customer), edge.mac(name, is_cloud)];
        let other = names[usize::from(number == 0)];
        for (port, tags, mac, from, to, leaving) in [
            ("customer0", tags, own_macs[0], CUSTOMER, CLOUD, behind),
            ("core0", behind, own_macs[1], CLOUD, CUSTOMER, tags),
        ] {
            let (outcome, left) = edge.send(port, &frame(mac, &tags, &packet(from, to)));
            assert_eq!(outcome.reason(), Some(Reason::Ok), "{name}");
            let owner = edge.plan.attachments.iter().find(|own| own.index == outcome.attachment);
            assert_eq!(owner.expect("an owner").key.circuit, name);
            let expected: Vec<u8> = leaving
                .iter()
                .flat_map(|(tpid, vid)| [tpid.to_be_bytes(), vid.to_be_bytes()].concat())
                .collect();
            assert_eq!(left[12..20], expected, "{name}");
            // To the other's MAC address, a frame is nobody's.
            for mac in [edge.mac(other, is_customer), edge.mac(other, is_cloud)] {
                let (outcome, _) = edge.send(port, &frame(mac, &tags, &packet(from, to)));
                assert_eq!(outcome.reason(), Some(Reason::NotForUs));
            }
        }
    }
}

/// An echo request to the edge's own address.
fn echo(edge: &PlannedEdge) -> (Option<Reason>, Action) {
    let mut bytes = Vec::new();
    let own = Ipv4Addr::new(192, 168, 15, 18).octets();
    let builder = PacketBuilder::ipv4([192, 168, 15, 17], own, 64).icmpv4_echo_request(1, 2);
    builder.write(&mut bytes, &[]).expect("it fits");
    let tags = [(0x8100, 100), (0x8100, 10)];
    let request = frame(edge.mac("contoso", is_customer), &tags, &bytes);
    let (outcome, _) = edge.send("customer0", &request);
    let reason = outcome.reason().expect("it ended");
    (Some(reason), outcome.action(reason, edge.plan.ports[0].unmatched))
}

#[test]
fn an_answer_rate_of_none_is_none() {
    let circuit = || routed(wire("l2", Some(100)), [Some(700), None]);
    let answering = |rate: u32| {
        let sample = sample().routing("icmp_rate", rate).circuit(circuit());
        echo(&PlannedEdge::new(&parse(&sample.to_string())))
    };
    assert_eq!(answering(1), (Some(Reason::Answered), Action::Answer));
    assert_eq!(answering(0), (Some(Reason::PuntLimited), Action::Drop));
}
