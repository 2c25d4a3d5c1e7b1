//! Loader, daemon and command line of `edge`.
//!
//! ```text
//! config → plan → dataplane        (and daemon, which keeps it so; replay, which tries frames)
//! ```

pub mod bench;
pub mod config;
pub mod daemon;
pub mod dataplane;
pub mod lab;
pub mod plan;
pub mod replay;
pub mod units;
