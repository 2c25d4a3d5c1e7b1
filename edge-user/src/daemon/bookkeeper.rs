//! The thread that keeps the books: it reads the meters again and again, and has the ledger know.
//! A disk that is slow, full or broken holds up nothing else.

use std::{
    collections::{BTreeSet, VecDeque},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow};
use jiff::Timestamp;

use super::{
    booking::{OpenLedger, Present},
    exports::Exports,
    instructions::Instructions,
    ledger_status::{LedgerState, LedgerStatus},
    noter::{Noted, Noter},
};
use crate::{
    billing::ledger::LedgerError,
    config::LedgerConfig,
    kernel::{
        Pins, quiesce,
        read::books::{AllBooks, all_books},
    },
    time,
};

/// How often what is too old is thrown away.
const EXPIRE_EVERY: Duration = Duration::from_hours(1);

/// How long the thread may go on with what it is at, when it is to end.
const END_WITHIN: Duration = Duration::from_secs(5);

/// The thread. Dropping this ends it.
pub struct Bookkeeper {
    requests: mpsc::Sender<Request>,
    shared: Arc<Mutex<Shared>>,
    noter: Arc<Noter>,
    state_dir: PathBuf,
    thread: JoinHandle<()>,
}

enum Request {
    /// Book now, and tell.
    Book(SyncSender<Result<(), String>>),
    /// Other instructions, with the change of terms that they bring.
    Follow(Box<Instructions>, Option<Noted>),
    /// Nothing counts in these tables any more, once no link is left in them.
    Close(Vec<Pins>),
    End,
}

/// What others see.
#[derive(Default)]
struct Shared {
    state: LedgerState,
    error: Option<String>,
    failing_since: Option<Timestamp>,
    last_booked: Option<Timestamp>,
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
        let shared = Arc::new(Mutex::new(Shared::default()));
        let (requests, received) = mpsc::channel();
        let (noter, changes) = Noter::new(&state_dir);
        let noter = Arc::new(noter);
        let mut worker = Worker {
            pin_dir: pin_dir.to_owned(),
            state_dir: state_dir.clone(),
            instructions,
            changes: changes.into(),
            noter: Arc::clone(&noter),
            has_new_exports: false,
            to_close: BTreeSet::new(),
            ledger: None,
            expired: None,
            shared: Arc::clone(&shared),
        };
        let thread = thread::Builder::new()
            .name("books".to_owned())
            .spawn(move || worker.run(&received))
            .context("starting the thread that keeps the books")?;
        Ok(Self { requests, shared, noter, state_dir, thread })
    }

    /// Books the meters now, and waits for that, but no longer than `limit`.
    pub fn book(&self, limit: Duration) -> Result<()> {
        self.request_booking().wait(limit)
    }

    /// Has the meters booked now; the result can be waited for elsewhere.
    pub fn request_booking(&self) -> Booking {
        let (reply, answer) = mpsc::sync_channel(1);
        // Without the thread, the wait says so.
        let _ended = self.requests.send(Request::Book(reply));
        Booking(answer)
    }

    /// Notes what circuits will be sold as: this is on the disk when it returns, and dated now. It
    /// comes before the first store of a change, and [`Self::follow`] after the last. Until then,
    /// [`Self::retract_terms`] or another note takes it back.
    ///
    /// # Errors
    ///
    /// It can't be written, and the change must not happen.
    pub fn note_terms(&self, instructions: &Instructions) -> Result<()> {
        self.noter.note(instructions)
    }

    /// Takes back the last note: its change does not happen.
    pub fn retract_terms(&self) {
        self.noter.retract();
    }

    /// Goes by other instructions, whose terms are in effect now.
    pub fn follow(&self, instructions: Instructions) {
        let noted = self.noter.follow(&instructions);
        let _ended = self.requests.send(Request::Follow(Box::new(instructions), noted));
    }

    /// Nothing counts in these tables any more, once no link is left in them: their next reading is
    /// the last.
    pub fn close(&self, sets: impl IntoIterator<Item = Pins>) {
        let _ended = self.requests.send(Request::Close(sets.into_iter().collect()));
    }

    /// Whether that reading is booked: the tables can go.
    pub fn has_closed(&self, pins: &Pins) -> bool {
        lock(&self.shared).closed.contains(pins)
    }

    /// How the books are.
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
            exports: shared.exports.status(),
        }
    }
}

impl Bookkeeper {
    /// Ends the thread after what it is at, and the exports; but a disk that is stuck, or a
    /// receiver that hangs, is not waited for.
    pub fn end(&self) {
        lock(&self.shared).is_to_end = true;
        let _ended = self.requests.send(Request::End);
        let deadline = Instant::now() + END_WITHIN;
        while !self.thread.is_finished() {
            if Instant::now() >= deadline {
                tracing::warn!("the ledger's disk is stuck; the next start books what is not yet");
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
pub struct Booking(mpsc::Receiver<Result<(), String>>);

impl Booking {
    /// Waits for its end, but no longer than `limit`.
    pub fn wait(self, limit: Duration) -> Result<()> {
        match self.0.recv_timeout(limit) {
            Ok(booked) => booked.map_err(|error| anyhow!(error)),
            Err(RecvTimeoutError::Timeout) => Err(anyhow!(
                "the ledger has not answered for {limit:?}: its disk may be stuck; what was \
                 counted is booked when it goes on"
            )),
            Err(RecvTimeoutError::Disconnected) => Err(anyhow!("the books are not being kept")),
        }
    }
}

struct Worker {
    pin_dir: PathBuf,
    state_dir: PathBuf,
    instructions: Instructions,
    /// Changes of terms that the ledger doesn't have yet, as far as is known.
    changes: VecDeque<Noted>,
    noter: Arc<Noter>,
    has_new_exports: bool,
    to_close: BTreeSet<Pins>,
    ledger: Option<OpenLedger>,
    /// When what was too old was last thrown away.
    expired: Option<Instant>,
    shared: Arc<Mutex<Shared>>,
}

impl Worker {
    fn run(&mut self, requests: &mpsc::Receiver<Request>) {
        // The first booking: what was counted while nobody kept the books.
        let mut wait = Duration::ZERO;
        loop {
            match requests.recv_timeout(wait) {
                Ok(Request::Book(reply)) if self.is_to_end() => {
                    let _nobody_waits = reply.send(Err("the daemon is ending".to_owned()));
                    continue;
                }
                Ok(Request::Book(reply)) => {
                    let booked = self.book().map_err(|error| format!("{error:#}"));
                    let _nobody_waits = reply.send(booked);
                }
                Ok(Request::Follow(instructions, noted)) => {
                    self.changes.extend(noted);
                    self.has_new_exports = true;
                    self.instructions = *instructions;
                    // What else has been asked for comes before.
                    wait = Duration::ZERO;
                    continue;
                }
                Ok(Request::Close(sets)) => {
                    self.to_close.extend(sets);
                    wait = Duration::ZERO;
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => drop(self.book()),
                Ok(Request::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            let LedgerConfig { checkpoint, period, .. } = self.instructions.ledger;
            wait = checkpoint.min(until_next(period));
        }
    }

    /// Books all meters, and reports how that went.
    fn book(&mut self) -> Result<()> {
        let booked = catch_unwind(AssertUnwindSafe(|| self.try_book()));
        let booked = booked.unwrap_or_else(|_| Err(anyhow!("a defect of edge, please report it")));
        match &booked {
            Ok(()) => self.worked(),
            Err(error) => {
                // To be opened anew: it may be another file by then.
                self.ledger = None;
                self.failed(error);
            }
        }
        booked
    }

    fn try_book(&mut self) -> Result<()> {
        let AllBooks { books: all, unreadable } = all_books(&self.pin_dir)?;
        if self.ledger.as_ref().is_some_and(|open| !open.ledger.is_current()) {
            tracing::warn!("the ledger in {} is another file now", self.state_dir.display());
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
        let open = self.ledger.as_mut().context("the ledger is open")?;
        let to_close = &self.to_close;
        let mut closed = BTreeSet::new();
        open.book(&all, &self.instructions.ledger.policy(), |pins| {
            let is_final = to_close.contains(pins) && pins.links()?.is_empty();
            if is_final {
                // A program that was under way when the last link went has counted by then.
                quiesce();
                closed.insert(pins.clone());
            }
            Ok(is_final)
        })?;
        // As long as they are there, each reading is the last: whatever is read of them again would
        // open their books again.
        self.to_close.retain(|pins| all.iter().any(|(there, _)| there == pins));
        lock(&self.shared).closed.extend(closed);
        let clock_notice = open.ledger.clock_notice()?;
        self.tell_of_clock(clock_notice);
        let open = self.ledger.as_mut().context("the ledger is open")?;
        match open.keep(&self.state_dir) {
            Ok(()) => {
                lock(&self.shared).notice = None;
                self.keep()?;
            }
            Err(LedgerError::Held { .. }) => self.leave_to_another(),
            Err(error) => return Err(error.into()),
        }
        if let Some(error) = unreadable.into_iter().next() {
            return Err(error);
        }
        Ok(())
    }

    /// Does what a ledger's keeper does beside booking.
    fn keep(&mut self) -> Result<()> {
        self.follow_exports(true);
        let open = self.ledger.as_mut().context("the ledger is open")?;
        let ledger = &mut open.ledger;
        while let Some((source, change)) = self.changes.front() {
            ledger.note_terms(change, *source)?;
            if let Some(source) = *source {
                self.noter.has_drained(source);
            }
            self.changes.pop_front();
        }
        ledger.seal_what_is_over()?;
        lock(&self.shared).exports.wake();
        if self.expired.is_none_or(|expired| expired.elapsed() >= EXPIRE_EVERY) {
            let sinks: Vec<&str> =
                self.instructions.exports.iter().map(|export| export.name.as_str()).collect();
            let LedgerConfig { keep, keep_samples, .. } = self.instructions.ledger;
            ledger.expire(keep, keep_samples, &sinks)?;
            self.expired = Some(Instant::now());
        }
        Ok(())
    }

    /// Another daemon keeps this ledger: it has what we book, and we leave the rest to it.
    fn leave_to_another(&mut self) {
        self.follow_exports(false);
        let notice = format!(
            "another edge keeps the ledger in {}: usage is booked, but this edge's exports and fees \
             are not looked after; give it a `state_dir` of its own",
            self.state_dir.display()
        );
        let was = lock(&self.shared).notice.replace(notice.clone());
        if was.is_none() {
            tracing::warn!("{notice}");
        }
    }

    /// Has status say what is wrong with the clock, and the log, once.
    fn tell_of_clock(&self, notice: Option<String>) {
        let was = mem::replace(&mut lock(&self.shared).clock_notice, notice.clone());
        match notice {
            Some(notice) if was.is_none() => tracing::warn!("{notice}"),
            None if was.is_some() => tracing::info!("the clock is believed again"),
            _ => {}
        }
    }

    /// Has the exports at work that are wanted, or none.
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

    fn worked(&self) {
        let mut shared = lock(&self.shared);
        if let Some(since) = shared.failing_since {
            tracing::info!("the ledger is written again, and has all since {since}");
        }
        shared.state = LedgerState::Ok;
        shared.error = None;
        shared.failing_since = None;
        shared.last_booked = Some(time::wall());
    }

    fn failed(&self, error: &anyhow::Error) {
        let text = format!("{error:#}");
        let mut shared = lock(&self.shared);
        // Once, and when it is another one, not every few seconds.
        if shared.error.as_ref() != Some(&text) {
            tracing::error!("the books are not being kept, and traffic goes on: {text}");
        }
        shared.state = LedgerState::Failing;
        shared.failing_since.get_or_insert_with(time::wall);
        shared.error = Some(text);
    }
}

/// Until a period ends, in UTC.
fn until_next(period: Duration) -> Duration {
    let period_ns = i128::try_from(period.as_nanos().max(1)).unwrap_or(i128::MAX);
    // Before 1970, too.
    let into_ns = time::wall().as_nanosecond().rem_euclid(period_ns);
    period.saturating_sub(Duration::from_nanos(u64::try_from(into_ns).unwrap_or(0)))
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // Every change is whole before anything could panic.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
