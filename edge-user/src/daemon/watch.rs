//! A thread that looks for conditions every few seconds, and tells of those that begin and end.
//!
//! ```text
//! ports, books, configuration ──────────────────────────┐
//! frames above rates ─▶ loads of circuits ─▶ judge ─┐   ├─▶ conditions ─▶ status, metrics
//! frames without circuit ─▶ mis_tagged ─────────────┴─▶ lasting ─▶ events
//! ```
//!
//! While no port counts such frames, a look reads the ports' counters alone, however many circuits there are.

mod growth;
mod judge;
mod lasting;
mod loads;
mod losses;
mod mis_tagged;

use std::{
    collections::{BTreeSet, HashMap},
    thread,
    time::{Duration, Instant},
};

use edge_api::{Condition, ConditionKind, EventKind, Status};
use edge_common::Reason;

use self::{growth::Growth, lasting::LastingConditions, losses::Losing, mis_tagged::MisTagged};
use super::{
    conditions::{ConditionChanges, TrafficConditions},
    engine::Engine,
    events::Happened,
    head::{HeadReader, RoutedPart, Steps},
};
use crate::{
    daemon::error::{Context as _, Result},
    time,
};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(2);
/// A look that takes long is followed by this many times its length without one.
const REST: u32 = 10;
/// A condition of traffic that was not seen for this long is over.
const HOLD: Duration = Duration::from_secs(12);
/// A circuit that is over its rate for this long is told of once more.
const LONG: Duration = Duration::from_mins(5);

/// Starts the thread.
///
/// # Errors
///
/// The system has no thread or no socket for it.
pub fn start(engine: &Engine) -> Result<()> {
    let mut watch = ConditionWatch {
        engine: engine.clone(),
        head: HeadReader::open(engine)?,
        growth: Growth::default(),
        losing: Losing::default(),
        mis_tagged: MisTagged::default(),
        lasting: LastingConditions::default(),
        told_long: Vec::new(),
    };
    thread::Builder::new()
        .name("conditions".to_owned())
        .spawn(move || {
            let mut told = String::new();
            loop {
                let begun = Instant::now();
                let error = watch.look().err().map(|error| format!("{error:#}"));
                let error = error.unwrap_or_default();
                if !error.is_empty() && error != told {
                    tracing::error!(
                        "looking for conditions failed, so that `edge status` may lack some; it is tried again every two \
                         seconds: {error}"
                    );
                }
                told = error;
                thread::sleep(EVERY.max(begun.elapsed() * REST));
            }
        })
        .context("starting the thread that looks for conditions")?;
    Ok(())
}

struct ConditionWatch {
    engine: Engine,
    head: HeadReader,
    growth: Growth,
    losing: Losing,
    mis_tagged: MisTagged,
    lasting: LastingConditions,
    /// Circuits over their rate, of which an event has said that this takes long.
    told_long: Vec<Condition>,
}

impl ConditionWatch {
    fn look(&mut self) -> Result<()> {
        let running = self.engine.running.clone();
        let steps = Steps::of(&running);
        let routed = RoutedPart::faults(&self.engine.router);
        // After a change meanwhile, the next look is soon enough.
        let Some((status, _)) = self.head.read(&steps, &routed, false)? else { return Ok(()) };
        let now = time::since_boot();
        self.forget_others();
        self.look_at_traffic(&steps, &status, now)?;
        self.lasting.end_unseen(now);
        let generation = steps.generation();
        let (found, left_out) = (self.lasting.shown().collect(), self.lasting.left_out());
        let traffic = TrafficConditions { found, left_out, generation };
        let changes = self.engine.conditions.note(Condition::told_by(&status), traffic, now);
        self.tell(changes);
        self.tell_of_long(now);
        Ok(())
    }

    fn look_at_traffic(&mut self, steps: &Steps<'_>, status: &Status, now: Duration) -> Result<()> {
        let grown = self.growth.since_last(steps.generation(), &status.ports);
        let by = |reasons: &[Reason]| -> BTreeSet<String> {
            let is_one = |(_, reason): &&(String, Reason)| reasons.contains(reason);
            grown.iter().filter(is_one).map(|(port, _)| port.clone()).collect()
        };
        let (above, strange) =
            (by(&[Reason::OverRate]), by(&[Reason::Unmatched, Reason::Untagged]));
        self.lasting.begin_look();
        self.losing.look(steps, &above, now, &mut self.lasting)?;
        self.mis_tagged.look(&self.engine, steps.generation(), &strange, now, &mut self.lasting)
    }

    /// Ends conditions of circuits and ports that are gone or are others now.
    fn forget_others(&mut self) {
        if self.lasting.is_empty() {
            return;
        }
        let running = self.engine.running.read();
        let names: BTreeSet<String> = self.lasting.circuits().map(str::to_owned).collect();
        let circuits = running.config.circuits.iter();
        let circuits: HashMap<&str, _> = circuits
            .filter(|circuit| names.contains(&circuit.name))
            .map(|circuit| (&*circuit.name, circuit))
            .collect();
        let ports: BTreeSet<&str> = running.config.ports.iter().map(|port| &*port.name).collect();
        self.lasting.keep(&circuits, &ports);
    }

    fn tell(&self, changes: ConditionChanges) {
        let ConditionChanges { begun, ended } = changes;
        for condition in &begun {
            let (kind, sentence) = (condition.kind.as_str(), &condition.sentence);
            let sentence = format!("{kind}: {sentence}");
            self.engine.events.push(Happened::of_condition(
                EventKind::ConditionBegan,
                condition,
                sentence,
            ));
        }
        for condition in &ended {
            let sentence = format!("{} is over", condition.kind.as_str());
            self.engine.events.push(Happened::of_condition(
                EventKind::ConditionEnded,
                condition,
                sentence,
            ));
        }
    }

    fn tell_of_long(&mut self, now: Duration) {
        let long = self.lasting.shown().filter(|(condition, since)| {
            condition.kind == ConditionKind::OverRate && now.saturating_sub(*since) >= LONG
        });
        let long: Vec<Condition> = long.map(|(condition, _)| condition).collect();
        for condition in &long {
            if self.told_long.iter().any(|told| told.is_same(condition)) {
                continue;
            }
            let sentence = format!("over its rate for 5 min: {}", condition.sentence);
            self.engine.events.push(Happened::of_condition(
                EventKind::OverRateForLong,
                condition,
                sentence,
            ));
        }
        self.told_long = long;
    }
}
