//! The changes that one configuration makes to another, for whoever reloads it: a circuit that is gone by
//! mistake should not pass without a word.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::{Circuit, Config, Port};
use crate::units::bit_rate;

/// Names in a line at most; the rest is a number.
const NAMES_SHOWN: usize = 10;

/// The differences between two configurations. Each circuit and each port is in one list only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Names of circuits that there were not.
    pub circuits_added: Vec<String>,
    /// Names of circuits that there are no more.
    pub circuits_removed: Vec<String>,
    /// Circuits with the same service key and another name: the old name and the new one.
    pub circuits_renamed: Vec<(String, String)>,
    /// Circuits with another bandwidth: name, and bit/s before and after.
    pub bandwidths: Vec<(String, u64, u64)>,
    /// Names of circuits that something else changes in.
    pub circuits_changed: Vec<String>,
    /// Names of ports that there were not.
    pub ports_added: Vec<String>,
    /// Names of ports that there are no more.
    pub ports_removed: Vec<String>,
    /// Ports on another interface: name, and interfaces before and after.
    pub ports_moved: Vec<(String, String, String)>,
    /// Names of ports that something else changes in.
    pub ports_changed: Vec<String>,
    /// Tables of the file that say something else, as it spells them.
    pub tables_changed: Vec<String>,
}

impl Difference {
    /// The changes that `new` makes to `old`.
    #[must_use]
    pub fn between(old: &Config, new: &Config) -> Self {
        let mut difference = Self::default();
        difference.compare_circuits(&old.circuits, &new.circuits);
        difference.compare_ports(&old.ports, &new.ports);
        let profiles: BTreeSet<_> = old.qos.keys().chain(new.qos.keys()).collect();
        let profiles = profiles.into_iter().filter(|name| old.qos.get(*name) != new.qos.get(*name));
        let tables = [
            ("[edge]", old.edge != new.edge),
            ("[ledger]", old.ledger != new.ledger),
            ("[[export]]", old.exports != new.exports),
            ("[prices]", old.prices != new.prices),
        ];
        let tables = tables.iter().filter(|(_, differs)| *differs);
        difference.tables_changed = tables
            .map(|(name, _)| (*name).to_owned())
            .chain(profiles.map(|name| format!("[qos.{name}]")))
            .collect();
        difference
    }

    /// Whether nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn compare_circuits(&mut self, old: &[Circuit], new: &[Circuit]) {
        let olds: BTreeMap<&str, &Circuit> = old.iter().map(|c| (&*c.name, c)).collect();
        let news: BTreeSet<&str> = new.iter().map(|c| &*c.name).collect();
        let gone = || old.iter().filter(|circuit| !news.contains(&*circuit.name));
        // A key that two have tells nobody's new name.
        let mut by_key: BTreeMap<&str, Vec<&Circuit>> = BTreeMap::new();
        for circuit in gone() {
            by_key
                .entry(circuit.service_key.as_deref().unwrap_or_default())
                .or_default()
                .push(circuit);
        }
        by_key.remove("");
        let mut renamed: BTreeSet<&str> = BTreeSet::new();
        for circuit in new {
            let Some(before) = olds.get(&*circuit.name).copied() else {
                let key = circuit.service_key.as_deref().unwrap_or_default();
                if let Some(&[before]) = by_key.remove(key).as_deref() {
                    renamed.insert(&before.name);
                    self.circuits_renamed.push((before.name.clone(), circuit.name.clone()));
                } else {
                    self.circuits_added.push(circuit.name.clone());
                }
                continue;
            };
            if before.bandwidth_bps != circuit.bandwidth_bps {
                let (from, to) = (before.bandwidth_bps, circuit.bandwidth_bps);
                self.bandwidths.push((circuit.name.clone(), from, to));
            } else if before != circuit {
                self.circuits_changed.push(circuit.name.clone());
            }
        }
        let removed = gone().filter(|circuit| !renamed.contains(&*circuit.name));
        self.circuits_removed = removed.map(|circuit| circuit.name.clone()).collect();
    }

    fn compare_ports(&mut self, old: &[Port], new: &[Port]) {
        for port in new {
            match old.iter().find(|before| before.name == port.name) {
                None => self.ports_added.push(port.name.clone()),
                Some(before) if before.interface != port.interface => {
                    let (from, to) = (before.interface.clone(), port.interface.clone());
                    self.ports_moved.push((port.name.clone(), from, to));
                }
                Some(before) if before != port => self.ports_changed.push(port.name.clone()),
                Some(_) => {}
            }
        }
        let removed = old.iter().filter(|before| new.iter().all(|port| port.name != before.name));
        self.ports_removed = removed.map(|port| port.name.clone()).collect();
    }
}

/// A line for each kind of change, without one at the end.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |names: &[String]| shown(names, |name| format!("{name:?}"));
        let circuits = |count: usize| counted(count, "circuit");
        let ports = |count: usize| counted(count, "port");
        let renamed = shown(&self.circuits_renamed, |(from, to)| format!("{from:?} is {to:?}"));
        let rates = shown(&self.bandwidths, |(name, from, to)| {
            format!("{name:?} from {} to {}", bit_rate(*from), bit_rate(*to))
        });
        let moved =
            shown(&self.ports_moved, |(name, from, to)| format!("{name:?} from {from} to {to}"));
        // Most alarming first.
        let lines = [
            (
                circuits(self.circuits_removed.len()),
                "removed, whose frames are unmatched now",
                quoted(&self.circuits_removed),
            ),
            (
                ports(self.ports_removed.len()),
                "removed, whose interfaces have no program now",
                quoted(&self.ports_removed),
            ),
            (circuits(self.circuits_renamed.len()), "renamed", renamed),
            (circuits(self.bandwidths.len()), "at another bandwidth", rates),
            (
                circuits(self.circuits_changed.len()),
                "otherwise changed",
                quoted(&self.circuits_changed),
            ),
            (circuits(self.circuits_added.len()), "added", quoted(&self.circuits_added)),
            (ports(self.ports_moved.len()), "on another interface", moved),
            (ports(self.ports_changed.len()), "otherwise changed", quoted(&self.ports_changed)),
            (ports(self.ports_added.len()), "added", quoted(&self.ports_added)),
        ];
        let lines = lines.iter().filter(|(.., names)| !names.is_empty());
        let mut lines: Vec<String> =
            lines.map(|(count, what, names)| format!("{count} {what}: {names}")).collect();
        if !self.tables_changed.is_empty() {
            let tables = shown(&self.tables_changed, Clone::clone);
            lines.push(format!("other settings changed: {tables}"));
        }
        if lines.is_empty() {
            lines.push("nothing is different".to_owned());
        }
        f.write_str(&lines.join("\n"))
    }
}

/// The first of them, and how many more.
fn shown<T>(all: &[T], show: impl Fn(&T) -> String) -> String {
    let names: Vec<String> = all.iter().take(NAMES_SHOWN).map(show).collect();
    let more = match all.len().saturating_sub(NAMES_SHOWN) {
        0 => String::new(),
        more => format!(" and {} more", crate::units::count(more as u64)),
    };
    names.join(", ") + &more
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", crate::units::count(count as u64))
}
