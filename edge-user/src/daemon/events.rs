//! The last events of the edge, in memory: whoever asks gets them, and waits for new ones.

mod happened;
mod position;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use edge_api::{EdgeEvent, EventKind};
use tokio::sync::watch;
use uuid::Uuid;

pub(super) use self::happened::Happened;
pub use self::position::EventPosition;

/// Most events that are kept.
const MOST: usize = 10_000;
/// Most bytes of documents that are kept.
const MOST_BYTES: usize = 2 << 20;
/// Most events of a page.
const PAGE: usize = 64;

/// The events of this daemon since its start.
#[derive(Clone)]
pub struct Events(Arc<SharedEvents>);

struct SharedEvents {
    /// A random number, so that no other daemon has the same ids.
    epoch: String,
    ring: Mutex<EventRing>,
    newest: watch::Sender<u64>,
}

/// An event that is kept.
#[derive(Debug)]
pub struct KeptEvent {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: EventKind,
    /// Its document.
    pub json: String,
}

#[derive(Debug, Default)]
struct EventRing {
    /// The oldest in front. The last one has the number `newest`, and each one before it one less.
    kept: VecDeque<Arc<KeptEvent>>,
    newest: u64,
    bytes: usize,
}

/// The place of a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventCursor {
    /// The number of the next event.
    next: u64,
    /// Whether the reader knows of events that this daemon doesn't.
    is_strange: bool,
}

impl Default for Events {
    fn default() -> Self {
        let epoch = Uuid::new_v4().simple().to_string()[..16].to_owned();
        let (newest, _) = watch::channel(0);
        Self(Arc::new(SharedEvents { epoch, ring: Mutex::default(), newest }))
    }
}

impl Events {
    /// Adds an event, now.
    pub(super) fn push(&self, happened: Happened) {
        let kind = happened.kind;
        let newest = {
            let mut ring = self.lock();
            ring.newest += 1;
            let id = self.id(ring.newest);
            let json = document(&happened.event(id.clone()));
            ring.push(KeptEvent { id, kind, json });
            ring.newest
        };
        self.0.newest.send_replace(newest);
    }

    /// The place of a reader who begins here.
    #[must_use]
    pub fn cursor(&self, from: &EventPosition) -> EventCursor {
        let ring = self.lock();
        let known = |next| EventCursor { next, is_strange: false };
        match from {
            EventPosition::All => known(ring.oldest()),
            EventPosition::Now => known(ring.newest + 1),
            EventPosition::Behind { epoch, number }
                if *epoch == self.0.epoch && *number <= ring.newest =>
            {
                known(number + 1)
            }
            EventPosition::Behind { .. } | EventPosition::Unknown => {
                EventCursor { next: ring.oldest(), is_strange: true }
            }
        }
    }

    /// The next events of a reader, some at a time; none: there are no more yet. Where some are missing before them, an
    /// event says so.
    pub fn next(&self, cursor: &mut EventCursor) -> Vec<Arc<KeptEvent>> {
        let ring = self.lock();
        let oldest = ring.oldest();
        let mut page = Vec::new();
        let lost = oldest.saturating_sub(cursor.next);
        if cursor.is_strange || lost > 0 {
            cursor.next = cursor.next.max(oldest);
            page.push(Arc::new(self.gap(lost, cursor)));
            cursor.is_strange = false;
        }
        let skipped = usize::try_from(cursor.next - oldest).unwrap_or(usize::MAX);
        page.extend(ring.kept.iter().skip(skipped).take(PAGE).cloned());
        cursor.next = (cursor.next + PAGE as u64).min(ring.newest + 1);
        page
    }

    /// The id of the event before the next one of a reader; of no event, where the reader knows of others.
    #[must_use]
    pub fn id_before(&self, cursor: &EventCursor) -> String {
        if cursor.is_strange { "0000000000000000-0".to_owned() } else { self.id(cursor.next - 1) }
    }

    /// The number of the newest event, and its changes.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.0.newest.subscribe()
    }

    fn gap(&self, lost: u64, cursor: &EventCursor) -> KeptEvent {
        let sentence = if cursor.is_strange {
            "the daemon was started anew, or never had this event: those between are not known"
                .to_owned()
        } else {
            format!("{lost} events are not kept any more")
        };
        // A reader who is cut off here goes on with the next one.
        let id = self.id(cursor.next - 1);
        let happened = Happened::new(EventKind::Gap, sentence);
        KeptEvent { json: document(&happened.event(id.clone())), id, kind: EventKind::Gap }
    }

    fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.0.epoch)
    }

    fn lock(&self) -> MutexGuard<'_, EventRing> {
        // No panic leaves a change of the ring half done.
        self.0.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventRing {
    /// The number of the oldest event that is kept; where none is, of the next one.
    fn oldest(&self) -> u64 {
        self.newest + 1 - self.kept.len() as u64
    }

    fn push(&mut self, event: KeptEvent) {
        self.bytes += event.json.len();
        self.kept.push_back(Arc::new(event));
        while self.kept.len() > MOST || self.bytes > MOST_BYTES {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes -= oldest.json.len();
        }
    }
}

fn document(event: &EdgeEvent) -> String {
    serde_json::to_string(event).expect("it is a document")
}

#[cfg(test)]
mod tests;
