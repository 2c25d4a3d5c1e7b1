//! The changes that one configuration makes to another, for whoever reloads it: a circuit that is gone by
//! mistake should not pass without a word.

use std::collections::{BTreeMap, BTreeSet};

use edge_api::Difference;

use super::{Circuit, Config, Port};

/// The changes that `new` makes to `old`. Each circuit and each port is in one list only.
#[must_use]
pub fn difference(old: &Config, new: &Config) -> Difference {
    let mut difference = Difference::default();
    compare_circuits(&mut difference, &old.circuits, &new.circuits);
    compare_ports(&mut difference, &old.ports, &new.ports);
    let profiles: BTreeSet<_> = old.qos.keys().chain(new.qos.keys()).collect();
    let profiles = profiles.into_iter().filter(|name| old.qos.get(*name) != new.qos.get(*name));
    let tables = [
        ("[edge]", old.edge != new.edge),
        ("[ledger]", old.ledger != new.ledger),
        ("[[export]]", old.exports != new.exports),
        ("[prices]", old.prices != new.prices),
        ("[routing]", old.routing != new.routing),
    ];
    let tables = tables.iter().filter(|(_, differs)| *differs);
    difference.tables_changed = tables
        .map(|(name, _)| (*name).to_owned())
        .chain(profiles.map(|name| format!("[qos.{name}]")))
        .collect();
    difference
}

fn compare_circuits(difference: &mut Difference, old: &[Circuit], new: &[Circuit]) {
    let olds: BTreeMap<&str, &Circuit> = old.iter().map(|c| (&*c.name, c)).collect();
    let news: BTreeSet<&str> = new.iter().map(|c| &*c.name).collect();
    let gone = || old.iter().filter(|circuit| !news.contains(&*circuit.name));
    // A key that two have tells nobody's new name.
    let mut by_key: BTreeMap<&str, Vec<&Circuit>> = BTreeMap::new();
    for circuit in gone() {
        by_key.entry(circuit.service_key.as_deref().unwrap_or_default()).or_default().push(circuit);
    }
    by_key.remove("");
    let mut renamed: BTreeSet<&str> = BTreeSet::new();
    for circuit in new {
        let Some(before) = olds.get(&*circuit.name).copied() else {
            let key = circuit.service_key.as_deref().unwrap_or_default();
            if let Some(&[before]) = by_key.remove(key).as_deref() {
                renamed.insert(&before.name);
                difference.circuits_renamed.push((before.name.clone(), circuit.name.clone()));
            } else {
                difference.circuits_added.push(circuit.name.clone());
            }
            continue;
        };
        if before.bandwidth_bps != circuit.bandwidth_bps {
            let (from, to) = (before.bandwidth_bps, circuit.bandwidth_bps);
            difference.bandwidths.push((circuit.name.clone(), from, to));
        } else if before != circuit {
            difference.circuits_changed.push(circuit.name.clone());
        }
    }
    let removed = gone().filter(|circuit| !renamed.contains(&*circuit.name));
    difference.circuits_removed = removed.map(|circuit| circuit.name.clone()).collect();
}

fn compare_ports(difference: &mut Difference, old: &[Port], new: &[Port]) {
    for port in new {
        match old.iter().find(|before| before.name == port.name) {
            None => difference.ports_added.push(port.name.clone()),
            Some(before) if before.interface != port.interface => {
                let (from, to) = (before.interface.clone(), port.interface.clone());
                difference.ports_moved.push((port.name.clone(), from, to));
            }
            Some(before) if before != port => difference.ports_changed.push(port.name.clone()),
            Some(_) => {}
        }
    }
    let removed = old.iter().filter(|before| new.iter().all(|port| port.name != before.name));
    difference.ports_removed = removed.map(|port| port.name.clone()).collect();
}
