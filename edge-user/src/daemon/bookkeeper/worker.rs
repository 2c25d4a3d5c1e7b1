//! The work of the bookkeeper's thread.

mod links;
mod telling;

use std::{
    collections::{BTreeSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        mpsc::{self, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use super::{
    super::{
        booking::{OpenLedger, Present},
        instructions::Instructions,
        noter::{Noted, Noter},
        pending_links::PendingLinks,
        pending_peaks::PendingPeaks,
    },
    BookkeeperRequest, BookkeeperState, lock,
};
use crate::{
    billing::ledger::LedgerError,
    config::LedgerConfig,
    daemon::error::{DaemonError, Result},
    kernel::{
        Pins, quiesce,
        read::books::{AllBooks, all_books},
    },
    time,
};

/// Time between two deletions of what the ledger has kept for long enough.
const EXPIRE_EVERY: Duration = Duration::from_hours(1);

/// The bookkeeper at work.
pub(super) struct BookkeeperWorker {
    pin_dir: PathBuf,
    state_dir: PathBuf,
    instructions: Instructions,
    /// Changes of terms that the ledger may not have yet.
    changes: VecDeque<Noted>,
    noter: Arc<Noter>,
    has_new_exports: bool,
    to_close: BTreeSet<Pins>,
    ledger: Option<OpenLedger>,
    /// The time of the last such deletion.
    expired: Option<Instant>,
    shared: Arc<Mutex<BookkeeperState>>,
    peaks: Arc<Mutex<PendingPeaks>>,
    links: Arc<Mutex<PendingLinks>>,
}

impl BookkeeperWorker {
    /// A worker that books all tables under `pin_dir` in `state_dir`, after the `changes` of terms
    /// that are not in the ledger yet.
    pub(super) fn new(
        (pin_dir, state_dir): (PathBuf, PathBuf),
        instructions: Instructions,
        (noter, changes): (Arc<Noter>, impl Into<VecDeque<Noted>>),
        shared: Arc<Mutex<BookkeeperState>>,
        (peaks, links): (Arc<Mutex<PendingPeaks>>, Arc<Mutex<PendingLinks>>),
    ) -> Self {
        Self {
            pin_dir,
            state_dir,
            instructions,
            changes: changes.into(),
            noter,
            has_new_exports: false,
            to_close: BTreeSet::new(),
            ledger: None,
            expired: None,
            shared,
            peaks,
            links,
        }
    }

    /// Serves requests until the end, and books in between.
    pub(super) fn run(&mut self, requests: &mpsc::Receiver<BookkeeperRequest>) {
        // The first booking takes the counts of the time when no daemon kept the books.
        let mut next = Instant::now();
        loop {
            match requests.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(BookkeeperRequest::Book(reply)) if self.is_to_end() => {
                    let _nobody_waits = reply
                        .send(Err("the daemon is ending; the next start books what is not booked"
                            .to_owned()));
                    continue;
                }
                Ok(BookkeeperRequest::Book(reply)) => {
                    let booked = self.book().map_err(|error| format!("{error:#}"));
                    let _nobody_waits = reply.send(booked);
                }
                Ok(BookkeeperRequest::Follow(instructions, noted)) => {
                    self.changes.extend(noted);
                    self.has_new_exports = true;
                    self.instructions = *instructions;
                    // Other requests that wait come before the booking.
                    next = Instant::now();
                    continue;
                }
                Ok(BookkeeperRequest::NoteLinks) => {
                    // The time of the next booking stays, however many changes there are.
                    self.note_links();
                    continue;
                }
                Ok(BookkeeperRequest::Close(sets)) => {
                    self.to_close.extend(sets);
                    next = Instant::now();
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => drop(self.book()),
                Ok(BookkeeperRequest::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            let LedgerConfig { checkpoint, period, .. } = self.instructions.ledger;
            next = Instant::now() + checkpoint.min(until_next(period));
        }
    }

    /// Books all meters, and reports how that went.
    fn book(&mut self) -> Result<()> {
        let booked = catch_unwind(AssertUnwindSafe(|| self.try_book()));
        let booked = booked
            .unwrap_or_else(|_| Err(DaemonError::failed("a defect of edge: please report it")));
        match &booked {
            Ok(()) => self.worked(),
            Err(error) => {
                // The next booking opens it anew: it may be another file by then.
                self.ledger = None;
                self.failed(error);
            }
        }
        booked
    }

    fn try_book(&mut self) -> Result<()> {
        let AllBooks { books: all, unreadable } = all_books(&self.pin_dir)?;
        if self.ledger.as_ref().is_some_and(|open| !open.ledger.is_current()) {
            tracing::warn!(
                "somebody has put another file in place of the ledger in {}; the daemon opens it, \
                 and books there what it lacks",
                self.state_dir.display()
            );
            self.ledger = None;
        }
        if self.ledger.is_none() {
            let present = if unreadable.is_empty() { Present::All } else { Present::NotAll };
            let mut open = OpenLedger::open(&self.state_dir, &all, present)?;
            // Boots that the ledger has never seen come before this one.
            for (_, change) in &self.changes {
                open.ledger.observe(&change.at)?;
            }
            self.ledger = Some(open);
        }
        let open = self.ledger.as_mut().ok_or_else(not_open)?;
        let to_close = &self.to_close;
        let mut closed = BTreeSet::new();
        open.book(&all, &self.instructions.ledger.policy(), |pins| {
            let is_final = to_close.contains(pins) && pins.links()?.is_empty();
            if is_final {
                // A program that still ran when the last link went has counted by then.
                quiesce();
                closed.insert(pins.clone());
            }
            Ok(is_final)
        })?;
        let peaks = lock(&self.peaks).take();
        if let Err(error) = open.ledger.book_peaks(&peaks) {
            lock(&self.peaks).add(peaks);
            return Err(error.into());
        }
        // As long as they are there, each reading is their last one: any other would open their
        // books again.
        self.to_close.retain(|pins| all.iter().any(|(there, _)| there == pins));
        lock(&self.shared).closed.extend(closed);
        let clock_notice = open.ledger.clock_notice()?;
        self.tell_of_clock(clock_notice);
        let open = self.ledger.as_mut().ok_or_else(not_open)?;
        match open.keep(&self.state_dir) {
            Ok(()) => {
                lock(&self.shared).notice = None;
                self.keep()?;
            }
            Err(LedgerError::Held { .. }) => self.leave_to_another(),
            Err(error) => return Err(error.into()),
        }
        if let Some(error) = unreadable.into_iter().next() {
            return Err(error.into());
        }
        Ok(())
    }

    /// Does the work of a ledger's keeper beside booking.
    fn keep(&mut self) -> Result<()> {
        self.follow_exports(true);
        let open = self.ledger.as_mut().ok_or_else(not_open)?;
        let ledger = &mut open.ledger;
        while let Some((source, change)) = self.changes.front() {
            ledger.note_terms(change, *source)?;
            if let Some(source) = *source {
                self.noter.has_drained(source);
            }
            self.changes.pop_front();
        }
        links::note(ledger, &self.links)?;
        ledger.seal_what_is_over()?;
        let sealed_until = ledger.sealed_until()?;
        let mut shared = lock(&self.shared);
        shared.sealed_until = sealed_until;
        shared.exports.wake();
        drop(shared);
        if self.expired.is_none_or(|expired| expired.elapsed() >= EXPIRE_EVERY) {
            let sinks: Vec<&str> =
                self.instructions.exports.iter().map(|export| export.name.as_str()).collect();
            let LedgerConfig { keep, keep_samples, .. } = self.instructions.ledger;
            ledger.expire(keep, keep_samples, &sinks)?;
            self.expired = Some(Instant::now());
        }
        Ok(())
    }

    /// Another daemon keeps this ledger: this one only books there, and leaves the rest to it.
    fn leave_to_another(&mut self) {
        self.follow_exports(false);
        let notice = format!(
            "another edge keeps the ledger in {}: this edge's usage is booked there, but its fees \
             are not noted and its exports don't run; give this edge a `state_dir` of its own",
            self.state_dir.display()
        );
        let was = lock(&self.shared).notice.replace(notice.clone());
        if was.is_none() {
            tracing::warn!("{notice}");
        }
    }

    /// Runs the exports of the instructions or, without the ledger to keep, none.
    fn follow_exports(&mut self, is_keeper: bool) {
        if is_keeper && !self.has_new_exports {
            return;
        }
        let wanted = if is_keeper { &self.instructions.exports[..] } else { &[] };
        let gone = lock(&self.shared).exports.follow(wanted, &self.state_dir);
        // Others don't have to wait for a receiver that hangs.
        drop(gone);
        self.has_new_exports = !is_keeper;
    }

    fn is_to_end(&self) -> bool {
        lock(&self.shared).is_to_end
    }
}

fn not_open() -> DaemonError {
    DaemonError::failed("the ledger is open")
}

/// The time until the present period ends, in UTC.
fn until_next(period: Duration) -> Duration {
    let period_ns = i128::try_from(period.as_nanos().max(1)).unwrap_or(i128::MAX);
    // Right for clocks before 1970, too.
    let into_ns = time::wall().as_nanosecond().rem_euclid(period_ns);
    period.saturating_sub(Duration::from_nanos(u64::try_from(into_ns).unwrap_or(0)))
}
