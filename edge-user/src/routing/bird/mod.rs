//! BIRD 2 as the BGP and BFD speaker of the routing namespace: one process for all routing domains.
//!
//! ```text
//! model ─▶ generate ─▶ files ─▶ supervise ─▶ process ─▶ bird
//!                                   │ control  (its socket)
//!                                   ▼
//!                                 state        (sessions, BFD, routes)
//! ```
//!
//! A [`model::SpeakerPlan`] is all that BIRD is to do. [`generate`] writes it as a configuration,
//! [`supervise::BirdSupervisor`] has BIRD check and take it, and restarts BIRD when it dies, and
//! [`state`] reads BIRD's answers. Routes reach the edge through the kernel's tables, one a domain,
//! so nothing here is in the way of a frame: tables and sessions outlive the daemon, and tables
//! outlive BIRD.

pub mod control;
pub mod error;
pub mod events;
pub mod files;
pub mod flush;
pub mod generate;
mod given_up;
pub mod model;
pub mod names;
pub mod netns;
pub mod process;
pub mod program;
pub mod reply;
pub mod restarts;
pub mod service;
pub mod setup;
pub mod state;
pub mod supervise;
#[cfg(test)]
pub(in crate::routing) mod tests;
pub mod version;
