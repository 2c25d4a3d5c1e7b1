//! Changes as people read them.

use edge_api::{BandwidthChange, Difference};

use crate::units::{self, bit_rate};

/// Names in a line at most; the rest is a number.
const NAMES_SHOWN: usize = 10;

/// A change of a bandwidth, in a line without an end.
#[must_use]
pub fn bandwidth(change: &BandwidthChange) -> String {
    let [old, new] = change.bandwidth_bps.map(bit_rate);
    let burst = match change.burst_bytes {
        [old, new] if old == new => format!("{new} bytes"),
        [old, new] => format!("{old} -> {new} bytes"),
    };
    format!("{}: {old} -> {new}, burst {burst}", change.circuit)
}

/// The changes of a reload: a line for each kind, without an end of the last one.
#[must_use]
pub fn difference(difference: &Difference) -> String {
    let quoted = |names: &[String]| shown(names, |name| format!("{name:?}"));
    let circuits = |count: usize| counted(count, "circuit");
    let ports = |count: usize| counted(count, "port");
    let renamed = shown(&difference.circuits_renamed, |(from, to)| format!("{from:?} is {to:?}"));
    let rates = shown(&difference.bandwidths, |(name, from, to)| {
        format!("{name:?} from {} to {}", bit_rate(*from), bit_rate(*to))
    });
    let moved =
        shown(&difference.ports_moved, |(name, from, to)| format!("{name:?} from {from} to {to}"));
    // Most alarming first.
    let lines = [
        (
            circuits(difference.circuits_removed.len()),
            "removed, whose frames are unmatched now",
            quoted(&difference.circuits_removed),
        ),
        (
            ports(difference.ports_removed.len()),
            "removed, whose interfaces have no program now",
            quoted(&difference.ports_removed),
        ),
        (circuits(difference.circuits_renamed.len()), "renamed", renamed),
        (circuits(difference.bandwidths.len()), "at another bandwidth", rates),
        (
            circuits(difference.circuits_changed.len()),
            "otherwise changed",
            quoted(&difference.circuits_changed),
        ),
        (circuits(difference.circuits_added.len()), "added", quoted(&difference.circuits_added)),
        (ports(difference.ports_moved.len()), "on another interface", moved),
        (
            ports(difference.ports_changed.len()),
            "otherwise changed",
            quoted(&difference.ports_changed),
        ),
        (ports(difference.ports_added.len()), "added", quoted(&difference.ports_added)),
    ];
    let lines = lines.iter().filter(|(.., names)| !names.is_empty());
    let mut lines: Vec<String> =
        lines.map(|(count, what, names)| format!("{count} {what}: {names}")).collect();
    if !difference.tables_changed.is_empty() {
        let tables = shown(&difference.tables_changed, Clone::clone);
        lines.push(format!("other settings changed: {tables}"));
    }
    if lines.is_empty() {
        lines.push("nothing is different".to_owned());
    }
    lines.join("\n")
}

/// The first of them, and how many more.
fn shown<T>(all: &[T], show: impl Fn(&T) -> String) -> String {
    let names: Vec<String> = all.iter().take(NAMES_SHOWN).map(show).collect();
    let more = match all.len().saturating_sub(NAMES_SHOWN) {
        0 => String::new(),
        more => format!(" and {} more", units::count(more as u64)),
    };
    names.join(", ") + &more
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {what}{plural}", units::count(count as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_reads_well() {
        let mut change = BandwidthChange {
            circuit: "contoso".into(),
            bandwidth_bps: [1_000_000_000, 2_000_000_000],
            burst_bytes: [3_125_000, 6_250_000],
            saved_to: None,
        };
        let text = "contoso: 1 Gbps -> 2 Gbps, burst 3125000 -> 6250000 bytes";
        assert_eq!(bandwidth(&change), text);
        change.burst_bytes[1] = 3_125_000;
        assert_eq!(bandwidth(&change), "contoso: 1 Gbps -> 2 Gbps, burst 3125000 bytes");
    }

    #[test]
    fn each_list_of_a_difference_is_told() {
        let names = |name: &str| vec![name.to_owned()];
        let told = Difference {
            circuits_added: names("c1"),
            circuits_removed: names("c2"),
            circuits_renamed: vec![("c3".into(), "c4".into())],
            bandwidths: vec![("c5".into(), 1_000_000, 2_000_000)],
            circuits_changed: names("c6"),
            ports_added: names("p1"),
            ports_removed: names("p2"),
            ports_moved: vec![("p3".into(), "eth3".into(), "eth4".into())],
            ports_changed: names("p4"),
            tables_changed: names("[edge]"),
        };
        let expected = "\
1 circuit removed, whose frames are unmatched now: \"c2\"
1 port removed, whose interfaces have no program now: \"p2\"
1 circuit renamed: \"c3\" is \"c4\"
1 circuit at another bandwidth: \"c5\" from 1 Mbps to 2 Mbps
1 circuit otherwise changed: \"c6\"
1 circuit added: \"c1\"
1 port on another interface: \"p3\" from eth3 to eth4
1 port otherwise changed: \"p4\"
1 port added: \"p1\"
other settings changed: [edge]";
        assert_eq!(difference(&told), expected);
        assert_eq!(difference(&Difference::default()), "nothing is different");
    }
    #[test]
    fn thousands_of_circuits_are_a_line() {
        let all: Vec<_> = (101..=4094).map(|number| format!("c{number}")).collect();
        let text = difference(&Difference { circuits_removed: all, ..Difference::default() });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.starts_with("3,994 circuits removed"), "{text}");
        assert!(text.ends_with("\"c109\", \"c110\" and 3,984 more"), "{text}");
    }
}
