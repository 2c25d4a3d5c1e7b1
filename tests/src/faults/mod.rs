//! A model of the world: hundreds of faults happen to an edge under traffic, and then comes the
//! reckoning.
//!
//! * Bytes sent, bytes on the wire, counters, the ledger and the receivers' records agree exactly.
//! * No frame reaches another customer.
//! * Each frame is charged by the configuration at the time when it passed.

pub mod accounts;
mod arrival;
pub mod cables;
pub mod chance;
pub mod charges;
pub mod clock;
pub mod disk;
pub mod fault;
pub mod groups;
mod happen;
pub mod isolation;
pub mod model;
mod motions;
pub mod receivers;
pub mod reckoning;
pub mod refusals;
pub mod rest;
pub mod routed;
pub mod run;
pub mod traffic;
mod unconfirmed;
pub mod watch;
pub mod wires;
