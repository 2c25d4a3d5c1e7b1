//! The engine's regular work.

use std::time::{Duration, Instant};

use super::{super::policers, instance::Instance};

/// After this time, the engine looks at the ports again even if nothing has changed.
const LOOK_AT_PORTS_EVERY: Duration = Duration::from_secs(1);
/// Time between two looks for earlier tables that are booked by now.
const RETIRE_EVERY: Duration = Duration::from_secs(1);
/// Time between two tries to take back a change that nobody has confirmed, or to end a bandwidth.
const TRY_AGAIN_EVERY: Duration = Duration::from_secs(5);

/// The times at which the engine does its regular work.
pub(super) struct Due {
    pub(super) ports: Instant,
    peaks: Instant,
    retire: Instant,
    /// The deadline of a change that waits for its confirmation.
    pub(super) deadline: Instant,
    /// The end of a bandwidth.
    pub(super) timed: Instant,
    /// The last error of the end of one, which is logged once.
    told_of_timed: String,
    /// The last error of the look for earlier tables, which is logged once.
    told: String,
}

impl Due {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            ports: now,
            peaks: now,
            retire: now,
            deadline: now,
            timed: now,
            told_of_timed: String::new(),
            told: String::new(),
        }
    }

    pub(super) fn next(&self) -> Instant {
        self.ports.min(self.peaks).min(self.retire).min(self.deadline).min(self.timed)
    }

    pub(super) fn look_after(&mut self, instance: &mut Instance, now: Instant) {
        if self.ports <= now {
            if let Err(error) = instance.look_at_ports() {
                tracing::error!(
                    "looking at the ports' interfaces failed, so a port that lost its program \
                     stays without one; it is tried again every second: {error:#}"
                );
            }
            self.ports = Instant::now() + LOOK_AT_PORTS_EVERY;
        }
        if self.peaks <= now {
            instance.roll_peaks();
            self.peaks = now + policers::PERIOD;
        }
        if self.retire <= now {
            if let Err(error) = instance.retire_others() {
                let error = format!("{error:#}");
                if error != self.told {
                    tracing::error!(
                        "earlier tables can't be booked and removed, and take memory until then; \
                         it is tried again every second: {error}"
                    );
                    self.told = error;
                }
            }
            instance.look_after_trace();
            self.retire = now + RETIRE_EVERY;
        }
        if self.deadline <= now {
            let left = instance.look_at_deadline();
            self.deadline = soon(left);
        }
        if self.timed <= now {
            let (next, ended) = instance.end_timed();
            let error = ended.err().unwrap_or_default();
            if !error.is_empty() && error != self.told_of_timed {
                tracing::error!(
                    "a bandwidth whose time is over goes on, as the change failed; it is tried again: {error}"
                );
            }
            self.told_of_timed = error;
            self.timed = soon(next);
        }
    }
}

/// The time of the next look for a deadline. The clock of [`Instant`] stands still while the machine is suspended, and a
/// deadline's does not.
fn soon(left: Option<Duration>) -> Instant {
    Instant::now() + left.unwrap_or(TRY_AGAIN_EVERY).min(TRY_AGAIN_EVERY)
}
