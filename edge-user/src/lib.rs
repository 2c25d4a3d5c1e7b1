//! Loader, daemon and command line of `edge`. Each folder is a room, which uses only some of the
//! others (`docs/architecture.md`). The way of the data:
//!
//! ```text
//! config → plan → kernel ┐
//!                        ├ daemon: brings the kernel to a configuration, and meters to billing
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
pub mod rates;
pub mod replay;
pub mod report;
pub mod routing;
pub mod server;
pub mod time;
pub mod top;
pub mod units;
pub mod verify;
pub mod view;
pub mod why;
