//! Prefixes of announcements, static routes and filters.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::device;
use crate::routing::bird::model::{
    DomainSide, SpeakerPlan,
    domain::{BgpDomain, StaticHop},
    faults::SpeakerFault,
};

pub(super) fn look(plan: &SpeakerPlan, faults: &mut Vec<SpeakerFault>) {
    for domain in &plan.domains {
        of_a_domain(domain, faults);
    }
    for session in plan.sessions() {
        for &prefix in session.import.within.iter().flatten() {
            host_bits(&session.name, prefix, faults);
        }
    }
}

fn of_a_domain(domain: &BgpDomain, faults: &mut Vec<SpeakerFault>) {
    let mut told = BTreeSet::new();
    let announced = domain.announcements.iter().map(|it| (DomainSide::Cloud, it.prefix));
    let routed = domain.statics.iter().map(|it| (it.side, it.prefix));
    let groups = domain.service_groups.iter().flatten();
    let of_services = groups.flat_map(|group| group.prefixes.iter().copied());
    let of_services = of_services.map(|prefix| (DomainSide::Cloud, prefix));
    for (side, prefix) in announced.chain(routed).chain(of_services) {
        host_bits(&domain.name, prefix, faults);
        if !told.insert((side, prefix.trunc())) {
            faults.push(SpeakerFault::PrefixTwice { domain: domain.name.clone(), prefix });
        }
    }
    let no_hop = |prefix| SpeakerFault::Hop { domain: domain.name.clone(), prefix };
    for route in &domain.statics {
        let has_hop =
            !route.hops.is_empty() && route.hops.iter().all(|hop| is_for(hop, route.prefix));
        if !has_hop {
            faults.push(no_hop(route.prefix));
        }
    }
    for group in domain.service_groups.iter().flatten() {
        let has_hop = |prefix: IpNet| group.hops.iter().any(|hop| is_for(hop, prefix));
        faults
            .extend(group.prefixes.iter().copied().filter(|prefix| !has_hop(*prefix)).map(no_hop));
    }
    let of_services = domain.service_groups.iter().flatten().flat_map(|group| &group.hops);
    for hop in domain.statics.iter().flat_map(|route| &route.hops).chain(of_services) {
        device(&domain.name, &hop.device, faults);
    }
}

/// Whether a hop is of the family of a prefix.
fn is_for(hop: &StaticHop, prefix: IpNet) -> bool {
    prefix.addr().is_ipv4() == hop.gateway.is_ipv4()
}

fn host_bits(place: &str, prefix: IpNet, faults: &mut Vec<SpeakerFault>) {
    if prefix != prefix.trunc() {
        faults.push(SpeakerFault::HostBits { place: place.to_owned(), prefix });
    }
}
