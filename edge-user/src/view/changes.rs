//! The changes that a configuration makes, as people read them.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use edge_api::{ChangeKind, ConfigChange, ConfigChanges, ConfigThing, TrafficNow};

use super::table::plain;
use crate::units::{bit_rate, count};

/// Names in a line of the log at most.
const NAMES_TOLD: usize = 10;
/// Names that such a line is found by at most: an entry of the journal has 1,024 fields.
const NAMES_FOUND_BY: usize = 400;

/// Prints the changes: a line for each thing, and a line for each of its values.
pub fn print(changes: &ConfigChanges, out: &mut dyn Write) -> io::Result<()> {
    if let Some(refused) = &changes.refused {
        writeln!(out, "! this can't be applied: {}", plain(refused))?;
    }
    if changes.changes.is_empty() {
        let only_order = changes.from != changes.to;
        let text =
            if only_order { "nothing but the order is different" } else { "nothing is different" };
        return writeln!(out, "{text}");
    }
    for change in &changes.changes {
        writeln!(out, "{}", headline(change))?;
        for value in &change.values {
            let key = plain(&value.key);
            let line = match (&value.before, &value.after) {
                (Some(before), Some(after)) => {
                    format!("{key}: {} -> {}", plain(before), plain(after))
                }
                (None, Some(after)) => format!("{key}: {}", plain(after)),
                // A thing that goes away needs no list of what it was.
                (Some(_), None) if change.change == ChangeKind::Removed => continue,
                (Some(before), None) => format!("{key}: {} -> none", plain(before)),
                (None, None) => continue,
            };
            writeln!(out, "    {line}")?;
        }
    }
    Ok(())
}

/// The changes in numbers, in one line.
#[must_use]
pub fn summary(changes: &[ConfigChange]) -> String {
    let kinds = [
        (ChangeKind::Removed, "removed"),
        (ChangeKind::Renamed, "renamed"),
        (ChangeKind::Changed, "changed"),
        (ChangeKind::Added, "added"),
    ];
    let counts = kinds.into_iter().filter_map(|(kind, name)| {
        let number = changes.iter().filter(|change| change.change == kind).count();
        (number > 0).then(|| format!("{} {name}", count(number as u64)))
    });
    let text = counts.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "nothing is different".to_owned() } else { text }
}

/// The changes in a line of the log, by name as far as these are few.
#[must_use]
pub fn told(changes: &[ConfigChange]) -> String {
    let mut text = summary(changes);
    let of_circuits_and_ports =
        |it: &&ConfigChange| matches!(it.thing, ConfigThing::Circuit | ConfigThing::Port);
    let named: Vec<_> = changes.iter().filter(of_circuits_and_ports).map(headline).collect();
    for (place, headline) in named.iter().take(NAMES_TOLD).enumerate() {
        text.push_str(if place == 0 { ": " } else { ", " });
        text.push_str(headline);
    }
    if let Some(more @ 1..) = named.len().checked_sub(NAMES_TOLD) {
        text.push_str(" and ");
        text.push_str(&count(more as u64));
        text.push_str(" more");
    }
    text
}

/// The circuits with a change, each in a line.
#[must_use]
pub fn circuits(changes: &[ConfigChange]) -> String {
    lines(changes.iter().flat_map(|change| match change.thing {
        ConfigThing::Circuit => names(change),
        // `contoso/private`, and a link the same.
        ConfigThing::Peering | ConfigThing::VnetLink => names(change).map(|name| {
            let (circuit, _) = name?.rsplit_once('/')?;
            Some(circuit)
        }),
        ConfigThing::Port
        | ConfigThing::Class
        | ConfigThing::Prices
        | ConfigThing::Export
        | ConfigThing::Region
        | ConfigThing::Service
        | ConfigThing::Location
        | ConfigThing::Provider
        | ConfigThing::Settings => [None; 2],
    }))
}

/// The ports with a change, each in a line.
#[must_use]
pub fn ports(changes: &[ConfigChange]) -> String {
    lines(changes.iter().filter(|change| change.thing == ConfigThing::Port).flat_map(names))
}

/// The name of a thing, and the one before.
fn names(change: &ConfigChange) -> [Option<&str>; 2] {
    [Some(change.name.as_str()), change.name_before.as_deref()]
}

fn lines<'a>(names: impl Iterator<Item = Option<&'a str>>) -> String {
    let names: BTreeSet<&str> = names.flatten().collect();
    names.into_iter().take(NAMES_FOUND_BY).collect::<Vec<_>>().join("\n")
}

fn headline(change: &ConfigChange) -> String {
    let thing = match change.thing {
        ConfigThing::Circuit => "circuit",
        ConfigThing::Peering => "peering",
        ConfigThing::VnetLink => "link to the virtual network",
        ConfigThing::Port => "port",
        ConfigThing::Class => "class",
        ConfigThing::Prices => "prices of zone",
        ConfigThing::Region => "region",
        ConfigThing::Service => "service",
        ConfigThing::Location => "location",
        ConfigThing::Provider => "provider",
        ConfigThing::Export => "export",
        ConfigThing::Settings => "settings",
    };
    let (sign, verb) = match change.change {
        ChangeKind::Removed => ('-', "removed"),
        ChangeKind::Renamed => ('~', "renamed"),
        ChangeKind::Changed => ('~', "changed"),
        ChangeKind::Added => ('+', "added"),
    };
    let name = plain(&change.name);
    let from = change
        .name_before
        .as_deref()
        .map_or_else(String::new, |name| format!(" from {}", plain(name)));
    format!("{sign} {thing} {name}: {verb}{from}{}", traffic(change))
}

fn traffic(change: &ConfigChange) -> String {
    let Some(traffic) = change.traffic else { return String::new() };
    let TrafficNow { frames_per_s, bits_per_s } = traffic;
    if traffic.is_none() {
        return ", without traffic now".to_owned();
    }
    let rate = bit_rate(rounded(bits_per_s));
    let end = if change.ends_traffic() { ", which end" } else { "" };
    format!(", with {rate} in {} frames/s now{end}", count(frames_per_s))
}

/// A figure to three digits: what was measured for a second has no more.
fn rounded(figure: u64) -> u64 {
    let unit = 10_u64.pow(figure.checked_ilog10().unwrap_or(0).saturating_sub(2));
    figure / unit * unit
}

#[cfg(test)]
mod tests {
    use edge_api::ChangedValue;

    use super::*;

    fn change(thing: ConfigThing, name: &str, change: ChangeKind) -> ConfigChange {
        let (name_before, values, traffic) = (None, Vec::new(), None);
        ConfigChange { thing, name: name.to_owned(), change, name_before, values, traffic }
    }

    fn value(key: &str, before: Option<&str>, after: Option<&str>) -> ChangedValue {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        ChangedValue { key: key.to_owned(), before: owned(before), after: owned(after) }
    }

    #[test]
    fn each_thing_has_a_line_and_each_value_another() {
        let traffic = |frames_per_s, bits_per_s| Some(TrafficNow { frames_per_s, bits_per_s });
        let changes = vec![
            ConfigChange {
                values: vec![value("bandwidth", Some("1 Gbps"), None)],
                traffic: traffic(12_345, 98_765_432),
                ..change(ConfigThing::Circuit, "fabrikam", ChangeKind::Removed)
            },
            ConfigChange {
                name_before: Some("old".to_owned()),
                values: vec![
                    value("bandwidth", Some("1 Gbps"), Some("2 Gbps")),
                    value("zone", None, Some("1")),
                    value("service_key", Some("k"), None),
                ],
                traffic: traffic(0, 0),
                ..change(ConfigThing::Circuit, "contoso", ChangeKind::Renamed)
            },
            change(ConfigThing::Peering, "a/b/private", ChangeKind::Changed),
            change(ConfigThing::Port, "core1", ChangeKind::Added),
        ];
        let changes = ConfigChanges { changes, refused: Some("no".into()), ..Default::default() };
        let mut out = Vec::new();
        print(&changes, &mut out).expect("it is memory");
        let expected = "\
! this can't be applied: no
- circuit fabrikam: removed, with 98.7 Mbps in 12,345 frames/s now, which end
~ circuit contoso: renamed from old, without traffic now
    bandwidth: 1 Gbps -> 2 Gbps
    zone: 1
    service_key: k -> none
~ peering a/b/private: changed
+ port core1: added
";
        assert_eq!(String::from_utf8(out).expect("text"), expected);
        assert_eq!(summary(&changes.changes), "1 removed, 1 renamed, 1 changed, 1 added");
        let log = "1 removed, 1 renamed, 1 changed, 1 added: - circuit fabrikam: removed, with 98.7 Mbps in 12,345 frames/s now, \
                   which end, ~ circuit contoso: renamed from old, without traffic now, + port core1: added";
        assert_eq!(told(&changes.changes), log);
        assert_eq!(circuits(&changes.changes), "a/b\ncontoso\nfabrikam\nold");
        assert_eq!(ports(&changes.changes), "core1");
    }

    #[test]
    fn thousands_of_changes_are_a_line_of_the_log() {
        let removed =
            |number| change(ConfigThing::Circuit, &format!("c{number}"), ChangeKind::Removed);
        let text = told(&(101..=4094).map(removed).collect::<Vec<_>>());
        assert!(
            text.starts_with("3,994 removed: - circuit c101: removed, - circuit c102"),
            "{text}"
        );
        assert!(text.ends_with("c110: removed and 3,984 more"), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn no_change_is_said() {
        let line = |from: &str| {
            let changes = ConfigChanges { from: from.into(), ..Default::default() };
            let mut out = Vec::new();
            print(&changes, &mut out).expect("it is memory");
            String::from_utf8(out).expect("text")
        };
        assert_eq!(line(""), "nothing is different\n");
        assert_eq!(line("aa"), "nothing but the order is different\n");
        assert_eq!(summary(&[]), "nothing is different");
    }
}
