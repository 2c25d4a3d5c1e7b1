//! Terms within a month, to the microsecond, without overlaps.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{TermsSpan, month::Month};
use crate::model::Terms;

/// Terms, for as long as they held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeldTerms<'a> {
    pub(super) terms: &'a Terms,
    pub(super) from: Timestamp,
    pub(super) to: Option<Timestamp>,
}

/// A circuit's terms in one stretch of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay<'a> {
    pub(super) terms: &'a Terms,
    pub(super) from: Timestamp,
    /// Later than that.
    pub(super) to: Timestamp,
}

/// Terms, for as long as they held: at the latest until a circuit of the same name has others. By
/// name and time.
pub(super) fn held(spans: &[TermsSpan]) -> Vec<HeldTerms<'_>> {
    let mut by_name: BTreeMap<&str, Vec<HeldTerms<'_>>> = BTreeMap::new();
    for TermsSpan { terms, from, to } in spans {
        let held = HeldTerms { terms, from: *from, to: *to };
        by_name.entry(&terms.circuit).or_default().push(held);
    }
    for named in by_name.values_mut() {
        named.sort_by_key(|held| held.from);
        let begins: Vec<_> = named.iter().skip(1).map(|next| next.from).collect();
        for (held, next) in named.iter_mut().zip(begins) {
            held.to = Some(held.to.map_or(next, |to| to.min(next)));
        }
    }
    by_name.into_values().flatten().collect()
}

/// The part of a month in which terms held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SoldPiece<'a> {
    /// The place of the terms among those of the circuit.
    pub(super) place: usize,
    pub(super) terms: &'a Terms,
    pub(super) from: Timestamp,
    /// Later than that.
    pub(super) to: Timestamp,
}

/// The pieces of a month for one circuit, whose terms are in order of time.
///
/// Terms that still hold do so to the month's end, and in any case to the next ones' beginning: no moment
/// is billed twice.
pub(super) fn pieces<'a>(spans: &[HeldTerms<'a>], month: Month) -> Vec<SoldPiece<'a>> {
    let ends = spans.iter().skip(1).map(|next| next.from).chain([month.end()]);
    let pieces = spans.iter().zip(ends).enumerate().map(|(place, (span, next))| {
        let to = span.to.map_or(next, |to| to.min(next)).min(month.end());
        SoldPiece { place, terms: span.terms, from: span.from.max(month.start()), to }
    });
    pieces.filter(|piece| piece.from < piece.to).collect()
}

/// The stays of one circuit: pieces that follow each other with the same terms are one.
pub(super) fn stays<'a>(spans: &[HeldTerms<'a>], month: Month) -> Vec<Stay<'a>> {
    let mut stays: Vec<Stay<'_>> = Vec::new();
    for SoldPiece { terms, from, to, .. } in pieces(spans, month) {
        match stays.last_mut() {
            Some(last) if last.to == from && is_same(last.terms, terms) => {
                // Of the name that it has last.
                *last = Stay { terms, from: last.from, to };
            }
            _ => stays.push(Stay { terms, from, to }),
        }
    }
    stays
}

/// Whether terms are the same on an invoice. An edge or a circuit that has got another name is no change.
fn is_same(one: &Terms, other: &Terms) -> bool {
    let Terms { bandwidth_bps, billing, sku, zone, .. } = other;
    (one.bandwidth_bps, one.billing, one.sku, &one.zone) == (*bandwidth_bps, *billing, *sku, zone)
}
