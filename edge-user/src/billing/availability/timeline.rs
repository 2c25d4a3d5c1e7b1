//! The states of a link within a time, without gaps.

use jiff::Timestamp;

use crate::{
    billing::ledger::{LinkHistory, LinkSpan},
    model::{LinkReason, LinkState},
};

/// The states of a link from one moment to another.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    /// The first one begins with the time.
    spans: Vec<LinkSpan>,
    from_us: i64,
    until_us: i64,
}

impl Timeline {
    /// The states of `history` in the time from `from` until before `until`. Where they are known until a moment before that, nobody
    /// knows from then on whether the link was up or down.
    pub(super) fn new(
        history: &LinkHistory,
        known_until: Option<Timestamp>,
        from: Timestamp,
        until: Timestamp,
    ) -> Self {
        let until = until.max(from);
        let mut spans =
            vec![LinkSpan { from, state: LinkState::Absent, reason: LinkReason::Removed }];
        let mut add = |span: LinkSpan| {
            if span.from >= until {
                return;
            }
            let span = LinkSpan { from: span.from.max(from), ..span };
            spans.retain(|before| before.from < span.from);
            spans.push(span);
        };
        history.spans.iter().copied().for_each(&mut add);
        let last = history.spans.iter().rfind(|span| span.from < until);
        if let (Some(last), Some(known)) = (last, known_until)
            && matches!(last.state, LinkState::Up | LinkState::Down)
        {
            let from = known.max(last.from);
            add(LinkSpan { from, state: LinkState::Unknown, reason: LinkReason::Unseen });
        }
        let (from_us, until_us) = (from.as_microsecond(), until.as_microsecond());
        Self { spans, from_us, until_us }
    }

    /// The beginning and the end.
    pub(super) const fn bounds_us(&self) -> (i64, i64) {
        (self.from_us, self.until_us)
    }

    /// The states.
    pub(super) fn spans(&self) -> &[LinkSpan] {
        &self.spans
    }

    /// Whether the link was there at any time.
    pub(super) fn is_there(&self) -> bool {
        self.until_us > self.from_us
            && self.spans.iter().any(|span| span.state != LinkState::Absent)
    }

    /// The time in a state, in microseconds.
    pub(super) fn time_us(&self, state: LinkState) -> u64 {
        self.time_within_us(state, self.from_us, self.until_us)
    }

    /// The time in a state between two moments, in microseconds.
    pub(super) fn time_within_us(&self, state: LinkState, from_us: i64, to_us: i64) -> u64 {
        let mut sum_us = 0;
        for (number, span) in self.spans.iter().enumerate().skip(self.place(from_us)) {
            let begin_us = span.from.as_microsecond();
            if begin_us >= to_us {
                break;
            }
            if span.state == state {
                let next = self.spans.get(number + 1);
                let end_us = next.map_or(self.until_us, |next| next.from.as_microsecond());
                sum_us += (end_us.min(to_us) - begin_us.max(from_us)).max(0);
            }
        }
        sum_us.unsigned_abs()
    }

    /// The first change after a moment, or the end.
    pub(super) fn next_change_us(&self, at_us: i64) -> i64 {
        let next = self.spans.get(self.place(at_us) + 1);
        next.map_or(self.until_us, |next| next.from.as_microsecond())
    }

    /// The place of the state at a moment.
    fn place(&self, at_us: i64) -> usize {
        let begun = self.spans.partition_point(|span| span.from.as_microsecond() <= at_us);
        begun.saturating_sub(1)
    }
}
