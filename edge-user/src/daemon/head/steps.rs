//! Reading in steps, so that the engine can do a command between two of them.

use std::sync::RwLockReadGuard;

use super::super::engine::running::{Running, SharedRunning};

/// Steps of one reading.
pub(in crate::daemon) struct Steps<'a> {
    running: &'a SharedRunning,
    /// The generation that all steps are to see.
    generation: u64,
    /// Held from the first step to the last.
    held: Option<RwLockReadGuard<'a, Running>>,
}

impl<'a> Steps<'a> {
    /// Lets the engine make a change between two steps. After a change, no more steps are possible.
    pub(in crate::daemon) fn of(running: &'a SharedRunning) -> Self {
        Self { running, generation: running.read().generation, held: None }
    }

    /// Has the engine wait until the last step is done.
    pub(in crate::daemon) fn all_at_once(running: &'a SharedRunning) -> Self {
        let held = running.read();
        Self { running, generation: held.generation, held: Some(held) }
    }

    /// The number of changes before the first step.
    pub(in crate::daemon) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Does one step; `None`: slots or tables have changed since the first one.
    pub(in crate::daemon) fn step<T>(&self, step: impl FnOnce(&Running) -> T) -> Option<T> {
        if let Some(held) = &self.held {
            return Some(step(held));
        }
        let running = self.running.read();
        (running.generation == self.generation).then(|| step(&running))
    }
}
