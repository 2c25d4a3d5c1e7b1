//! Prefixes of announcements, static routes and filters.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::device;
use crate::routing::bird::model::{
    AddressFamily, DomainSide, SpeakerPlan, domain::BgpDomain, faults::SpeakerFault,
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
    for route in &domain.statics {
        let family = AddressFamily::of(route.prefix);
        let is_of_family = |hop: std::net::IpAddr| hop.is_ipv4() == (family == AddressFamily::V4);
        let has_hop =
            !route.hops.is_empty() && route.hops.iter().all(|hop| is_of_family(hop.gateway));
        if !has_hop {
            faults.push(SpeakerFault::Hop { domain: domain.name.clone(), prefix: route.prefix });
        }
        for hop in &route.hops {
            device(&domain.name, &hop.device, faults);
        }
    }
}

fn host_bits(place: &str, prefix: IpNet, faults: &mut Vec<SpeakerFault>) {
    if prefix != prefix.trunc() {
        faults.push(SpeakerFault::HostBits { place: place.to_owned(), prefix });
    }
}
