//! The routed path against an oracle that has routes as a list and addresses as the standard library knows them: no
//! tree, no root, no record.

mod oracle;
mod questions;

use std::net::IpAddr;

use crate::{
    icmp_check::check_error,
    packets::{ICMP, Packet, TCP, UDP},
    routed_runs::{Send, arriving, leaving},
    routed_tables::{
        A_CLOUD, A_CUSTOMER, A_VNET, A1, A1_OUT, A2, A2_OUT, BOTH_LINKS, MTU, NARROW, world,
    },
    routes::install,
};
use edge_common::{Action, Reason, abi::fib::RouteValue, env::Way, host::HostTables};
use proptest::prelude::*;

/// The end of a route.
#[derive(Clone, Copy, Debug)]
enum Target {
    Hop(u32),
    BothLinks,
    Edge,
    Nothing,
}

/// A prefix, and the end of its route.
type ListedRoute = (IpAddr, u32, Target);

/// A domain's routes, and the state of its links and neighbours.
#[derive(Clone, Debug)]
struct Domain {
    cloud: Vec<ListedRoute>,
    customer: Vec<ListedRoute>,
    are_sources_checked: bool,
    down: Vec<u32>,
    unresolved: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Udp,
    Echo,
    IcmpError,
    Bgp,
    Bfd,
    LaterFragment,
}

/// The station that a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Station {
    Edge,
    Group,
    Other,
}

#[derive(Clone, Debug)]
struct Question {
    at: u32,
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
    content: Content,
    is_long: bool,
    station: Station,
}

impl Domain {
    fn tables(&self) -> HostTables {
        let mut tables = world();
        let value = |target| match target {
            Target::Hop(hop) => RouteValue::next_hop(hop).unwrap(),
            Target::BothLinks => RouteValue::group(BOTH_LINKS).unwrap(),
            Target::Edge => RouteValue::LOCAL,
            Target::Nothing => RouteValue::BLACKHOLE,
        };
        for (root, routes) in [(A_CLOUD, &self.cloud), (A_CUSTOMER, &self.customer)] {
            let prefixes: Vec<String> =
                routes.iter().map(|(address, len, _)| format!("{address}/{len}")).collect();
            let values = routes.iter().map(|(_, _, target)| value(*target));
            let routes: Vec<_> = prefixes.iter().map(String::as_str).zip(values).collect();
            install(&mut tables.router, root, &routes);
        }
        for at in [A1, A_VNET] {
            let interface = &mut tables.router.interfaces[at as usize];
            if !self.are_sources_checked {
                (interface.sources_v4, interface.sources_v6) = (0, 0);
            }
        }
        for hop in &self.down {
            tables.router.links[*hop as usize] = 7;
        }
        for hop in &self.unresolved {
            tables.router.next_hops[*hop as usize].neighbour = 0;
        }
        tables
    }
}

impl Question {
    fn packet(&self) -> Packet {
        let (source, destination) = (self.source.to_string(), self.destination.to_string());
        let len = if self.is_long { 700 } else { 20 };
        let udp = |port| Packet::udp(&source, &destination, (40_000, port), len);
        let packet = match self.content {
            Content::Udp => udp(53),
            Content::Echo => Packet::echo(&source, &destination, len),
            Content::IcmpError if self.source.is_ipv4() => {
                Packet::icmp(&source, &destination, 3, 1, &vec![0; len])
            }
            Content::IcmpError => Packet::icmp(&source, &destination, 1, 0, &vec![0; len]),
            Content::Bgp => Packet::tcp(&source, &destination, (40_000, 179), 2),
            Content::Bfd => udp(3784),
            Content::LaterFragment if self.source.is_ipv4() => udp(53).fragment(9),
            Content::LaterFragment => {
                let fragment = [&[UDP, 0, 0, 0x48, 0, 0, 0, 1][..], &vec![0; len]].concat();
                Packet::new(&source, &destination, 44, &fragment)
            }
        };
        assert!([ICMP, TCP, UDP, 44, 58].contains(&packet.protocol));
        packet.ttl(self.ttl)
    }
}

proptest! {
    #[test]
    fn the_path_goes_where_a_list_of_routes_leads(
        domain in questions::domain(),
        asked in prop::collection::vec(questions::question(), 40),
    ) {
        let mut tables = domain.tables();
        for question in asked {
            check(&domain, &mut tables, &question);
        }
    }
}

fn check(domain: &Domain, tables: &mut HostTables, question: &Question) {
    let at = format!("{question:?} in {domain:?}");
    let packet = question.packet();
    let mut frame = arriving(question.at, &packet);
    match question.station {
        Station::Edge => {}
        Station::Group => frame[..6].fill(0xff),
        Station::Other => frame[5] ^= 0x40,
    }
    let sent = tables.send_frame(&frame);
    let (reason, is_told, hops) = domain.verdict(question);
    assert_eq!(sent.reason, reason, "{at}");
    let action = match reason {
        Reason::Ok => Action::Forward,
        Reason::Punted => Action::Punt,
        _ if is_told => Action::Answer,
        _ => Action::Drop,
    };
    assert_eq!(sent.action, action, "{at}");
    match action {
        Action::Forward => {
            // The neighbour's MAC address ends with the number of the next hop.
            let hop = u32::from(sent.left[5]);
            assert!(hops.contains(&hop), "{hop}: {at}");
            let interface = if hop == NARROW { A_VNET } else { hop };
            assert_eq!(sent.left, leaving(hop, interface, &packet.ttl(question.ttl - 1)), "{at}");
            let owner = match hop {
                A1 => A1_OUT,
                A2 => A2_OUT,
                _ => question.at,
            };
            assert_eq!(sent.outcome.attachment, owner, "{at}");
            assert!(sent.left.len() <= MTU as usize + 22);
        }
        Action::Answer => {
            assert_eq!(sent.way(), Some(Way::Back), "{at}");
            if reason != Reason::Answered {
                check_error(&sent);
            }
        }
        Action::Punt => assert_eq!(sent.way(), Some(Way::Router), "{at}"),
        Action::Drop | Action::Pass => assert!(sent.is_unchanged() && sent.way().is_none(), "{at}"),
    }
}

/// The questions are not all of one kind.
#[test]
fn the_questions_have_all_kinds_of_verdicts() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut reasons: Vec<Reason> = Vec::new();
    for _ in 0..150 {
        let domain = questions::domain().new_tree(&mut runner).unwrap().current();
        for _ in 0..20 {
            let question = questions::question().new_tree(&mut runner).unwrap().current();
            reasons.push(domain.verdict(&question).0);
        }
    }
    for reason in [
        Reason::Ok,
        Reason::Punted,
        Reason::Answered,
        Reason::NotForUs,
        Reason::Martian,
        Reason::Spoofed,
        Reason::NoRoute,
        Reason::TtlExpired,
        Reason::TooBig,
        Reason::NoNeighbour,
        Reason::LinkDown,
    ] {
        let count = reasons.iter().filter(|other| **other == reason).count();
        assert!(count >= 3, "{} only {count} times", reason.as_str());
    }
}
