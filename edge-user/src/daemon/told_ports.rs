//! Changes of ports in the log: each once, when it begins, and once more when it is over. A port that changes
//! all the time is told of less often.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    time::{Duration, Instant},
};

use super::{
    events::{Events, Happened},
    port_changes::{PortChange, changes, has_link},
    ports::{PortState, PortStates},
};

/// Lines about one port in a [`WINDOW`], before it only counts.
const MOST_LINES: usize = 20;
const WINDOW: Duration = Duration::from_mins(1);

/// The ports, as the log has them.
#[derive(Default)]
pub(super) struct ToldPorts(BTreeMap<String, ToldPort>);

struct ToldPort {
    /// The state that was told last.
    told: PortState,
    /// The state that was seen last.
    seen: PortState,
    window: Instant,
    lines: usize,
    /// Changes of the window that were not told.
    untold: usize,
}

impl ToldPorts {
    /// Tells of what has changed since the last call.
    pub(super) fn tell(&mut self, states: &PortStates, events: &Events) {
        self.follow(states, Instant::now(), |port, change| {
            log(port, change);
            events.push(Happened::of_port(port, change.to_string()));
        });
    }

    fn follow(
        &mut self,
        states: &PortStates,
        now: Instant,
        mut tell: impl FnMut(&str, &ToldChange),
    ) {
        for (name, state) in states {
            let Some(port) = self.0.get_mut(name) else {
                for change in changes(None, state) {
                    tell(name, &ToldChange::One(change));
                }
                let (told, seen) = (state.clone(), state.clone());
                self.0.insert(
                    name.clone(),
                    ToldPort { told, seen, window: now, lines: 0, untold: 0 },
                );
                continue;
            };
            port.follow(state, now, |change| tell(name, change));
        }
        self.0.retain(|port, _| states.contains_key(port));
    }
}

impl ToldPort {
    fn follow(&mut self, state: &PortState, now: Instant, mut tell: impl FnMut(&ToldChange)) {
        if now.duration_since(self.window) >= WINDOW {
            if self.untold > 0 {
                tell(&ToldChange::Untold(self.untold));
            }
            (self.window, self.lines, self.untold) = (now, 0, 0);
        }
        if self.lines < MOST_LINES {
            let changes = changes(Some(&self.told), state);
            self.lines += changes.len();
            for change in changes {
                tell(&ToldChange::One(change));
            }
            remember(&mut self.told, state);
        } else {
            let more = changes(Some(&self.seen), state).len();
            if more > 0 && self.untold == 0 {
                tell(&ToldChange::TooOften);
            }
            self.untold += more;
        }
        remember(&mut self.seen, state);
    }
}

/// A line of the log about a port.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ToldChange {
    One(PortChange),
    /// There are more to come, which are counted.
    TooOften,
    /// So many were.
    Untold(usize),
}

impl Display for ToldChange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(change) => change.fmt(f),
            Self::TooOften => f.write_str(
                "it changes all the time, and its changes are only counted for up to a minute; `edge status` has its \
                 present state",
            ),
            Self::Untold(changes) => write!(
                f,
                "{changes} more changes in the last minute than were told; the next lines have its present state, where \
                 that is another one than was told last"
            ),
        }
    }
}

fn log(port: &str, change: &ToldChange) {
    match change {
        ToldChange::One(PortChange::FaultBegan { runs: false, .. }) => {
            tracing::error!(edge.port = port, "port \"{port}\": {change}");
        }
        ToldChange::One(
            PortChange::FaultBegan { .. }
            | PortChange::WarningBegan(_)
            | PortChange::CarrierBounced { .. },
        )
        | ToldChange::TooOften
        | ToldChange::Untold(_) => tracing::warn!(edge.port = port, "port \"{port}\": {change}"),
        ToldChange::One(_) => tracing::info!(edge.port = port, "port \"{port}\": {change}"),
    }
}

/// Keeps, of an interface that is gone and of a speed that nobody knows, what was known last, and of a port
/// without a link its warnings.
fn remember(known: &mut PortState, state: &PortState) {
    let (device, settings) = (known.device.take(), known.settings.take());
    let warnings = std::mem::take(&mut known.warnings);
    known.clone_from(state);
    if !has_link(state) {
        known.warnings = warnings;
    }
    known.device = known.device.take().or(device);
    known.settings = match (known.settings.take(), settings) {
        (Some(mut now), Some(before)) => {
            now.speed_bps = now.speed_bps.or(before.speed_bps);
            Some(now)
        }
        (now, before) => now.or(before),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::host::{device::Device, link_settings::LinkSettings};

    /// Lines about the port, with the port looked at in this state, so many seconds after the start.
    struct Log {
        ports: ToldPorts,
        start: Instant,
    }

    impl Log {
        fn new() -> Self {
            Self { ports: ToldPorts::default(), start: Instant::now() }
        }

        fn look(&mut self, state: &PortState, after_s: u64) -> Vec<ToldChange> {
            let mut told = Vec::new();
            let states = PortStates::from([("P1".to_owned(), state.clone())]);
            let now = self.start + Duration::from_secs(after_s);
            self.ports.follow(&states, now, |_, change| told.push(change.clone()));
            told
        }
    }

    fn with_fault(fault: Option<&str>) -> PortState {
        PortState { fault: fault.map(str::to_owned), ..PortState::default() }
    }

    fn began(fault: &str) -> ToldChange {
        ToldChange::One(PortChange::FaultBegan { fault: fault.to_owned(), runs: false })
    }

    #[test]
    fn a_fault_is_told_once_and_its_end_once() {
        let mut log = Log::new();
        let ended = ToldChange::One(PortChange::FaultEnded { interface: String::new() });
        assert_eq!(log.look(&with_fault(Some("gone")), 0), [began("gone")]);
        assert_eq!(log.look(&with_fault(Some("gone")), 1), []);
        assert_eq!(log.look(&with_fault(None), 2), [ended]);
        assert_eq!(log.look(&with_fault(None), 3), []);
    }

    #[test]
    fn a_port_that_changes_all_the_time_is_told_of_at_times() {
        let mut log = Log::new();
        let states = [with_fault(None), with_fault(Some("no carrier"))];
        let mut lines = Vec::new();
        for second in 0..59 {
            lines.extend(log.look(&states[second % 2], second as u64));
        }
        assert_eq!(lines.len(), MOST_LINES + 1);
        assert_eq!(lines.last(), Some(&ToldChange::TooOften));
        // It was seen without a fault at last, as it was told.
        let untold = 58 - MOST_LINES;
        assert_eq!(log.look(&states[0], 60), [ToldChange::Untold(untold)]);
        assert_eq!(log.look(&states[1], 61), [began("no carrier")]);
        assert_eq!(log.look(&states[1], 200), []);
    }

    #[test]
    fn an_interface_that_returns_is_compared_with_the_one_before() {
        let mut log = Log::new();
        let state = |mtu_bytes, speed_bps| PortState {
            device: Some(Device { mtu_bytes, ..Device::default() }),
            settings: Some(LinkSettings { speed_bps, ..LinkSettings::default() }),
            ..PortState::default()
        };
        assert_eq!(log.look(&state(1500, Some(10)), 0), []);
        assert_eq!(log.look(&with_fault(Some("gone")), 1), [began("gone")]);
        let told = log.look(&state(9000, None), 2);
        let interface = String::new();
        let mtu = PortChange::Mtu { interface: interface.clone(), mtu_bytes: [1500, 9000] };
        assert_eq!(told[1..], [ToldChange::One(mtu)]);
        let speed = PortChange::Speed { interface, speed_bps: [10, 25] };
        assert_eq!(log.look(&state(9000, Some(25)), 3), [ToldChange::One(speed)]);
    }
}
