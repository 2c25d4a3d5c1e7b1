//! The changes that one configuration makes to another, thing by thing and key by key.

use std::collections::BTreeMap;

use edge_api::{ChangeKind, ChangedValue, ConfigChange, ConfigChanges, ConfigThing};

use super::{
    Config, ConfigDigest,
    described::{Described, Values, described},
    difference::difference,
};

/// The changes that `new` makes to `old`, in the order of circuits, peerings, links, ports, classes and settings, and in
/// each by name.
#[must_use]
pub fn changes(old: &Config, new: &Config) -> ConfigChanges {
    let mut before = described(old);
    let after = described(new);
    let renamed: BTreeMap<String, String> =
        difference(old, new).circuits_renamed.into_iter().map(|(from, to)| (to, from)).collect();
    for (to, from) in &renamed {
        rename(&mut before, from, to);
    }
    let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let none = Values::default();
    let change = |key: &(ConfigThing, String)| {
        let (thing, name) = key;
        let (was, is) = (before.get(key), after.get(key));
        let name_before = renamed.get(name).filter(|_| *thing == ConfigThing::Circuit).cloned();
        let kind = match (was, is) {
            (Some(_), None) => ChangeKind::Removed,
            (None, _) => ChangeKind::Added,
            (Some(_), Some(_)) if name_before.is_some() => ChangeKind::Renamed,
            (Some(was), Some(is)) if was == is => return None,
            (Some(_), Some(_)) => ChangeKind::Changed,
        };
        let values = changed(was.unwrap_or(&none), is.unwrap_or(&none));
        let (thing, name) = (*thing, name.clone());
        Some(ConfigChange { thing, name, change: kind, name_before, values, traffic: None })
    };
    ConfigChanges {
        from: ConfigDigest::new(old).to_string(),
        to: ConfigDigest::new(new).to_string(),
        changes: names.into_iter().filter_map(change).collect(),
        refused: None,
    }
}

/// Gives a circuit's things another name.
fn rename(all: &mut Described, from: &str, to: &str) {
    let of_circuit = |name: &str| match name.strip_prefix(from)? {
        "" => Some(to.to_owned()),
        rest => rest.starts_with('/').then(|| format!("{to}{rest}")),
    };
    let is_of_circuits = |thing: ConfigThing| {
        matches!(thing, ConfigThing::Circuit | ConfigThing::Peering | ConfigThing::VnetLink)
    };
    *all = std::mem::take(all)
        .into_iter()
        .map(|((thing, name), values)| {
            let other = of_circuit(&name).filter(|_| is_of_circuits(thing));
            ((thing, other.unwrap_or(name)), values)
        })
        .collect();
}

/// The keys whose values differ: those of `new` in their order, and those that it has no more.
fn changed(old: &Values, new: &Values) -> Vec<ChangedValue> {
    let value = |of: &Values, key: &str| {
        of.0.iter().find(|(other, _)| other == key).map(|(_, value)| value.clone())
    };
    let gone = old.0.iter().filter(|(key, _)| value(new, key).is_none());
    let keys = new.0.iter().chain(gone).map(|(key, _)| key);
    keys.filter_map(|key| {
        let (before, after) = (value(old, key), value(new, key));
        (before != after).then(|| ChangedValue { key: key.clone(), before, after })
    })
    .collect()
}
