//! A watch on counters, which may only grow, through all faults of the daemon.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use edge_api::Status;

use crate::{daemon::status, patience::PATIENCE};

/// The counters as they were last seen.
#[derive(Debug, Default)]
pub struct Watch(BTreeMap<String, u64>);

impl Watch {
    /// Returns the counters that are less than they were.
    ///
    /// Those of a circuit that is not there are forgotten.
    pub fn look(&mut self, status: &Status) -> Vec<String> {
        let now = counters(status);
        let less = now.iter().filter_map(|(name, now)| {
            let before = *self.0.get(name)?;
            (*now < before).then(|| format!("{name} went from {before} back to {now}"))
        });
        let less = less.collect();
        self.0 = now;
        less
    }
}

/// The daemon's status, when it answers.
pub fn answered() -> Result<Status> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match status() {
            Ok(status) => return Ok(status),
            Err(error) if Instant::now() >= deadline => {
                return Err(error).context("the daemon does not answer");
            }
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn counters(status: &Status) -> BTreeMap<String, u64> {
    let mut counters = BTreeMap::new();
    for port in &status.ports {
        counters.insert(format!("{}: frames", port.name), port.rx_frames);
        counters.insert(format!("{}: bytes", port.name), port.rx_bytes);
    }
    for circuit in &status.circuits {
        for peering in &circuit.peerings {
            let place = format!(
                "{} {} {} {} {}",
                circuit.name, peering.kind, peering.port, peering.link, peering.direction
            );
            let total = &peering.total;
            // A frame that is under way counts as forwarded until a device refuses it.
            for (what, count) in [
                ("frames taken", total.forwarded_frames + total.refused_frames),
                ("bytes taken", total.forwarded_bytes + total.refused_bytes),
                ("frames dropped", total.dropped_frames),
                ("bytes dropped", total.dropped_bytes),
                ("frames refused", total.refused_frames),
                ("bytes refused", total.refused_bytes),
            ] {
                counters.insert(format!("{place}: {what}"), count);
            }
            for (reason, dropped) in &peering.drops {
                counters.insert(format!("{place}: {reason} frames"), dropped.frames);
            }
        }
    }
    counters
}
