//! A circuit's purchased bandwidth and burst as the policer's numbers.

use edge_common::{class::MAX_CLASSES, rate::Rate};

use crate::config::{Circuit, QosProfile};

/// The rate of `circuit` with the burst shares of `profile`'s classes.
///
/// # Panics
///
/// Where the configuration's own checks of rate and burst would have refused the circuit.
pub(super) fn rate(circuit: &Circuit, profile: &QosProfile) -> Rate {
    let share = |permille: u32| circuit.burst_bytes * u64::from(permille) / 1000;
    // Classes that the profile doesn't have never occur; the whole burst is no limit to them.
    let mut ceiling_bytes = [circuit.burst_bytes; MAX_CLASSES];
    for (ceiling, class) in ceiling_bytes.iter_mut().zip(&profile.classes) {
        *ceiling = share(class.burst_share_permille);
    }
    Rate::new(circuit.bandwidth_bps, ceiling_bytes)
        .expect("the configuration was checked against the policer's limits")
}
