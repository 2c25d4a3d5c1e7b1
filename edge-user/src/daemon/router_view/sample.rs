//! A router for tests: one domain, `contoso/private`, with a link, a virtual network, and a fault.

use std::net::IpAddr;

use edge_api::{
    BfdStatus, BgpRoute, DomainStatus, ForwardingRoute, LinkStatus, LivenessState, NeighbourStatus,
    NextHopStatus, ReceivedRoute, RouteAction, RouteDifference, RouteFamily, RouteHops,
    RouteListing, RouteLookup, RouteSide, RouteStanding, Routes, RoutesView, SessionState,
    SessionStatus,
};

use super::{LinkLook, LookRefused, RouterView};
use crate::report::Told;

/// A router that knows `contoso`, whose peering `public` is a wire.
#[derive(Default)]
pub(crate) struct SampleRouter {
    pub(crate) speaker: SampleSpeaker,
}

/// The BGP speaker of a [`SampleRouter`].
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum SampleSpeaker {
    #[default]
    Well,
    Silent,
    None,
}

impl RouterView for SampleRouter {
    fn sessions(&self) -> Result<Vec<SessionStatus>, LookRefused> {
        match self.speaker {
            SampleSpeaker::Well => Ok(sessions()),
            SampleSpeaker::Silent => {
                let told = Told::new("it does not answer").after("asking BIRD for sessions");
                Err(LookRefused::Silent(told))
            }
            SampleSpeaker::None => Ok(Vec::new()),
        }
    }

    fn routes(
        &self,
        circuit: &str,
        peering: &str,
        view: RoutesView,
    ) -> Result<Routes, LookRefused> {
        known(circuit, peering)?;
        let listing = match (view, self.speaker) {
            (RoutesView::Forwarding, _) => RouteListing::Forwarding { routes: vec![forwarding()] },
            (RoutesView::Diff, _) => RouteListing::Diff { routes: vec![difference()] },
            (_, SampleSpeaker::None) => return Err(LookRefused::NoSpeaker),
            (_, SampleSpeaker::Silent) => {
                return Err(LookRefused::Silent(Told::new("BIRD does not answer")));
            }
            (RoutesView::Received, SampleSpeaker::Well) => RouteListing::Received {
                routes: [RouteStanding::Used, RouteStanding::Refused]
                    .map(|standing| ReceivedRoute { route: bgp("10.9.0.0/16"), standing })
                    .to_vec(),
            },
            (RoutesView::Advertised, SampleSpeaker::Well) => {
                RouteListing::Advertised { routes: vec![bgp("10.1.0.0/16")] }
            }
        };
        Ok(Routes { circuit: circuit.to_owned(), peering: peering.to_owned(), listing })
    }

    fn lookup(
        &self,
        circuit: &str,
        peering: &str,
        address: IpAddr,
        from: Option<IpAddr>,
    ) -> Result<RouteLookup, LookRefused> {
        known(circuit, peering)?;
        if address.is_ipv6() {
            return Err(LookRefused::Failed(Told::new("the tables are gone")));
        }
        let is_spoofed = from.is_some_and(|from| from != address_of("10.9.0.1"));
        Ok(lookup(if is_spoofed { "spoofed" } else { "ok" }, from))
    }

    fn domains(&self) -> Vec<DomainStatus> {
        vec![domain()]
    }

    fn peering_links(&self) -> Vec<LinkLook> {
        Vec::new()
    }

    fn faults(&self) -> Vec<String> {
        vec!["the port is missing".to_owned()]
    }
}

fn known(circuit: &str, peering: &str) -> Result<(), LookRefused> {
    let (circuit, peering) = (circuit.to_owned(), peering.to_owned());
    match (&*circuit, &*peering) {
        ("contoso", "private") => Ok(()),
        ("contoso", "public") => Err(LookRefused::IsWire { circuit, peering }),
        ("contoso", _) => Err(LookRefused::NoPeering { circuit, peering }),
        _ => Err(LookRefused::NoCircuit(circuit)),
    }
}

fn address_of(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// One that is up, one over its limit, and a gateway's over IPv6 that connects.
pub(crate) fn sessions() -> Vec<SessionStatus> {
    let up = SessionStatus {
        circuit: "contoso".to_owned(),
        peering: "private".to_owned(),
        link: Some("primary".to_owned()),
        state: SessionState::Established,
        since: "2026-01-02T03:04:05Z".parse().ok(),
        routes: 12,
        limit: 4_000,
        bfd: Some(BfdStatus {
            state: LivenessState::Up,
            since: "2026-01-02T03:04:04Z".parse().ok(),
            interval_ms: 300,
            timeout_ms: 900,
        }),
        last_error: None,
        vnet: None,
        family: RouteFamily::Ipv4,
        own: address_of("192.168.15.18"),
        peer: address_of("192.168.15.17"),
        peer_asn: 65_001,
        own_mac: "02:ed:00:00:00:01".to_owned(),
        neighbour_mac: Some("02:00:00:00:00:01".to_owned()),
        routes_refused: 2,
        routes_told: 3,
        over_limit: false,
    };
    let over = SessionStatus {
        link: Some("secondary".to_owned()),
        state: SessionState::Idle,
        routes: 0,
        last_error: Some("the peer told more routes than its limit".to_owned()),
        over_limit: true,
        bfd: Some(BfdStatus {
            state: LivenessState::Down,
            since: None,
            interval_ms: 0,
            timeout_ms: 0,
        }),
        ..up.clone()
    };
    let gateway = SessionStatus {
        link: None,
        vnet: Some("hub".to_owned()),
        state: SessionState::OpenSent,
        since: None,
        routes: 0,
        limit: 100,
        bfd: None,
        family: RouteFamily::Ipv6,
        own: address_of("fd00::1"),
        peer: address_of("fd00::2"),
        neighbour_mac: None,
        ..up.clone()
    };
    vec![up, over, gateway]
}

pub(crate) fn domain() -> DomainStatus {
    let customer = NeighbourStatus {
        link: Some("primary".to_owned()),
        vnet: None,
        port: "customer0".to_owned(),
        family: RouteFamily::Ipv4,
        address: address_of("192.168.15.17"),
        mac: Some("02:00:00:00:00:01".to_owned()),
        own_mac: "02:ed:00:00:00:01".to_owned(),
        link_up: true,
    };
    let gateway = NeighbourStatus {
        link: None,
        vnet: Some("hub".to_owned()),
        port: "core0".to_owned(),
        family: RouteFamily::Ipv6,
        address: address_of("fd00::2"),
        mac: None,
        ..customer.clone()
    };
    DomainStatus {
        circuit: "contoso".to_owned(),
        peering: "private".to_owned(),
        routes_v4: 4_012,
        routes_v6: 7,
        tree_lines: 1_043,
        generation: 3,
        age_s: Some(61.25),
        fault: Some("the forwarding tables are full".to_owned()),
        lag_s: 2.5,
        sessions: 3,
        neighbours: vec![customer, gateway],
        links: vec![LinkStatus {
            link: "primary".to_owned(),
            state: "up".to_owned(),
            reason: "up".to_owned(),
            arp_availability_percent: Some(100.0),
            bgp_availability_percent: Some(98.5),
        }],
    }
}

fn bgp(prefix: &str) -> BgpRoute {
    BgpRoute {
        prefix: prefix.to_owned(),
        link: Some("primary".to_owned()),
        vnet: None,
        next_hop: Some(address_of("192.168.15.17")),
        as_path: Some("65001".to_owned()),
        local_preference: Some(100),
        med: None,
        communities: vec!["12076:51002".to_owned()],
        since: None,
    }
}

fn hop() -> NextHopStatus {
    NextHopStatus {
        next_hop: address_of("10.1.255.6"),
        port: "core0".to_owned(),
        link: None,
        vnet: Some("hub".to_owned()),
        owner: "contoso/private".to_owned(),
        neighbour_mac: Some("02:00:00:00:00:09".to_owned()),
        live: true,
    }
}

fn forwarding() -> ForwardingRoute {
    ForwardingRoute {
        side: RouteSide::Cloud,
        prefix: Some("10.1.0.0/16".to_owned()),
        first: address_of("10.1.0.0"),
        last: address_of("10.1.255.255"),
        way: RouteHops { action: RouteAction::Forward, hops: vec![hop()] },
    }
}

fn difference() -> RouteDifference {
    RouteDifference {
        side: RouteSide::Customer,
        prefix: None,
        first: address_of("10.9.0.0"),
        last: address_of("10.9.0.2"),
        kernel: Some(RouteHops { action: RouteAction::Blackhole, hops: Vec::new() }),
        forwarding: None,
    }
}

fn lookup(reason: &str, from: Option<IpAddr>) -> RouteLookup {
    let is_forwarded = reason == "ok";
    let taken = is_forwarded.then(hop);
    RouteLookup {
        reason: reason.to_owned(),
        next_hop: taken.as_ref().map(|hop| hop.next_hop),
        port: taken.as_ref().map(|hop| hop.port.clone()),
        owner: taken.as_ref().map(|hop| hop.owner.clone()),
        direction: "inbound".to_owned(),
        next_hops: vec![hop()],
        source: from.map(|_| reason.to_owned()),
        neighbour_mac: taken.and_then(|hop| hop.neighbour_mac),
        mtu_bytes: is_forwarded.then_some(1_500),
    }
}
