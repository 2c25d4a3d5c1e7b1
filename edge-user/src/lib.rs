//! Loader, daemon and command line of `edge`.
//!
//! ```text
//! config → plan → kernel        (and daemon, which keeps it so; replay, which tries frames)
//!                     └→ ledger → export, bill
//! ```

pub mod bench;
pub mod billing;
pub mod config;
pub mod daemon;
pub mod kernel;
pub mod lab;
pub mod model;
pub mod plan;
pub mod replay;
pub mod time;
pub mod units;
pub mod view;
