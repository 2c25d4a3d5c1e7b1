//! Faults by the hundred under traffic, and the reckoning: what was sent, what left, what was
//! counted, what the ledger has and what receivers got is the same to the byte.

pub mod chance;
pub mod disk;
pub mod model;
pub mod receivers;
pub mod reckoning;
pub mod run;
pub mod traffic;
pub mod watch;
