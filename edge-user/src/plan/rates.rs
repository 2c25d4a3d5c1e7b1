//! A circuit's purchased bandwidth and burst as the policer's numbers.

use edge_common::rate::Rate;

use crate::config::Circuit;

/// The rate of `circuit`, for all its peerings.
///
/// # Panics
///
/// Where the configuration's own checks of rate and burst would have refused the circuit.
pub(super) fn rate(circuit: &Circuit) -> Rate {
    Rate::new(circuit.bandwidth_bps, circuit.burst_bytes)
        .expect("the configuration was checked against the policer's limits")
}
