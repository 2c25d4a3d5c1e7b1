//! Checks of the whole file: names refer to something, values that must differ do, and keys fit
//! together.

use std::collections::{BTreeMap, BTreeSet};

use edge_common::{
    abi::port::MAX_TPIDS,
    packet::vlan::{TPID_C_TAG, TPID_S_TAG},
};
use toml_span::{Span, Spanned};

use super::{
    Config, Forward, LedgerConfig, Link, Port, XdpMode,
    catalogue::{KnownPlaces, PrefixesFiles},
    circuit::Checks,
    error::Errors,
    forwards,
    keys::Field,
    ledger,
    names::{self, unique, unknown},
    prices::Zones,
    qos,
    routed::{self, Around, KeyFiles, KnownPorts},
    schema::{Document, RawPort},
    secondary_tag,
    tags::{self, TaggedPort},
};

/// The configuration; `None`: there are errors. Every error is reported.
pub(super) fn config(
    mut raw: Document,
    key_files: KeyFiles,
    prefixes_files: PrefixesFiles<'_>,
    errors: &Errors<'_>,
) -> Option<Config> {
    let places = KnownPlaces::new(&raw.catalogue, prefixes_files, errors);
    let unlinked_vnets = routed::adopt(&raw.vnets, &mut raw.circuits, &places, errors);
    let start = Span::new(0, 0);
    if raw.edge.is_none() {
        errors.add(start, "there is no [edge]; add it, with a `name`".into());
    }
    let raw_ports = raw.ports.as_deref().unwrap_or_default();
    if raw.ports.as_ref().is_some_and(Vec::is_empty) {
        errors.add(start, "there is no port; add a [[port]]".into());
    }
    let edge = raw.edge.as_ref().and_then(|raw| raw.checked(errors));
    let profiles = qos::profiles(&raw.profiles, errors);

    let names: Vec<_> = raw_ports.iter().filter_map(|port| port.name.given()).collect();
    unique(names.iter().map(|name| (*name, name.value.as_str())), "port", "name", errors);
    let interfaces = raw_ports.iter().filter_map(|port| {
        Some((port.interface.given()?, port.name.given().map_or("", |name| &name.value)))
    });
    unique(interfaces, "port", "interface", errors);
    let mut port_names: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
    // A name that two ports have is an error already. A circuit is on the first of them only.
    let mut seen = BTreeSet::new();
    port_names.retain(|name| seen.insert(*name));
    let ports: Vec<_> = raw_ports.iter().map(|raw| port(raw, &port_names, errors)).collect();

    let names = raw.circuits.iter().filter_map(|circuit| circuit.name.given());
    unique(names.map(|name| (name, name.value.as_str())), "circuit", "name", errors);
    let zones = Zones::new(raw.prices.as_ref());
    let prices = raw.prices.as_ref().map(|prices| prices.checked(&zones, errors));
    let ledger = match &raw.ledger {
        Field::Absent => Some(LedgerConfig::default()),
        Field::Bad => None,
        Field::Given(ledger) => ledger.value.checked(),
    };
    let exports = ledger::exports(&raw.exports, errors);
    let routing = raw.routing.and_then(|routing| routing.value.checked(&places, errors));
    let known_ports = KnownPorts::new(raw_ports);
    let around =
        Around { ports: &known_ports, routing: &routing, places: &places, key_files, errors };
    let checks = Checks {
        port_names: &port_names,
        profiles: &profiles,
        zones: &zones,
        around: &around,
        errors,
    };
    let circuits: Vec<_> = raw.circuits.iter().map(|raw| checks.circuit(raw)).collect();
    let tagged = raw_ports.iter().filter_map(|port| {
        let side = port.side.given().map(|side| side.value);
        let name = port.name.given()?.value.as_str();
        Some(TaggedPort { name, side, link: port.link.value_or(Link::Primary) })
    });
    // As above, the first port of a name counts.
    let mut seen = BTreeSet::new();
    let tagged: Vec<_> = tagged.filter(|port| seen.insert(port.name)).collect();
    raw.catalogue.check_communities(&routing, errors);
    let raw_services = raw.service_network.given().map(|network| &network.value);
    let services = raw.service_network.and_then(|raw| around.service_network(&raw.value));
    secondary_tag::check(&raw.circuits, &tagged, errors);
    tags::check(&raw.circuits, raw_services, &tagged, errors);
    forwards::check(&raw.circuits, raw_ports, errors);
    forwards::check_tpids(&raw.circuits, &circuits, &ports, errors);
    let of_services = raw_services.zip(services.given().map(|services| &services.value));
    routed::check(&raw.circuits, &circuits, of_services, &around);
    let has_network = !matches!(services, Field::Absent);
    around.check_service_peerings(&raw.circuits, &circuits, has_network);

    Some(Config {
        edge: edge?,
        ports: ports.into_iter().collect::<Option<_>>()?,
        circuits: circuits.into_iter().collect::<Option<_>>()?,
        qos: profiles
            .into_iter()
            .map(|(name, profile)| Some((name, profile?)))
            .collect::<Option<_>>()?,
        ledger: ledger?,
        exports: exports?,
        prices: match prices {
            Some(prices) => Some(prices?),
            None => None,
        },
        routing: routing.optional().value_or(None)?,
        catalogue: places.catalogue()?,
        service_network: services.optional().value_or(None)?,
        unlinked_vnets,
    })
}

fn port(raw: &RawPort, port_names: &[&str], errors: &Errors<'_>) -> Option<Port> {
    let name = raw.name.and_then(|name| names::name("name", name, errors));
    if let Some(name) = name.given().filter(|name| name.value == "stack") {
        let message = "a port can't be named \"stack\", which `forward` understands otherwise; \
                       choose another";
        errors.add(name.span, message.into());
    }
    let interface = raw.interface.and_then(|name| names::interface(name, errors));
    let own_name = raw.name.given().map(|name| name.value.as_str());
    let forward = raw.forward.and_then(|target| forward(target, own_name, port_names, errors));
    let tpids = raw.tpids.and_then(|tpids| checked_tpids(tpids, errors));
    Some(Port {
        name: name.given()?.value.clone(),
        interface: interface.given()?.value.clone(),
        side: raw.side.given()?.value,
        forward: forward.value_or(Forward::Stack)?,
        link: raw.link.value_or(Link::Primary)?,
        tpids: tpids.value_or(vec![TPID_C_TAG, TPID_S_TAG])?,
        xdp_mode: raw.xdp_mode.value_or(XdpMode::Auto)?,
    })
}

fn forward(
    target: &Spanned<String>,
    own_name: Option<&str>,
    port_names: &[&str],
    errors: &Errors<'_>,
) -> Option<Forward> {
    let name = target.value.as_str();
    if name == "stack" {
        return Some(Forward::Stack);
    }
    if own_name == Some(name) {
        let message = format!("port {name:?} forwards to itself; name another, or \"stack\"");
        errors.add(target.span, message);
        return None;
    }
    if !port_names.contains(&name) {
        let known = port_names.iter().copied().chain(["stack"]);
        errors.add(target.span, format!("`forward` names {}", unknown("port", name, known)));
        return None;
    }
    Some(Forward::Port(name.into()))
}

fn checked_tpids(tpids: &Spanned<Vec<Spanned<u16>>>, errors: &Errors<'_>) -> Option<Vec<u16>> {
    let before = errors.count();
    let mut seen = BTreeMap::new();
    for tpid in &tpids.value {
        if let Some(first) = seen.insert(tpid.value, tpid.span) {
            let message = format!("TPID {:#06x} is listed twice; remove one", tpid.value);
            let place = errors.place(first);
            errors.add(tpid.span, format!("{message} (first at {place})"));
        }
    }
    // Unreachable as long as four TPIDs are known and none may be listed twice.
    let fits = tpids.value.len() <= MAX_TPIDS;
    (fits && errors.count() == before).then(|| tpids.value.iter().map(|t| t.value).collect())
}
