//! Circuits by identity: one circuit may have had several names.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Terms;

/// The part of a circuit that stays when it is renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CircuitIdentity<'a> {
    /// The provider's key for it.
    Key(&'a str),
    /// The name of a circuit without a key, or with a key that another one has at the same time.
    Name(&'a str, Option<&'a str>),
}

/// Tells circuits apart.
///
/// Names with the same service key are one circuit that was renamed. But where two of them hold at
/// the same time, each name is a circuit of its own: a configuration may do that, and `edge check`
/// warns of it. Without a service key, a circuit is known by its name.
#[derive(Clone, Debug, Default)]
pub struct Identities<'a> {
    /// Keys that several circuits have at the same time.
    shared: BTreeSet<&'a str>,
}

impl<'a> Identities<'a> {
    /// Identities by terms, in any order, each with its beginning and end; `None`: they still hold.
    pub fn new(spans: impl Iterator<Item = (&'a Terms, Timestamp, Option<Timestamp>)>) -> Self {
        let mut by_key: BTreeMap<&str, Vec<(Timestamp, Timestamp, &str)>> = BTreeMap::new();
        for (terms, from, to) in spans {
            if let Some(key) = &terms.service_key {
                let span = (from, to.unwrap_or(Timestamp::MAX), terms.circuit.as_str());
                by_key.entry(key).or_default().push(span);
            }
        }
        let shared = by_key.into_iter().filter_map(|(key, mut spans)| {
            spans.sort_unstable();
            let mut longest: Option<(Timestamp, &str)> = None;
            let is_shared = spans.into_iter().any(|(from, to, name)| {
                let overlaps = longest.is_some_and(|(until, other)| from < until && name != other);
                if longest.is_none_or(|(until, _)| until < to) {
                    longest = Some((to, name));
                }
                overlaps
            });
            is_shared.then_some(key)
        });
        Self { shared: shared.collect() }
    }

    /// The identity of a name with the service key that it has, or had at that time.
    #[must_use]
    pub fn of<'n>(&self, circuit: &'n str, service_key: Option<&'n str>) -> CircuitIdentity<'n> {
        match service_key {
            Some(key) if !self.shared.contains(key) => CircuitIdentity::Key(key),
            _ => CircuitIdentity::Name(circuit, service_key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Billing, Sku};

    fn terms(circuit: &str, key: Option<&str>) -> Terms {
        Terms {
            edge: "e".into(),
            circuit: circuit.into(),
            service_key: key.map(Into::into),
            bandwidth_bps: 1,
            billing: Billing::Metered,
            sku: Sku::Standard,
            zone: None,
        }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn names_with_one_key_are_one_circuit_unless_they_hold_at_once() {
        let all = [terms("a", Some("k")), terms("b", Some("k")), terms("c", None)];
        let is_one = |spans: &[(usize, i64, Option<i64>)]| {
            let spans =
                spans.iter().map(|(which, from, to)| (&all[*which], second(*from), to.map(second)));
            let identities = Identities::new(spans);
            identities.of("a", Some("k")) == identities.of("b", Some("k"))
        };
        assert!(is_one(&[(0, 0, Some(5)), (1, 5, None), (2, 0, None)]));
        assert!(is_one(&[(0, 0, Some(5)), (0, 3, Some(9)), (1, 9, Some(10)), (0, 10, None)]));
        assert!(!is_one(&[(0, 0, Some(6)), (1, 5, None)]));
        assert!(!is_one(&[(1, 5, Some(6)), (0, 0, None)]));
        let identities = Identities::default();
        assert_ne!(identities.of("a", None), identities.of("a", Some("k")));
        assert_ne!(identities.of("a", None), identities.of("b", None));
    }
}
