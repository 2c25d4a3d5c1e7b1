//! The thread that keeps the books: it reads the meters again and again, and books the readings in
//! the ledger. A disk that is slow, full or broken holds up nothing else.

mod worker;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use edge_api::{LedgerState, LedgerStatus};
use jiff::Timestamp;

use self::worker::BookkeeperWorker;
use super::{
    exports::Exports,
    instructions::Instructions,
    noter::{Noted, Noter},
    pending_links::PendingLinks,
    pending_peaks::PendingPeaks,
};
use crate::{
    billing::ledger::PeakReading,
    daemon::error::{Context as _, DaemonError, Result},
    kernel::Pins,
};

/// Longest time that the daemon's end waits for the thread.
const END_WITHIN: Duration = Duration::from_secs(5);

/// Time between two looks whether the daemon is to end, while something waits for a booking.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The thread. Dropping this ends it.
pub struct Bookkeeper {
    requests: mpsc::Sender<BookkeeperRequest>,
    shared: Arc<Mutex<BookkeeperState>>,
    peaks: Arc<Mutex<PendingPeaks>>,
    links: Arc<Mutex<PendingLinks>>,
    noter: Arc<Noter>,
    state_dir: PathBuf,
    thread: JoinHandle<()>,
    is_interrupted: Arc<AtomicBool>,
}

enum BookkeeperRequest {
    /// Book now, and answer with the result.
    Book(SyncSender<Result<(), String>>),
    /// Note the changes of links.
    NoteLinks,
    /// Other instructions, with the change of terms that they bring.
    Follow(Box<Instructions>, Option<Noted>),
    /// Book these tables for the last time as soon as no link is left in them.
    Close(Vec<Pins>),
    End,
}

/// The state that other threads see.
#[derive(Default)]
struct BookkeeperState {
    state: LedgerState,
    error: Option<String>,
    failing_since: Option<Timestamp>,
    last_booked: Option<Timestamp>,
    sealed_until: Option<Timestamp>,
    notice: Option<String>,
    clock_notice: Option<String>,
    closed: BTreeSet<Pins>,
    is_to_end: bool,
    exports: Exports,
}

impl Bookkeeper {
    /// Starts to keep the books of all tables under `pin_dir`. Terms and exports of `instructions`
    /// take effect when they are to be followed.
    pub fn start(pin_dir: &Path, state_dir: PathBuf, instructions: Instructions) -> Result<Self> {
        let shared = Arc::new(Mutex::new(BookkeeperState::default()));
        let (peaks, links) = (Arc::default(), Arc::default());
        let (requests, received) = mpsc::channel();
        let (noter, changes) = Noter::new(&state_dir);
        let noter = Arc::new(noter);
        let mut worker = BookkeeperWorker::new(
            (pin_dir.to_owned(), state_dir.clone()),
            instructions,
            (Arc::clone(&noter), changes),
            Arc::clone(&shared),
            (Arc::clone(&peaks), Arc::clone(&links)),
        );
        let thread = thread::Builder::new()
            .name("books".to_owned())
            .spawn(move || worker.run(&received))
            .context("starting the thread that keeps the books")?;
        let is_interrupted = Arc::default();
        Ok(Self { requests, shared, peaks, links, noter, state_dir, thread, is_interrupted })
    }

    /// Books the meters now, and waits for that, but no longer than `limit`.
    pub fn book(&self, limit: Duration) -> Result<()> {
        self.request_booking().wait(limit)
    }

    /// Has the meters booked now; the result can be waited for elsewhere.
    pub fn request_booking(&self) -> Booking {
        let (reply, answer) = mpsc::sync_channel(1);
        // Without the thread, the wait says so.
        let _ended = self.requests.send(BookkeeperRequest::Book(reply));
        Booking { answer, is_interrupted: Arc::clone(&self.is_interrupted) }
    }

    /// Books the meters now, and waits for that even where the daemon is to end.
    pub fn book_at_the_end(&self, limit: Duration) -> Result<()> {
        Booking { is_interrupted: Arc::default(), ..self.request_booking() }.wait(limit)
    }

    /// Has peaks booked with the next booking.
    pub(super) fn note_peaks(&self, peaks: Vec<PeakReading>) {
        lock(&self.peaks).add(peaks);
    }

    /// Changes what the ledger is to note of links with the next booking.
    pub(super) fn with_links<T>(&self, change: impl FnOnce(&mut PendingLinks) -> T) -> T {
        change(&mut lock(&self.links))
    }

    /// Has it note that now.
    pub(super) fn note_links(&self) {
        let _ended = self.requests.send(BookkeeperRequest::NoteLinks);
    }

    /// The directory of the ledger.
    pub(super) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// Ends all waits for a booking: the daemon is to end.
    pub fn interrupt(&self) {
        self.is_interrupted.store(true, Ordering::Relaxed);
    }

    /// Whether the daemon is to end.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Relaxed)
    }

    /// Notes the terms that circuits will be sold at. The note is on disk when this returns, and
    /// dated now. It comes before the first store of a change, and [`Self::follow`] after the last.
    /// Until then, [`Self::retract_terms`] or another note takes it back.
    ///
    /// # Errors
    ///
    /// The note can't be written: the change must not happen.
    pub fn note_terms(&self, instructions: &Instructions) -> Result<()> {
        self.noter.note(instructions)
    }

    /// The moment of the change of terms that [`Self::follow`] has put in effect since the last
    /// [`Self::note_terms`]; `None`: terms are as they were.
    #[must_use]
    pub fn terms_at(&self) -> Option<Timestamp> {
        self.noter.terms_at()
    }

    /// Takes back the last note: its change does not happen.
    pub fn retract_terms(&self) {
        self.noter.retract();
    }

    /// Follows other instructions, whose terms are in effect now.
    pub fn follow(&self, instructions: Instructions) {
        let noted = self.noter.follow(&instructions);
        let _ended = self.requests.send(BookkeeperRequest::Follow(Box::new(instructions), noted));
    }

    /// Has these tables read and booked for the last time, as soon as no link is left in them.
    pub fn close(&self, sets: impl IntoIterator<Item = Pins>) {
        let _ended = self.requests.send(BookkeeperRequest::Close(sets.into_iter().collect()));
    }

    /// Whether that last reading is booked, so that the tables can be removed.
    pub fn has_closed(&self, pins: &Pins) -> bool {
        lock(&self.shared).closed.contains(pins)
    }

    /// The state of the books.
    #[must_use]
    pub fn status(&self) -> LedgerStatus {
        let shared = lock(&self.shared);
        LedgerStatus {
            state_dir: self.state_dir.clone(),
            state: shared.state,
            error: shared.error.clone(),
            failing_since: shared.failing_since,
            notice: match (&shared.notice, &shared.clock_notice) {
                (Some(one), Some(other)) => Some(format!("{one}; {other}")),
                (one, other) => one.as_ref().or(other.as_ref()).cloned(),
            },
            last_booked: shared.last_booked,
            sealed_until: shared.sealed_until,
            exports: shared.exports.status(),
        }
    }
}

impl Bookkeeper {
    /// Ends the thread after its present work, and the exports. It doesn't wait for a disk that is
    /// stuck or a receiver that hangs.
    pub fn end(&self) {
        if std::mem::replace(&mut lock(&self.shared).is_to_end, true) {
            return;
        }
        let _ended = self.requests.send(BookkeeperRequest::End);
        let deadline = Instant::now() + END_WITHIN;
        while !self.thread.is_finished() {
            if Instant::now() >= deadline {
                tracing::warn!(
                    "the ledger's disk is stuck, so the daemon ends without its last booking; the \
                     next start makes up for it"
                );
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        let gone = lock(&self.shared).exports.follow(&[], &self.state_dir);
        drop(gone);
    }
}

impl Drop for Bookkeeper {
    fn drop(&mut self) {
        self.end();
    }
}

/// A booking under way.
pub struct Booking {
    answer: mpsc::Receiver<Result<(), String>>,
    is_interrupted: Arc<AtomicBool>,
}

impl Booking {
    /// Waits for its end, but no longer than `limit`.
    pub fn wait(self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.answer.recv_timeout(left.min(LOOK_EVERY)) {
                Ok(booked) => return booked.map_err(DaemonError::ledger),
                Err(RecvTimeoutError::Timeout) if self.is_interrupted.load(Ordering::Relaxed) => {
                    return Err(DaemonError::ledger(
                        "the daemon is ending; the next start books what is not booked",
                    ));
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => {
                    return Err(DaemonError::ledger(format!(
                        "the ledger has not answered for {limit:?}: its disk may be stuck; the \
                         counts stay in the meters and are booked when it answers again"
                    )));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(DaemonError::ledger(
                        "the thread that keeps the books has ended, and nothing is booked; restart \
                         the daemon",
                    ));
                }
            }
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // No panic leaves a change of the state half done.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
