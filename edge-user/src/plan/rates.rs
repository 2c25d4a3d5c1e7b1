//! A circuit's purchased bandwidth and burst as numbers of the policer.

use edge_common::abi::rate::Rate;

use crate::config::{Circuit, default_burst_bytes};

/// The rate of `circuit`, for all its peerings.
///
/// # Panics
///
/// Where the configuration's own checks of rate and burst would have refused the circuit.
pub(super) fn rate(circuit: &Circuit) -> Rate {
    checked(circuit.bandwidth_bps, circuit.burst_bytes)
}

/// The rate of a limit inside a circuit, whose burst is the default for its bandwidth.
pub(super) fn limit(bandwidth_bps: u64) -> Rate {
    checked(bandwidth_bps, default_burst_bytes(bandwidth_bps))
}

fn checked(bandwidth_bps: u64, burst_bytes: u64) -> Rate {
    Rate::new(bandwidth_bps, burst_bytes)
        .expect("the configuration was checked against the policer's limits")
}
