//! Changes as people read them.

use std::fmt;

use edge_api::{BandwidthChange, Difference};

use crate::{config, units::bit_rate};

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
pub fn difference(difference: &Difference) -> impl fmt::Display {
    let Difference {
        circuits_added,
        circuits_removed,
        circuits_renamed,
        bandwidths,
        circuits_changed,
        ports_added,
        ports_removed,
        ports_moved,
        ports_changed,
        tables_changed,
    } = difference.clone();
    // The daemon's log has the same text.
    config::Difference {
        circuits_added,
        circuits_removed,
        circuits_renamed,
        bandwidths,
        circuits_changed,
        ports_added,
        ports_removed,
        ports_moved,
        ports_changed,
        tables_changed,
    }
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
        assert_eq!(difference(&told).to_string(), expected);
        assert_eq!(difference(&Difference::default()).to_string(), "nothing is different");
    }
}
