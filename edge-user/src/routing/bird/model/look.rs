//! The look at a plan before BIRD gets it: BIRD would refuse some of these faults with a line of a
//! file that nobody wrote, and would run with the others.

mod addresses;
mod routes;
mod times;

use std::collections::BTreeMap;

use super::{
    SpeakerPlan,
    faults::{SpeakerFault, SpeakerFaults},
    session::BgpSession,
};
use crate::routing::bird::version::BirdVersion;

/// Longest name of a device (`IFNAMSIZ` in `linux/if.h`, without its end).
const MAX_DEVICE_LEN_BYTES: usize = 15;
/// Longest name for people: with more, a line of BIRD's answers overflows.
const MAX_NAME_LEN_BYTES: usize = 128;
/// The kernel's own tables (`linux/rtnetlink.h`).
const KERNELS_TABLES: [u32; 4] = [0, 253, 254, 255];
/// AS numbers that nobody has: RFC 7607, RFC 6793 and RFC 7300.
const RESERVED_ASNS: [u32; 4] = [0, 23_456, 65_535, u32::MAX];

/// Every fault of a plan.
pub(super) fn look(plan: &SpeakerPlan, version: BirdVersion) -> Result<(), SpeakerFaults> {
    let mut faults = Vec::new();
    of_the_edge(plan, &mut faults);
    of_the_tables(plan, &mut faults);
    let mut devices = BTreeMap::new();
    let mut indices = BTreeMap::new();
    for session in plan.sessions() {
        let name = &session.name;
        let twice = [devices.insert(&session.device, name), indices.insert(session.index, name)];
        if let Some(other) = twice.into_iter().flatten().next() {
            faults.push(SpeakerFault::DeviceTwice { session: other.clone(), other: name.clone() });
        }
        of_a_session(plan, session, version, &mut faults);
    }
    addresses::look(plan, &mut faults);
    routes::look(plan, &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(SpeakerFaults(faults)) }
}

fn of_the_edge(plan: &SpeakerPlan, faults: &mut Vec<SpeakerFault>) {
    let id = plan.router_id;
    if id.is_unspecified() || id.is_multicast() || id.is_broadcast() || id.is_loopback() {
        faults.push(SpeakerFault::RouterId(id.into()));
    }
    if RESERVED_ASNS.contains(&plan.asn) {
        faults.push(SpeakerFault::Asn { place: "the edge".to_owned(), asn: plan.asn });
    }
    times::look_edge(plan, faults);
}

fn of_the_tables(plan: &SpeakerPlan, faults: &mut Vec<SpeakerFault>) {
    let (first, last) = (*plan.kernel_tables.start(), *plan.kernel_tables.end());
    if first > last || KERNELS_TABLES.iter().any(|table| plan.kernel_tables.contains(table)) {
        faults.push(SpeakerFault::Tables { first, last });
    }
    let mut tables = BTreeMap::new();
    for domain in &plan.domains {
        name(&domain.name, faults);
        let table = domain.kernel_table;
        if !plan.kernel_tables.contains(&table) {
            faults.push(SpeakerFault::Table { domain: domain.name.clone(), table, first, last });
        }
        if let Some(other) = tables.insert(table, &domain.name) {
            let (domain, other) = (other.clone(), domain.name.clone());
            faults.push(SpeakerFault::TableTwice { domain, other, table });
        }
    }
}

fn of_a_session(
    plan: &SpeakerPlan,
    session: &BgpSession,
    version: BirdVersion,
    faults: &mut Vec<SpeakerFault>,
) {
    name(&session.name, faults);
    device(&session.name, &session.device, faults);
    let place = || session.name.clone();
    if RESERVED_ASNS.contains(&session.peer_asn) {
        faults.push(SpeakerFault::Asn { place: place(), asn: session.peer_asn });
    }
    if session.peer_asn == plan.asn {
        faults.push(SpeakerFault::OwnAsn { session: place(), asn: plan.asn });
    }
    if !version.accepts_equal_peers() {
        if session.is_passive {
            faults.push(SpeakerFault::Passive { session: place(), version });
        }
        if !session.has_own_port() {
            let index = session.index;
            faults.push(SpeakerFault::Port { session: place(), index, version });
        }
    }
    times::look(session, faults);
}

/// A name for people has to fit into a string of BIRD's configuration and a line of its answers.
fn name(name: &str, faults: &mut Vec<SpeakerFault>) {
    let is_fit = |c: char| !c.is_control() && c != '"';
    if name.is_empty() || name.len() > MAX_NAME_LEN_BYTES || !name.chars().all(is_fit) {
        faults.push(SpeakerFault::Name(name.to_owned()));
    }
}

/// A device's name, which BIRD takes as a pattern where it holds `*` or `?`, and as a symbol in an
/// address with a device.
fn device(place: &str, device: &str, faults: &mut Vec<SpeakerFault>) {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins = device.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if !begins || device.len() > MAX_DEVICE_LEN_BYTES || !device.bytes().all(is_fit) {
        let (place, device) = (place.to_owned(), device.to_owned());
        faults.push(SpeakerFault::Device { place, device });
    }
}
