//! The destination of new counts: rows for good or, until the date is certain, rows that they can
//! be taken out of again.

use std::collections::BTreeMap;

use rusqlite::Transaction;

use super::{
    boots::{self, Boot, Offset},
    column,
    error::{Fault, too_much},
    held::{self, Layer, Piece},
    outcome_rows::{self, Amount, OutcomeRows},
    rows::{Samples, UsagePlace, UsageRows, earlier},
    split::{Interval, is_estimated},
    types::Policy,
};

/// The time between two readings of the same tables, since boot.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadingSpan {
    pub(super) from_us: i64,
    pub(super) to_us: i64,
    pub(super) boot: Boot,
}

/// The destination of the counts of a span.
pub(super) enum CountTaker<'c> {
    /// The date is certain: the clock is believed for good.
    Rows(Box<ForGood<'c>>),
    /// The date may still change.
    Held(Box<ForNow<'c>>),
}

pub(super) struct ForGood<'c> {
    transaction: &'c Transaction<'c>,
    rows: UsageRows<'c>,
    outcomes: OutcomeRows<'c>,
    interval: Interval,
    period_s: i64,
    is_estimated: bool,
    by_meter: BTreeMap<i64, u64>,
}

pub(super) struct ForNow<'c> {
    transaction: &'c Transaction<'c>,
    layer: Layer<'c>,
    offset: Option<Offset>,
    span: ReadingSpan,
    is_gap: bool,
}

impl<'c> CountTaker<'c> {
    pub(super) fn new(
        transaction: &'c Transaction<'c>,
        span: ReadingSpan,
        policy: &Policy,
        period_s: i64,
    ) -> Result<Self, Fault> {
        let belief = &span.boot.belief;
        let dates = belief.date_us(span.from_us).zip(belief.date_us(span.to_us));
        if let Some((from_us, to_us)) = dates
            && belief.is_settled
            && belief.is_followed()
        {
            return Ok(Self::Rows(Box::new(ForGood {
                transaction,
                rows: UsageRows::new(transaction)?,
                outcomes: OutcomeRows::new(transaction)?,
                interval: Interval::new(from_us, to_us),
                period_s,
                is_estimated: is_estimated(from_us, to_us, policy, period_s),
                by_meter: BTreeMap::new(),
            })));
        }
        let gap_us = column::micros_of(policy.gap);
        Ok(Self::Held(Box::new(ForNow {
            transaction,
            layer: Layer::new(transaction, period_s)?,
            offset: boots::offsets(transaction)?.get(&span.boot.id).copied(),
            span,
            is_gap: span.to_us - span.from_us > gap_us,
        })))
    }

    /// Adds the counts of a series of a meter.
    pub(super) fn add(
        &mut self,
        series: i64,
        meter: i64,
        (frames, bytes): (u64, u64),
    ) -> Result<(), Fault> {
        match self {
            Self::Rows(into) => {
                let place = UsagePlace {
                    series,
                    interval: into.interval,
                    period_s: into.period_s,
                    is_estimated: into.is_estimated,
                };
                into.rows.add(place, (frames, bytes))?;
                let sum = into.by_meter.entry(meter).or_default();
                *sum = sum.checked_add(bytes).ok_or_else(too_much)?;
                Ok(())
            }
            Self::Held(into) => {
                let ReadingSpan { from_us, to_us, boot } = into.span;
                let is_gap = into.is_gap;
                let piece =
                    Piece { boot: boot.id, series, meter, is_gap, from_us, to_us, frames, bytes };
                held::hold(into.transaction, &piece, boot.belief.clock_us)?;
                match into.offset {
                    Some(offset) => into.layer.lay(&piece, offset),
                    None => Ok(()),
                }
            }
        }
    }

    /// Adds the counts of an outcome.
    pub(super) fn add_outcome(
        &mut self,
        outcome: i64,
        (frames, bytes): (u64, u64),
    ) -> Result<(), Fault> {
        let amount = Amount { frames, bytes, peaks_bps: None };
        match self {
            Self::Rows(into) => into.outcomes.add(outcome, into.interval, &amount),
            Self::Held(into) => {
                let ReadingSpan { from_us, to_us, boot } = into.span;
                let span = ((from_us, to_us), into.is_gap);
                outcome_rows::hold(into.transaction, &boot, span, outcome, &amount)
            }
        }
    }

    /// Writes the samples of all added counts.
    pub(super) fn end(self) -> Result<(), Fault> {
        match self {
            Self::Rows(into) => {
                let mut samples = Samples::new(into.transaction, into.interval)?;
                for (meter, bytes) in into.by_meter {
                    samples.add(meter, bytes)?;
                }
                let oldest_s = earlier(into.rows.oldest_s(), samples.oldest_s());
                let oldest_s = earlier(oldest_s, into.outcomes.oldest_s());
                boots::note_oldest(into.transaction, oldest_s)
            }
            Self::Held(into) => boots::note_oldest(into.transaction, into.layer.oldest_s()),
        }
    }
}
