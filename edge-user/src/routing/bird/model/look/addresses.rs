//! Addresses of sessions, each and among each other.

use std::{collections::BTreeMap, net::IpAddr};

use crate::routing::bird::model::{SpeakerPlan, faults::SpeakerFault};

pub(super) fn look(plan: &SpeakerPlan, faults: &mut Vec<SpeakerFault>) {
    // One session stands for all that have the address: they are told one by one.
    let mut own = BTreeMap::new();
    for session in plan.sessions() {
        if session.ends().next().is_none() {
            faults.push(SpeakerFault::NoAddress(session.name.clone()));
        }
        for (_, ends) in session.ends() {
            own.entry(ends.own).or_insert(session);
            for address in [ends.own, ends.peer] {
                if !is_a_routers(address) {
                    faults.push(SpeakerFault::Address { session: session.name.clone(), address });
                }
            }
            if ends.own == ends.peer {
                let (session, address) = (session.name.clone(), ends.own);
                faults.push(SpeakerFault::SameAddress { session, address });
            }
        }
    }
    for session in plan.sessions() {
        for (_, ends) in session.ends().filter(|(_, ends)| ends.own != ends.peer) {
            if let Some(other) = own.get(&ends.peer) {
                let (session, other) = (session.name.clone(), other.name.clone());
                faults.push(SpeakerFault::PeerIsOwn { session, other, address: ends.peer });
            }
        }
    }
}

/// Whether a router can have the address on a link and speak BGP with it.
fn is_a_routers(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, ..] = v4.octets();
            first != 0 && first < 224 && !v4.is_loopback()
        }
        // Link-local ones would do, but a session over them takes the device in every address.
        IpAddr::V6(v6) => {
            !v6.is_unspecified()
                && !v6.is_loopback()
                && !v6.is_multicast()
                && !v6.is_unicast_link_local()
                && v6.to_ipv4_mapped().is_none()
        }
    }
}
