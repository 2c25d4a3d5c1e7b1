//! The daemon: it brings the kernel's tables to the configuration, and keeps the books of their
//! counters.

pub mod availability;
pub mod bandwidth;
mod booking;
pub mod bookkeeper;
pub mod capabilities;
mod circuit_buckets;
pub mod close;
mod conditions;
mod drains;
pub mod engine;
pub mod error;
pub mod events;
mod exports;
mod file_look;
mod found;
mod head;
mod install;
pub mod instructions;
mod interfaces;
mod known_uses;
mod link_board;
mod link_watch;
pub mod look;
pub mod machine;
mod new_file;
mod noter;
pub mod open_files;
mod pending_links;
mod pending_peaks;
pub mod policers;
mod port_changes;
mod port_warnings;
mod ports;
pub mod recent;
pub mod refusals;
pub mod remembered;
mod revisions;
mod router;
pub mod router_view;
mod sandbox;
mod seen_link;
pub mod snapshot;
mod state_file;
mod takeover;
mod timed_bandwidth;
mod told_ports;
pub mod trace;
mod unconfirmed;
pub mod unmatched;
pub mod watch;

/// The fate of the data plane when the daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtExit {
    /// It goes on: pinned tables and links stay.
    Keep,
    /// It is detached and unpinned.
    Detach,
}
