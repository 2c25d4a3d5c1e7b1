//! A configuration as things with keys and values, as an operator writes them. Configurations that differ in more than the
//! order of things differ here, too: each field of each type is taken by its name.

mod circuits;
mod places;
mod settings;

use std::{collections::BTreeMap, time::Duration};

use edge_api::ConfigThing;
use serde::Serialize;

use super::{BfdTimers, Catalogue, Circuit, Config, LinkEnds};

/// Things, by their kinds and names.
pub(super) type Described = BTreeMap<ThingName, Values>;

/// The kind and the name of a thing. Names of circuits may have slashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ThingName {
    pub(super) thing: ConfigThing,
    /// Its name, or that of the circuit or the profile that it is of.
    pub(super) owner: String,
    /// Its name there; `None`: it is of nobody.
    pub(super) part: Option<String>,
}

/// The keys of a thing, with their values. A key without a value is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Values(pub(super) Vec<(String, String)>);

/// The things of a configuration, with those of some circuits.
pub(super) fn described(config: &Config, is_wanted: impl Fn(&Circuit) -> bool) -> Described {
    let Config {
        edge,
        ports,
        circuits,
        qos,
        ledger,
        exports,
        prices,
        routing,
        catalogue,
        service_network,
        unlinked_vnets: _,
    } = config;
    let mut all = Described::new();
    let mut add_part = |thing, owner: &str, part: Option<&str>, values| {
        let (owner, part) = (owner.to_owned(), part.map(str::to_owned));
        all.insert(ThingName { thing, owner, part }, values);
    };
    let mut add = |thing, name: &str, values| add_part(thing, name, None, values);
    add(ConfigThing::Settings, "[edge]", settings::edge(edge));
    add(ConfigThing::Settings, "[ledger]", settings::ledger(ledger));
    if let Some(routing) = routing {
        add(ConfigThing::Settings, "[routing]", settings::routing(routing));
    }
    if let Some(prices) = prices {
        add(ConfigThing::Settings, "[prices]", settings::prices(prices));
        for (name, zone) in &prices.zones {
            add(ConfigThing::Prices, name, settings::zone(zone));
        }
    }
    for export in exports {
        add(ConfigThing::Export, &export.name, settings::export(export));
    }
    if let Some(network) = service_network {
        add(ConfigThing::Settings, "[service_network]", places::service_network(network));
    }
    let Catalogue { regions, locations, providers, services } = catalogue;
    for (name, region) in regions {
        add(ConfigThing::Region, name, places::region(region));
    }
    for (name, location) in locations {
        add(ConfigThing::Location, name, places::location(location));
    }
    for (name, provider) in providers {
        add(ConfigThing::Provider, name, places::provider(provider));
    }
    for service in services {
        let region = service.region.as_deref();
        add_part(ConfigThing::Service, &service.name, region, places::service(service));
    }
    let mut add = |thing, name: &str, values| add_part(thing, name, None, values);
    for port in ports {
        add(ConfigThing::Port, &port.name, settings::port(port));
    }
    for (profile, classes) in qos {
        for (place, class) in classes.classes.iter().enumerate() {
            let values = settings::class(class, place);
            add_part(ConfigThing::Class, profile, Some(&class.name), values);
        }
    }
    for circuit in circuits.iter().filter(|circuit| is_wanted(circuit)) {
        add_part(ConfigThing::Circuit, &circuit.name, None, circuits::circuit(circuit));
        for peering in &circuit.peerings {
            let (kind, values) = (peering.kind.as_str(), circuits::peering(peering));
            add_part(ConfigThing::Peering, &circuit.name, Some(kind), values);
        }
        for link in &circuit.vnet_links {
            let values = circuits::vnet_link(link);
            add_part(ConfigThing::VnetLink, &circuit.name, Some(&link.vnet), values);
        }
    }
    all
}

impl Values {
    /// With a value whose document is a text, a number, a list of these, or nothing.
    fn with(self, key: &str, value: &impl Serialize) -> Self {
        self.with_text(key, text(value))
    }

    /// With a value by a text; none, where that is empty.
    fn with_text(mut self, key: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.0.push((key.to_owned(), text));
        }
        self
    }
}

/// A value as a text: none is an empty one.
fn text(value: &impl Serialize) -> String {
    fn shown(value: &serde_json::Value) -> String {
        match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Array(all) => all.iter().map(shown).collect::<Vec<_>>().join(", "),
            serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::Object(_) => value.to_string(),
        }
    }
    // No type of a configuration has a map whose keys are neither text nor numbers.
    shown(&serde_json::to_value(value).expect("it is a document"))
}

/// A duration with the largest unit that leaves no rest.
fn duration(duration: Duration) -> String {
    let ns = duration.as_nanos();
    let units = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "min"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
    ];
    let fit = units.into_iter().find(|(unit, _)| ns != 0 && ns.is_multiple_of(*unit));
    fit.map_or_else(|| format!("{ns}ns"), |(unit, name)| format!("{}{name}", ns / unit))
}

fn bfd(timers: Option<&BfdTimers>) -> String {
    timers.map_or_else(
        || "off".to_owned(),
        |BfdTimers { interval, multiplier }| format!("{} x {multiplier}", duration(*interval)),
    )
}

/// The addresses of a link: the edge's, and the other end's.
fn ends<A: Copy + std::fmt::Display>(ends: Option<LinkEnds<A>>) -> String {
    ends.map_or_else(String::new, |LinkEnds { own, peer, prefix_len_bits }| {
        format!("{own}/{prefix_len_bits} to {peer}")
    })
}

fn tpid(tpid: Option<u16>) -> String {
    tpid.map_or_else(String::new, |tpid| format!("{tpid:#06x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_files() {
        for (ns, text) in [
            (0, "0ns"),
            (1_500_000, "1500us"),
            (300_000_000, "300ms"),
            (10_000_000_000, "10s"),
            (3_600_000_000_000, "1h"),
            (400 * 86_400_000_000_000, "400d"),
        ] {
            assert_eq!(duration(Duration::from_nanos(ns)), text);
        }
    }

    #[test]
    fn a_thing_has_no_key_without_a_value() {
        let values = Values::default().with("zone", &None::<String>).with("tags", &[1, 2]);
        assert_eq!(values.0, [("tags".to_owned(), "1, 2".to_owned())]);
    }
}
