//! Loader, daemon and command line of `edge`.
//!
//! ```text
//! config → plan → kernel        (and daemon, which keeps it so; replay, which tries frames)
//!                     └→ ledger → export, bill
//! ```

pub mod bench;
pub mod bill;
pub mod config;
pub mod daemon;

pub mod export;
pub mod kernel;
pub mod lab;
pub mod ledger;
pub mod model;
pub mod plan;
pub mod replay;
pub mod text_table;
pub mod time;
pub mod units;
