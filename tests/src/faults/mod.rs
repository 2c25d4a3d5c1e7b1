//! A model of the world: what happens to an edge, by the hundred under traffic, and the reckoning:
//! what was sent, what left, what was counted, what the ledger has and what receivers got is the
//! same to the byte; no frame reaches anybody but its own customer; and each is charged for what was
//! configured when it passed.

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
pub mod run;
pub mod traffic;
pub mod watch;
pub mod wires;
