//! Bandwidths that end at a time: the daemon ends them.

use std::time::{Duration, Instant};

use super::{
    super::{
        bandwidth::SetBandwidth,
        timed_bandwidth::{TimedBandwidth, TimedBandwidths},
    },
    instance::Instance,
};
use crate::{time, view};

impl Instance {
    /// Has these bandwidths end at their times, and writes them down.
    pub(super) fn keep_timed(&self, timed: TimedBandwidths) {
        if let Err(error) = timed.write(&self.state_dir()) {
            tracing::error!(
                "the next start may give circuits other bandwidths for a time than those that they have now: {error:#}"
            );
        }
        self.running.write().timed = timed;
    }

    /// Ends the bandwidths whose time is over. Returns the time until the next one is, and whether each has ended.
    pub(super) fn end_timed(&mut self) -> (Option<Duration>, Result<(), String>) {
        let timed = self.running.read().timed.clone();
        if timed.0.is_empty() {
            return (None, Ok(()));
        }
        let now = match time::now() {
            Ok(now) => now,
            Err(error) => return (None, Err(error.to_string())),
        };
        let left = timed.0.iter().map(|timed| timed.until.left(&now));
        let next = left.flatten().min();
        let mut ended = Ok(());
        for TimedBandwidth { circuit, then_bps, until, .. } in &timed.0 {
            if until.left(&now).is_some() {
                continue;
            }
            let request = SetBandwidth {
                circuit: circuit.clone(),
                bandwidth_bps: *then_bps,
                save: false,
                holds_for: None,
            };
            match self.change_bandwidth(&request, Instant::now()) {
                Ok(change) => {
                    let told = view::change::bandwidth(&change);
                    tracing::info!(
                        edge.circuit = circuit,
                        "the time of {circuit}'s bandwidth is over: {told}"
                    );
                    self.tell_of_bandwidth(&change, None);
                    let mut rest = self.running.read().timed.clone();
                    rest.end(circuit);
                    self.keep_timed(rest);
                }
                Err(error) => ended = Err(format!("circuit {circuit}: {error}")),
            }
        }
        (next, ended)
    }
}
