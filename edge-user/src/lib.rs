//! Loader, daemon and command line of `edge`, in rooms with one-way arrows (`docs/architecture.md`):
//!
//! ```text
//! config → plan → kernel ┐
//!                        ├ daemon (which keeps one as the other, and hands meters to billing)
//!              billing   ┘
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
pub mod report;
pub mod server;
pub mod time;
pub mod units;
pub mod view;
