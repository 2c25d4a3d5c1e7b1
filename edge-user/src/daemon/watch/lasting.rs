//! Conditions of traffic: they begin when they are seen twice, and are over when they were not seen for a while.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use edge_api::{Condition, ConditionKind};

use super::HOLD;
use crate::config::Circuit;

/// Most conditions that are kept.
const MOST: usize = 256;
/// Looks that have to see a condition before it begins.
const LOOKS: u32 = 2;

/// Conditions of traffic, the first seen in front.
#[derive(Debug, Default)]
pub(super) struct LastingConditions {
    kept: Vec<Lasting>,
    left_out: u64,
}

#[derive(Debug)]
struct Lasting {
    condition: Condition,
    /// The circuit as it was. Another one of the same name has another condition.
    circuit: Circuit,
    /// Times since boot.
    begun: Duration,
    seen: Duration,
    looks: u32,
}

impl LastingConditions {
    /// Begins a look.
    pub(super) fn begin_look(&mut self) {
        self.left_out = 0;
    }

    /// Takes note of a condition that is there. A circuit that is over its rate now has no bursts, and the other way round.
    pub(super) fn see(&mut self, condition: Condition, circuit: &Circuit, now: Duration) {
        let place = self.kept.iter().position(|kept| is_of_same(&kept.condition, &condition));
        if let Some(place) = place {
            let kept = &mut self.kept[place];
            if kept.condition.kind != condition.kind {
                kept.begun = now;
            }
            (kept.condition, kept.seen) = (condition, now);
            kept.looks = kept.looks.saturating_add(1);
        } else if self.kept.len() < MOST {
            let circuit = circuit.clone();
            self.kept.push(Lasting { condition, circuit, begun: now, seen: now, looks: 1 });
        } else {
            self.left_out += 1;
        }
    }

    /// Counts conditions that nobody has looked into.
    pub(super) fn leave_out(&mut self, conditions: u64) {
        self.left_out += conditions;
    }

    /// The kind of a circuit's condition in this direction, on this link.
    pub(super) fn kind_of(
        &self,
        circuit: &str,
        direction: &str,
        link: &str,
    ) -> Option<ConditionKind> {
        let kept = self.kept.iter().map(|kept| &kept.condition).find(|it| {
            let of = [&it.circuit, &it.direction, &it.link].map(Option::as_deref);
            of == [Some(circuit), Some(direction), Some(link)]
        });
        kept.map(|it| it.kind)
    }

    /// Ends those that were not seen for a while.
    pub(super) fn end_unseen(&mut self, now: Duration) {
        self.kept.retain(|kept| now.saturating_sub(kept.seen) < HOLD);
    }

    /// Keeps those whose circuit is as it was, and whose port is there.
    pub(super) fn keep(&mut self, circuits: &HashMap<&str, &Circuit>, ports: &BTreeSet<&str>) {
        self.kept.retain(|Lasting { condition, circuit, .. }| {
            let has_port = condition.port.as_deref().is_none_or(|port| ports.contains(port));
            has_port && circuits.get(&*circuit.name).is_some_and(|now| *now == circuit)
        });
    }

    /// The names of their circuits.
    pub(super) fn circuits(&self) -> impl Iterator<Item = &str> {
        self.kept.iter().map(|kept| &*kept.circuit.name)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Those that have begun, with the time since boot at which they were first seen.
    pub(super) fn shown(&self) -> impl Iterator<Item = (Condition, Duration)> {
        let begun = self.kept.iter().filter(|kept| kept.looks >= LOOKS);
        begun.map(|kept| (kept.condition.clone(), kept.begun))
    }

    /// The number of those beyond them at the last look.
    pub(super) const fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// Whether two conditions are about the same traffic.
fn is_of_same(one: &Condition, other: &Condition) -> bool {
    let is_loss =
        |it: &Condition| matches!(it.kind, ConditionKind::OverRate | ConditionKind::Bursts);
    let are_losses = is_loss(one) && is_loss(other);
    (are_losses || one.kind == other.kind) && one.is_about_same(other)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::config::sample::{Sample, SampleCircuit};

    fn circuit(name: &str, bandwidth: &str) -> Circuit {
        let circuit = SampleCircuit::new(name, bandwidth).s_tag(100).peering("private", 10);
        let text = Sample::lab().circuit(circuit).to_string();
        let config = crate::config::parse(&text, "edge.toml".as_ref()).unwrap();
        config.circuits[0].clone()
    }

    fn condition(kind: ConditionKind, circuit: &str) -> Condition {
        Condition {
            circuit: Some(circuit.to_owned()),
            direction: Some("inbound".to_owned()),
            link: Some("primary".to_owned()),
            ..Condition::new(kind, Timestamp::UNIX_EPOCH, "so it is")
        }
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn one_begins_with_the_second_look_and_ends_a_while_after_the_last() {
        let (a, mut lasting) = (circuit("a", "1 Gbps"), LastingConditions::default());
        let shown = |lasting: &LastingConditions| {
            lasting.shown().map(|(it, since)| (it.kind, since)).collect::<Vec<_>>()
        };
        lasting.see(condition(ConditionKind::OverRate, "a"), &a, s(10));
        assert_eq!(shown(&lasting), []);
        lasting.see(condition(ConditionKind::OverRate, "a"), &a, s(20));
        lasting.end_unseen(s(19) + HOLD);
        assert_eq!(shown(&lasting), [(ConditionKind::OverRate, s(10))]);
        // The same loss of another kind takes its place.
        lasting.see(condition(ConditionKind::Bursts, "a"), &a, s(30));
        assert_eq!(shown(&lasting), [(ConditionKind::Bursts, s(30))]);
        assert_eq!(lasting.kind_of("a", "inbound", "primary"), Some(ConditionKind::Bursts));
        assert_eq!(lasting.kind_of("a", "outbound", "primary"), None);
        lasting.end_unseen(s(30) + HOLD);
        assert!(lasting.is_empty());
        // A single frame a minute is none.
        for minute in 1..5 {
            lasting.end_unseen(s(60 * minute));
            lasting.see(condition(ConditionKind::MisTagged, "a"), &a, s(60 * minute));
            assert_eq!(shown(&lasting), []);
        }
    }

    #[test]
    fn those_of_another_circuit_or_without_a_port_are_dropped() {
        let (before, after) = (circuit("a", "1 Gbps"), circuit("a", "2 Gbps"));
        let all = |lasting: &mut LastingConditions| {
            let of_port = Condition {
                port: Some("customer0".to_owned()),
                ..condition(ConditionKind::MisTagged, "a")
            };
            for it in [condition(ConditionKind::OverRate, "a"), of_port] {
                lasting.see(it.clone(), &before, s(1));
                lasting.see(it, &before, s(2));
            }
        };
        for (circuits, ports, left) in [
            (Some(&before), "customer0", 2),
            (Some(&before), "customer1", 1),
            (Some(&after), "customer0", 0),
            (None, "customer0", 0),
        ] {
            let mut lasting = LastingConditions::default();
            all(&mut lasting);
            let circuits = circuits.map(|circuit| ("a", circuit)).into_iter().collect();
            lasting.keep(&circuits, &BTreeSet::from([ports]));
            assert_eq!(lasting.shown().count(), left);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn there_are_never_too_many(sights in proptest::collection::vec((0_usize..600, 0_u64..4), 0..1_000)) {
            let (a, mut lasting, mut now) = (circuit("a", "1 Gbps"), LastingConditions::default(), 0);
            for (name, later) in sights {
                now += later;
                lasting.begin_look();
                lasting.see(condition(ConditionKind::Bursts, &name.to_string()), &a, s(now));
                lasting.end_unseen(s(now));
                prop_assert!(lasting.kept.len() <= MOST && lasting.left_out() <= 1);
                prop_assert!(lasting.kept.iter().all(|kept| s(now) < kept.seen + HOLD && kept.begun <= kept.seen));
            }
        }
    }
}
