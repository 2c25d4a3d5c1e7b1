//! Changes as people read them.

use edge_api::BandwidthChange;

use crate::units::bit_rate;

/// A change of a bandwidth, in a line without an end.
#[must_use]
pub fn bandwidth(change: &BandwidthChange) -> String {
    let [old, new] = change.bandwidth_bps.map(bit_rate);
    let burst = match change.burst_bytes {
        [old, new] if old == new => format!("{new} bytes"),
        [old, new] => format!("{old} -> {new} bytes"),
    };
    let until = change.until.map_or_else(String::new, |until| format!(", until {until:.0}"));
    format!("{}: {old} -> {new}, burst {burst}{until}", change.circuit)
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
            until: None,
        };
        let text = "contoso: 1 Gbps -> 2 Gbps, burst 3125000 -> 6250000 bytes";
        assert_eq!(bandwidth(&change), text);
        change.burst_bytes[1] = 3_125_000;
        assert_eq!(bandwidth(&change), "contoso: 1 Gbps -> 2 Gbps, burst 3125000 bytes");
    }
}
