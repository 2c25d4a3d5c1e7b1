//! Things that the engine's thread and its handle have in common.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    domain_tables::DomainTables,
    events::EngineEvent,
    forwarding::Forwarding,
    plan::RouterPlan,
    speaker::Speaker,
    state::{RouterState, SpeakerView},
    tables::RouterTables,
};

/// A function that hears of events.
pub(super) type EventSink = Box<dyn FnMut(EngineEvent) + Send>;

/// Parts that threads share. No thread holds two locks, but for that of the tables and, within it, that of the board.
pub(super) struct EngineShared<T: RouterTables> {
    forwarding: Mutex<Forwarding<T>>,
    board: Mutex<Board>,
    speaker: Mutex<Option<Arc<Speaker>>>,
    view: Mutex<Option<SpeakerView>>,
    told: Mutex<EventSink>,
}

/// The engine's state, for all who ask.
#[derive(Default)]
pub(super) struct Board {
    pub(super) state: RouterState,
    /// The forwarding tables of each domain, by its kernel table.
    pub(super) tables: BTreeMap<u32, Arc<DomainTables>>,
    pub(super) plan: Arc<RouterPlan>,
}

impl<T: RouterTables> EngineShared<T> {
    pub(super) fn new(forwarding: Forwarding<T>, told: EventSink) -> Self {
        Self {
            forwarding: Mutex::new(forwarding),
            board: Mutex::default(),
            speaker: Mutex::default(),
            view: Mutex::default(),
            told: Mutex::new(told),
        }
    }

    /// The tables. They are not held while anything is waited for.
    pub(super) fn forwarding(&self) -> MutexGuard<'_, Forwarding<T>> {
        lock(&self.forwarding)
    }

    /// The state. It is held for a moment only.
    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        lock(&self.board)
    }

    /// BIRD, where there is one.
    pub(super) fn speaker(&self) -> Option<Arc<Speaker>> {
        lock(&self.speaker).clone()
    }

    /// Has another BIRD, and returns the one before.
    pub(super) fn set_speaker(&self, speaker: Option<Arc<Speaker>>) -> Option<Arc<Speaker>> {
        std::mem::replace(&mut *lock(&self.speaker), speaker)
    }

    /// The last look at BIRD.
    pub(super) fn view(&self) -> Option<SpeakerView> {
        lock(&self.view).clone()
    }

    /// Notes a look at BIRD.
    pub(super) fn set_view(&self, view: Option<SpeakerView>) {
        *lock(&self.view) = view;
    }

    /// Tells of an event.
    pub(super) fn tell(&self, event: EngineEvent) {
        (lock(&self.told))(event);
    }
}

/// A thread that has panicked has left whole values: each change is one assignment.
fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
