//! Terms within a month, in whole seconds, without gaps or overlaps that are not in the ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Span, month::Month};
use crate::ledger::Terms;

/// What a circuit was in one stretch of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay<'a> {
    pub(super) terms: &'a Terms,
    /// A whole second.
    pub(super) from: Timestamp,
    /// A whole second after that.
    pub(super) to: Timestamp,
}

/// The stays of every circuit, by circuit and time.
///
/// Both ends of a span lose their part of a second, so that what follows at once begins in the same
/// second, and all of a month's seconds are billed once. Terms that still hold do so to the month's
/// end, and in any case to the next ones' beginning.
pub(super) fn stays(spans: &[Span], month: Month) -> Vec<Stay<'_>> {
    let mut by_circuit: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        by_circuit.entry(&span.terms.circuit).or_default().push(span);
    }
    let mut stays: Vec<Stay<'_>> = Vec::new();
    for mut spans in by_circuit.into_values() {
        spans.sort_by_key(|span| span.from);
        let ends = spans.iter().skip(1).map(|next| next.from).chain([month.end()]);
        for (span, next) in spans.iter().zip(ends) {
            let to = span.to.map_or(next, |to| to.min(next)).min(month.end());
            let (from, to) = (whole_second(span.from.max(month.start())), whole_second(to));
            if from >= to {
                continue;
            }
            match stays.last_mut() {
                Some(last) if last.to == from && is_same(last.terms, &span.terms) => last.to = to,
                _ => stays.push(Stay { terms: &span.terms, from, to }),
            }
        }
    }
    stays
}

/// Moments of a month are after 1970, where this is towards the past.
fn whole_second(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

/// Whether terms are the same on an invoice. An edge that has got another name is no change.
fn is_same(one: &Terms, other: &Terms) -> bool {
    *one == Terms { edge: one.edge.clone(), ..other.clone() }
}
