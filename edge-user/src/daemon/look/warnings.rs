//! Warnings that go with figures of a ledger: what they lack, and what makes them doubtful.

use jiff::Timestamp;

use super::view::View;
use crate::{billing::ledger::LedgerError, time};

/// The warnings that go with some figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warnings {
    /// A sentence each.
    pub texts: Vec<String>,
    /// Whether the figures are all that was asked for.
    pub is_complete: bool,
}

impl Warnings {
    /// Returns the warnings that go with figures of the time before `to`, or of all time: gaps,
    /// doubtful dates, and data planes that can't be seen from here.
    pub fn of(view: &View, to: Option<Timestamp>) -> Result<Self, LedgerError> {
        let gaps = view.ledger.gaps()?.into_iter().map(|gap| gap.to_string());
        let doubts = view.ledger.doubts(time::wall())?.into_iter().map(|doubt| doubt.to_string());
        let unseen = Self::of_unseen(view, to);
        let texts = gaps.chain(doubts).chain(unseen.texts).collect();
        Ok(Self { texts, ..unseen })
    }

    /// Returns the warnings about data planes that can't be seen from here, for the time before
    /// `to`, or for all time.
    #[must_use]
    pub fn of_unseen(view: &View, to: Option<Timestamp>) -> Self {
        let is_complete = view.is_complete_until(to);
        let missing = view.missing.iter().filter(|_| !is_complete).map(ToString::to_string);
        Self { texts: missing.chain(view.notes.iter().cloned()).collect(), is_complete }
    }

    /// Adds that the ledger keeps these `figures` only since `until`, where some before that are asked
    /// for. A query with no `from` asks for all there is, and gets that.
    pub fn add_expired(
        &mut self,
        figures: &str,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) {
        let Some(until) = until.filter(|until| from.is_none_or(|from| from < *until)) else {
            return;
        };
        self.texts
            .push(format!("{figures} before {until}: deleted by age, and not in these figures"));
        self.is_complete &= from.is_none();
    }
}
