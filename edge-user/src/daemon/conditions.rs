//! Conditions that an operator should know of, and the times at which they have begun.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use edge_api::{Condition, Status};

use crate::time;

/// The conditions at the last look, for all who ask.
#[derive(Clone, Default)]
pub(super) struct SharedConditions(Arc<Mutex<KnownConditions>>);

#[derive(Default)]
struct KnownConditions {
    /// All of them, with the times since boot at which they began.
    known: Vec<(Condition, Duration)>,
    /// Those among them that only traffic tells.
    of_traffic: Vec<Condition>,
    /// Others, of which there were too many.
    left_out: u64,
    /// The number of changes of the data plane before the look.
    generation: u64,
}

/// Conditions of traffic, as one look has found them.
#[derive(Debug, Default)]
pub(super) struct TrafficConditions {
    /// With the times since boot at which they began.
    pub(super) found: Vec<(Condition, Duration)>,
    /// Others, of which there were too many.
    pub(super) left_out: u64,
    /// The number of changes of the data plane before the look.
    pub(super) generation: u64,
}

/// Conditions that have begun and that are over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ConditionChanges {
    pub(super) begun: Vec<Condition>,
    pub(super) ended: Vec<Condition>,
}

impl SharedConditions {
    /// Takes note of a look at a moment since boot: conditions that the status told, and those of traffic.
    pub(super) fn note(
        &self,
        told: Vec<Condition>,
        traffic: TrafficConditions,
        now: Duration,
    ) -> ConditionChanges {
        let TrafficConditions { found, left_out, generation } = traffic;
        let mut known = self.lock();
        let before = std::mem::take(&mut known.known);
        let since = |condition: &Condition| {
            let known = before.iter().find(|(known, _)| known.is_same(condition));
            known.map_or(now, |(_, since)| *since)
        };
        let told = told.into_iter().map(|condition| (since(&condition), condition));
        let told = told.map(|(since, condition)| (condition, since));
        let all: Vec<(Condition, Duration)> = told.chain(found.iter().cloned()).collect();
        let is_in = |list: &[(Condition, Duration)], one: &Condition| {
            list.iter().any(|(other, _)| other.is_same(one))
        };
        let only = |these: &[(Condition, Duration)], those: &[(Condition, Duration)]| {
            let only = these.iter().filter(|(one, _)| !is_in(those, one));
            only.map(|(one, _)| one.clone()).collect()
        };
        let changes = ConditionChanges { begun: only(&all, &before), ended: only(&before, &all) };
        *known = KnownConditions {
            known: all,
            of_traffic: found.into_iter().map(|(condition, _)| condition).collect(),
            left_out,
            generation,
        };
        changes
    }

    /// Adds the conditions to a status that was read after so many changes of the data plane. Those of traffic that were found
    /// before another change are left out: a name may be another circuit's by now, and the next look tells.
    pub(super) fn add_to(&self, status: &mut Status, generation: u64) {
        let known = self.lock();
        let mut conditions = Condition::told_by(status);
        // Of these, somebody knows better since when they are there.
        let is_dated = |condition: &Condition| condition.since != status.taken;
        if known.generation == generation {
            let of_traffic = known.of_traffic.iter().cloned();
            conditions.extend(of_traffic.map(|it| Condition { since: status.taken, ..it }));
            status.conditions_left_out = known.left_out;
        }
        for condition in conditions.iter_mut().filter(|it| !is_dated(it)) {
            if let Some((_, since)) = known.known.iter().find(|(it, _)| it.is_same(condition)) {
                condition.since = time::date(*since);
            }
        }
        status.conditions = conditions;
    }

    fn lock(&self) -> MutexGuard<'_, KnownConditions> {
        // No panic leaves a change half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use edge_api::ConditionKind;
    use jiff::Timestamp;

    use super::*;

    fn condition(kind: ConditionKind, circuit: Option<&str>) -> Condition {
        let circuit = circuit.map(str::to_owned);
        Condition { circuit, ..Condition::new(kind, Timestamp::UNIX_EPOCH, "so it is") }
    }

    fn status(file_fault: Option<&str>) -> Status {
        let document = serde_json::json!({
            "edge": "e", "uptime_s": 1.0, "taken": "2026-01-01T00:00:00Z", "watches_egress": true, "ports": [],
            "circuits": [], "ledger": {"state_dir": "/s", "state": "ok", "error": null, "failing_since": null,
            "notice": null, "last_booked": null, "exports": []},
            "config": {"digest": "aa", "file_fault": file_fault, "unconfirmed": null}});
        serde_json::from_value(document).unwrap()
    }

    fn look(
        shared: &SharedConditions,
        file_fault: Option<&str>,
        circuit: Option<&str>,
        (now, generation): (Duration, u64),
    ) -> ConditionChanges {
        let found = circuit.map(|name| (condition(ConditionKind::OverRate, Some(name)), now));
        let traffic = TrafficConditions { found: Vec::from_iter(found), left_out: 2, generation };
        shared.note(Condition::told_by(&status(file_fault)), traffic, now)
    }

    #[test]
    fn each_condition_begins_once_and_ends_once() {
        let shared = SharedConditions::default();
        let at = |second| (Duration::from_secs(second), 0);
        let kinds = |conditions: &[Condition]| -> Vec<ConditionKind> {
            conditions.iter().map(|condition| condition.kind).collect()
        };
        let first = look(&shared, Some("wrong"), Some("a"), at(10));
        assert_eq!(kinds(&first.begun), [ConditionKind::NotSaved, ConditionKind::OverRate]);
        // Other words for the same.
        let second = look(&shared, Some("quite wrong"), Some("a"), at(12));
        assert_eq!(second, ConditionChanges::default());
        let third = look(&shared, Some("wrong"), Some("b"), at(14));
        assert_eq!(third.begun[0].circuit.as_deref(), Some("b"));
        assert_eq!(third.ended[0].circuit.as_deref(), Some("a"));
        let last = look(&shared, None, None, at(16));
        assert_eq!(kinds(&last.ended), [ConditionKind::NotSaved, ConditionKind::OverRate]);
    }

    #[test]
    fn a_status_has_conditions_with_their_beginnings_and_no_names_of_before() {
        let shared = SharedConditions::default();
        let begun = time::since_boot().saturating_sub(Duration::from_secs(100));
        look(&shared, Some("wrong"), Some("a"), (begun, 3));
        let mut read = status(Some("wrong"));
        shared.add_to(&mut read, 3);
        let kinds: Vec<_> = read.conditions.iter().map(|it| it.kind).collect();
        assert_eq!(kinds, [ConditionKind::NotSaved, ConditionKind::OverRate]);
        assert_eq!(read.conditions_left_out, 2);
        for condition in &read.conditions {
            let ago = time::wall().duration_since(condition.since).as_secs();
            assert!((99..110).contains(&ago), "{ago}");
        }
        // A reload came in between: whose name it is, nobody knows yet.
        let mut read = status(Some("wrong"));
        shared.add_to(&mut read, 4);
        assert_eq!((read.conditions.len(), read.conditions_left_out), (1, 0));
        // A condition that no look has seen begins with the status.
        let mut read = status(None);
        read.router_faults.push("the port is missing".to_owned());
        shared.add_to(&mut read, 4);
        assert_eq!(read.conditions[0].since, read.taken);
    }
}
