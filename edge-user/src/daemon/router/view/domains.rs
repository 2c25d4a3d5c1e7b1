//! The status of routing domains.

use std::time::Instant;

use edge_api::{DomainStatus, NeighbourStatus};

use super::links::ShownLink;
use crate::routing::engine::state::{DomainState, RouterState};

/// Each domain of the links, which come domain by domain.
pub(super) fn domains(links: &[ShownLink], state: &RouterState) -> Vec<DomainStatus> {
    let of_one = |a: &ShownLink, b: &ShownLink| a.is_of(&b.circuit, b.peering);
    links.chunk_by(of_one).filter_map(|links| domain(links, state)).collect()
}

fn domain(links: &[ShownLink], state: &RouterState) -> Option<DomainStatus> {
    let first = links.first()?;
    let table = state.interfaces.get(&first.index).map(|interface| interface.table);
    let none = DomainState::default();
    let domain = table.and_then(|table| state.domains.get(&table)).unwrap_or(&none);
    let now = Instant::now();
    let seconds = |since: Instant| now.duration_since(since).as_secs_f64();
    let sessions = links.iter().filter(|link| link.session.is_some()).map(|link| link.ends.len());
    Some(DomainStatus {
        circuit: first.circuit.clone(),
        peering: first.peering.as_str().to_owned(),
        routes_v4: domain.customer.v4 + domain.cloud.v4,
        routes_v6: domain.customer.v6 + domain.cloud.v6,
        tree_lines: domain.tree_lines,
        generation: domain.generation,
        age_s: domain.swapped.map(seconds),
        fault: fault(links, domain, state),
        lag_s: domain.dirty_since.map_or(0.0, seconds),
        sessions: u32::try_from(sessions.sum::<usize>()).unwrap_or(u32::MAX),
        neighbours: links.iter().flat_map(|link| neighbours(link, state)).collect(),
        // Their states are followed elsewhere.
        links: Vec::new(),
    })
}

/// The first fault of those that count most for the domain.
fn fault(links: &[ShownLink], domain: &DomainState, state: &RouterState) -> Option<String> {
    let held = domain.is_held.then(|| {
        "the forwarding tables are those from before, until sessions have come back".to_owned()
    });
    let of_link = || {
        links.iter().find_map(|link| {
            let error = state.interfaces.get(&link.index)?.error.as_ref()?;
            Some(format!("the device of a link fails, so that it may carry no sessions: {error}"))
        })
    };
    domain.error.clone().or_else(of_link).or(held)
}

fn neighbours(link: &ShownLink, state: &RouterState) -> Vec<NeighbourStatus> {
    let interface = state.interfaces.get(&link.index);
    let all = link.ends.iter().map(|ends| NeighbourStatus {
        link: link.link_name(),
        vnet: link.vnet.clone(),
        port: link.port.clone(),
        family: ends.family(),
        address: ends.peer,
        mac: interface.and_then(|it| super::neighbour_mac(it, ends.family())),
        own_mac: interface.map(|it| it.mac.to_string()).unwrap_or_default(),
        link_up: interface.is_some_and(|it| it.is_up),
    });
    all.collect()
}
