//! The speaker, without a peer.

mod answers;
mod any;
mod golden;
mod plans;
pub(in crate::routing) mod sample;
