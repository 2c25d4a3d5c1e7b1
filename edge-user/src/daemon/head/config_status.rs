//! The configuration in a status.

use edge_api::{ConfigStatus, TimedBandwidthStatus, UnconfirmedChange};

use super::super::engine::running::{AwaitedChange, Running};
use crate::time;

/// The configuration that runs, and whether it waits for a confirmation.
pub(super) fn config_status(running: &Running) -> ConfigStatus {
    // Without a clock nothing is known of deadlines, and the engine tells of it.
    let now = time::now().ok();
    let waits = running.unconfirmed.as_ref().zip(now);
    let unconfirmed = waits.map(|(AwaitedChange { record, fault }, now)| UnconfirmedChange {
        until: record.deadline.date(&now),
        left_s: record.deadline.left_in_this_boot(&now).unwrap_or_default().as_secs_f64(),
        user: record.user.clone(),
        message: record.message.clone(),
        fault: fault.clone(),
    });
    let timed = running.timed.0.iter().zip(std::iter::repeat(now));
    let timed = timed.filter_map(|(timed, now)| {
        Some(TimedBandwidthStatus {
            circuit: timed.circuit.clone(),
            bandwidth_bps: timed.bandwidth_bps,
            then_bps: timed.then_bps,
            until: timed.until.date(&now?),
            user: timed.user.clone(),
        })
    });
    let digest = running.digest.to_string();
    ConfigStatus {
        digest,
        file_fault: None,
        unconfirmed,
        timed_bandwidths: timed.collect(),
        links_out_of_use: running.drains.of(&running.config).0,
    }
}
