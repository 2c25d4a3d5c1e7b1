//! Errors of the engine, by what a caller may do about them.

use std::io;

use crate::{
    report::Told,
    routing::{bird::error::BirdError, devices::error::DevicesError, feed::error::FeedError},
};

/// A result of the engine.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;

/// A step of the engine that was not done.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The plan contradicts itself, or needs more than the tables have.
    #[error(transparent)]
    Plan(Told),
    /// The routing namespace, or the devices in it.
    #[error(transparent)]
    Devices(#[from] DevicesError),
    /// The kernel's routing tables or neighbours.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// BIRD, or its configuration.
    #[error(transparent)]
    Bird(#[from] BirdError),
    /// The system refuses a step.
    #[error(transparent)]
    System(Told),
    /// The engine's thread has ended, which it does on its own only by a fault of edge.
    #[error(
        "the thread that keeps the forwarding tables has ended; the tables stay as they are: restart edge, and report this"
    )]
    Ended,
}

impl EngineError {
    pub(super) fn plan(text: impl Into<String>) -> Self {
        Self::Plan(Told::new(text))
    }
}

impl From<io::Error> for EngineError {
    fn from(error: io::Error) -> Self {
        Self::System(Told::bare(error))
    }
}
