//! Reading in steps, between which the engine may do what it is told.

use std::sync::RwLockReadGuard;

use super::super::engine::running::{Running, Shared};

/// Steps of one reading.
pub(super) struct Steps<'a> {
    running: &'a Shared,
    /// The generation that all steps are to see.
    generation: u64,
    /// Held from the first step to the last.
    held: Option<RwLockReadGuard<'a, Running>>,
}

impl<'a> Steps<'a> {
    /// Between two steps, the engine may make a change, after which there are no more steps.
    pub(super) fn of(running: &'a Shared) -> Self {
        Self { running, generation: running.read().generation, held: None }
    }

    /// The engine waits for the last step.
    pub(super) fn all_at_once(running: &'a Shared) -> Self {
        let held = running.read();
        Self { running, generation: held.generation, held: Some(held) }
    }

    /// Does one; `None`: slots or tables are others than at the first step.
    pub(super) fn step<T>(&self, step: impl FnOnce(&Running) -> T) -> Option<T> {
        if let Some(held) = &self.held {
            return Some(step(held));
        }
        let running = self.running.read();
        (running.generation == self.generation).then(|| step(&running))
    }
}
