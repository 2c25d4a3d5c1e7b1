//! The thread between the ring of a trace and its client. Neither a slow client nor one that is gone holds up anything but
//! this thread: the ring fills, and frames that it has no room for are counted.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use edge_api::{TraceCounts, TraceEnd, TraceLine, TraceStart};
use tokio::sync::mpsc::{self, error::TrySendError};

use super::owners::Owners;
use crate::{
    kernel::{TraceCounted, TraceMaps},
    time::MonotonicDates,
};

/// Time between two looks into the ring.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// Time between two lines of counts, by which it is noticed that a client has gone.
const COUNTS_EVERY: Duration = Duration::from_millis(500);
/// Programs stop by themselves this long after a look, where the daemon has died.
pub(in crate::daemon) const LEASE: Duration = Duration::from_secs(2);
/// Bytes of lines that are handed over at once, but for the last one.
const CHUNK_BYTES: usize = 64 << 10;
/// Such parts that wait for the client.
const CHUNKS: usize = 4;

/// The end of a trace, known to the engine and to the feed.
#[derive(Clone, Debug, Default)]
pub(in crate::daemon) struct TraceEnding(Arc<Mutex<Option<EndedBy>>>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct EndedBy {
    why: String,
    is_complete: bool,
}

impl TraceEnding {
    /// Notes the cause, where there is none yet.
    pub(in crate::daemon) fn end(&self, why: &str, is_complete: bool) {
        let mut ended = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ended.get_or_insert_with(|| EndedBy { why: why.to_owned(), is_complete });
    }

    fn ended(&self) -> Option<EndedBy> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether there is a cause.
    pub(in crate::daemon) fn is_over(&self) -> bool {
        self.ended().is_some()
    }

    /// Whether it is the end of the same trace.
    pub(in crate::daemon) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Has the engine end a trace.
pub(in crate::daemon) type EndTrace = Box<dyn Fn(Option<String>) + Send>;

/// A trace that has begun. Where it is dropped, the engine ends it.
pub struct TraceFeed {
    pub(in crate::daemon) start: TraceStart,
    pub(in crate::daemon) maps: TraceMaps,
    pub(in crate::daemon) owners: Owners,
    pub(in crate::daemon) count: Option<u64>,
    pub(in crate::daemon) lasts: Duration,
    pub(in crate::daemon) ending: TraceEnding,
    /// Has the engine end the trace: with the cause, where it has all that was asked for.
    pub(in crate::daemon) end: EndTrace,
}

impl Drop for TraceFeed {
    fn drop(&mut self) {
        (self.end)(None);
    }
}

impl TraceFeed {
    /// Hands the lines over until the trace ends, or the receiver is dropped.
    ///
    /// # Errors
    ///
    /// There is no thread for it.
    pub fn start(self) -> std::io::Result<mpsc::Receiver<Vec<u8>>> {
        let (sender, lines) = mpsc::channel(CHUNKS);
        let feeding = Feeding { feed: self, sender, pending: Vec::new(), told: 0 };
        thread::Builder::new().name("trace".to_owned()).spawn(|| feeding.run())?;
        Ok(lines)
    }
}

struct Feeding {
    feed: TraceFeed,
    sender: mpsc::Sender<Vec<u8>>,
    /// Lines for the next part.
    pending: Vec<u8>,
    /// Frames in lines so far.
    told: u64,
}

impl Feeding {
    fn run(mut self) {
        let begun = Instant::now();
        let mut counts_due = begun;
        let start = self.feed.start.clone();
        self.push(&TraceLine::Started(start));
        let mut asked = false;
        while !self.sender.is_closed() {
            if let Some(EndedBy { why, is_complete }) = self.feed.ending.ended() {
                self.take_frames(usize::MAX);
                let counts = self.counts();
                self.push(&TraceLine::Ended(TraceEnd { why, is_complete, counts }));
                // The ports run their own programs again, and a client that does not read holds up nothing.
                let _gone = self.sender.blocking_send(std::mem::take(&mut self.pending));
                return;
            }
            if !asked {
                self.feed.maps.set_until(MonotonicDates::now().moment_after(LEASE));
            }
            self.take_frames(CHUNK_BYTES);
            if counts_due <= Instant::now() {
                let counts = self.counts();
                self.push(&TraceLine::Counts(counts));
                counts_due = Instant::now() + COUNTS_EVERY;
            }
            if !asked && let Some(why) = self.is_over(begun) {
                self.feed.maps.set_until(0);
                asked = true;
                (self.feed.end)(Some(why));
            }
            self.hand_over();
            thread::sleep(LOOK_EVERY);
        }
    }

    /// The cause, where the trace has all that was asked for.
    fn is_over(&self, begun: Instant) -> Option<String> {
        let count = self.feed.count.filter(|count| self.told >= *count);
        let is_late = begun.elapsed() >= self.feed.lasts;
        count
            .map(|count| format!("{count} frames"))
            .or_else(|| is_late.then(|| format!("{:?}", self.feed.lasts)))
    }

    /// Makes lines of frames in the ring, up to so many bytes of lines.
    fn take_frames(&mut self, most_bytes: usize) {
        let dates = MonotonicDates::now();
        while self.pending.len() < most_bytes
            && self.feed.count.is_none_or(|count| self.told < count)
            && let Some((told, bytes)) = self.feed.maps.next_frame()
        {
            if let Some(frame) = self.feed.owners.frame(&told, &bytes, &dates) {
                self.told += 1;
                self.push(&TraceLine::Frame(Box::new(frame)));
            }
        }
    }

    fn counts(&self) -> TraceCounts {
        let TraceCounted { matched, capped, lost } = self.feed.maps.counted().unwrap_or_default();
        TraceCounts { matched, told: self.told, capped, lost }
    }

    fn push(&mut self, line: &TraceLine) {
        // Writing to memory doesn't fail, and each line can be written.
        if serde_json::to_writer(&mut self.pending, line).is_ok() {
            self.pending.push(b'\n');
        }
    }

    /// Hands the lines over, unless the client has many to read still.
    fn hand_over(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        match self.sender.try_send(std::mem::take(&mut self.pending)) {
            Err(TrySendError::Full(lines)) => self.pending = lines,
            Ok(()) | Err(TrySendError::Closed(_)) => {}
        }
    }
}
