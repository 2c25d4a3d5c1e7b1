//! The order in which tables are rebuilt, and the waits between. It reads no clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Waits of a [`Schedule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pacing {
    /// The shortest time between the starts of two rebuilds of a table.
    pub shortest: Duration,
    /// The longest, of a table that goes on changing. One that was quiet for as long is rebuilt at once.
    pub longest: Duration,
    /// Rebuilds of tables that go on changing take at most one part in so many of the time, so that others find it
    /// free.
    pub share: u32,
}

impl Default for Pacing {
    fn default() -> Self {
        Self { shortest: Duration::from_millis(100), longest: Duration::from_secs(1), share: 4 }
    }
}

/// Tables that are to be rebuilt, each at its time. Times are since any fixed moment, and never go back.
#[derive(Debug)]
pub struct Schedule {
    pacing: Pacing,
    tables: BTreeMap<u32, TableState>,
    /// Tables that wait, by the time that each waits for. These changed after a time of quiet.
    calm: BTreeSet<(Duration, u32)>,
    /// These go on changing.
    flapping: BTreeSet<(Duration, u32)>,
    /// The time before which none of [`Self::flapping`] is rebuilt.
    share_over: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct TableState {
    /// The time that it waits for, if it waits.
    due: Option<Duration>,
    /// The start of the last rebuild.
    rebuilt: Option<Duration>,
    /// The time that has to pass after that.
    wait: Duration,
    /// Whether it went on changing when it was rebuilt.
    was_flapping: bool,
}

/// The end of a rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RebuildEnd {
    /// The table is as the kernel's was.
    Rebuilt,
    /// It is as it was before, and needs another try.
    Failed,
}

impl Schedule {
    /// A schedule without tables.
    #[must_use]
    pub fn new(pacing: Pacing) -> Self {
        Self {
            pacing,
            tables: BTreeMap::new(),
            calm: BTreeSet::new(),
            flapping: BTreeSet::new(),
            share_over: Duration::ZERO,
        }
    }

    /// Has a table rebuilt: it has changed. A table that waits already goes on waiting for the same time.
    pub fn mark(&mut self, table: u32, now: Duration) {
        let longest = self.pacing.longest;
        let state = self.tables.entry(table).or_default();
        if state.due.is_some() {
            return;
        }
        match state.rebuilt.filter(|rebuilt| now < *rebuilt + longest) {
            None => {
                state.due = Some(now);
                self.calm.insert((now, table));
            }
            Some(rebuilt) => {
                let due = now.max(rebuilt + state.wait);
                state.due = Some(due);
                self.flapping.insert((due, table));
            }
        }
    }

    /// Drops a table that is not to be rebuilt any more.
    pub fn forget(&mut self, table: u32) {
        if let Some(due) = self.tables.remove(&table).and_then(|state| state.due) {
            self.calm.remove(&(due, table));
            self.flapping.remove(&(due, table));
        }
    }

    /// Takes the table to rebuild now: the one whose time came first. Say with [`Self::end`] that its rebuild is over.
    pub fn take(&mut self, now: Duration) -> Option<u32> {
        let calm = self.calm.first().copied();
        let flapping = self.flapping.first().copied().filter(|_| self.share_over <= now);
        let (due, table) = [calm, flapping].into_iter().flatten().min()?;
        if now < due {
            return None;
        }
        self.calm.remove(&(due, table));
        let is_flapping = self.flapping.remove(&(due, table));
        let state = self.tables.entry(table).or_default();
        *state = TableState {
            due: None,
            rebuilt: Some(now),
            wait: if is_flapping {
                (state.wait * 2).min(self.pacing.longest)
            } else {
                self.pacing.shortest
            },
            was_flapping: is_flapping,
        };
        Some(table)
    }

    /// Notes that the rebuild of a table is over, which began when [`Self::take`] gave it out.
    pub fn end(&mut self, table: u32, now: Duration, end: RebuildEnd) {
        let Some(state) = self.tables.get(&table).copied() else { return };
        let Some(began) = state.rebuilt else { return };
        if state.was_flapping {
            let pause = now.saturating_sub(began) * self.pacing.share.saturating_sub(1);
            self.share_over = self.share_over.max(now + pause);
        }
        if end == RebuildEnd::Failed {
            // As a table that goes on changing: each try comes later than the one before.
            self.mark(table, began);
        }
    }

    /// The time at which [`Self::take`] will have a table; `None`: no table waits.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        let calm = self.calm.first().map(|(due, _)| *due);
        let flapping = self.flapping.first().map(|(due, _)| self.share_over.max(*due));
        [calm, flapping].into_iter().flatten().min()
    }

    /// The number of tables that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.calm.len() + self.flapping.len()
    }
}

#[cfg(test)]
mod tests;
