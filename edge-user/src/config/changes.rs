//! The changes that one configuration makes to another, thing by thing and key by key.

use std::collections::{BTreeMap, BTreeSet};

use edge_api::{ChangeKind, ChangedValue, ConfigChange, ConfigThing};

use super::{
    Circuit, Config,
    described::{Described, ThingName, Values, described},
};

/// The changes that `new` makes to `old`, in the order of circuits, peerings, links, ports, classes and settings, and in
/// each by name.
#[must_use]
pub fn changes(old: &Config, new: &Config) -> Vec<ConfigChange> {
    // Of thousands of circuits, few change.
    let olds: BTreeMap<&str, &Circuit> = old.circuits.iter().map(|it| (&*it.name, it)).collect();
    let same = new.circuits.iter().filter(|it| olds.get(&*it.name) == Some(it));
    let same: BTreeSet<&str> = same.map(|it| &*it.name).collect();
    let is_wanted = |circuit: &Circuit| !same.contains(&*circuit.name);
    let mut before = described(old, is_wanted);
    let after = described(new, is_wanted);
    let renamed = renamed(&old.circuits, &new.circuits);
    for (to, from) in &renamed {
        rename(&mut before, from, to);
    }
    let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let none = Values::default();
    let change = |key: &ThingName| {
        let ThingName { thing, owner, part } = key;
        let (was, is) = (before.get(key), after.get(key));
        let name_before = renamed.get(&**owner).filter(|_| *thing == ConfigThing::Circuit);
        let name_before = name_before.map(|name| (*name).to_owned());
        let kind = match (was, is) {
            (Some(_), None) => ChangeKind::Removed,
            (None, _) => ChangeKind::Added,
            (Some(_), Some(_)) if name_before.is_some() => ChangeKind::Renamed,
            (Some(was), Some(is)) if was == is => return None,
            (Some(_), Some(_)) => ChangeKind::Changed,
        };
        let values = changed(was.unwrap_or(&none), is.unwrap_or(&none));
        let name = part.as_ref().map_or_else(|| owner.clone(), |part| format!("{owner}/{part}"));
        let thing = *thing;
        Some(ConfigChange { thing, name, change: kind, name_before, values, traffic: None })
    };
    names.into_iter().filter_map(change).collect()
}

/// The circuits with another name and the same service key: the old name by the new one.
fn renamed<'a>(old: &'a [Circuit], new: &'a [Circuit]) -> BTreeMap<&'a str, &'a str> {
    let names = |all: &'a [Circuit]| all.iter().map(|it| &*it.name).collect::<BTreeSet<_>>();
    let only_in = |all: &'a [Circuit], names: BTreeSet<&'a str>| {
        // A key that two have tells nobody's new name.
        let mut by_key: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for circuit in all.iter().filter(|it| !names.contains(&*it.name)) {
            let Some(key) = circuit.service_key.as_deref() else { continue };
            by_key.entry(key).and_modify(|name| *name = None).or_insert(Some(&circuit.name));
        }
        by_key
    };
    let (gone, come) = (only_in(old, names(new)), only_in(new, names(old)));
    let pairs = come.into_iter().filter_map(|(key, to)| Some((to?, (*gone.get(key)?)?)));
    pairs.collect()
}

/// Gives a circuit's things another name.
fn rename(all: &mut Described, from: &str, to: &str) {
    let is_of_circuits = |thing: ConfigThing| {
        matches!(thing, ConfigThing::Circuit | ConfigThing::Peering | ConfigThing::VnetLink)
    };
    *all = std::mem::take(all)
        .into_iter()
        .map(|(mut name, values)| {
            if is_of_circuits(name.thing) && name.owner == from {
                to.clone_into(&mut name.owner);
            }
            (name, values)
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
