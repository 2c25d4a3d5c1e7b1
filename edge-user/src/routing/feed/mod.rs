//! The feed of forwarding tables: the kernel's routing tables, one a routing domain, and the neighbours that they
//! lead to. BIRD, FRR or `ip route` can fill them.
//!
//! ```text
//!  kernel ──messages──▶ RouteListener ──tables that may have changed──▶ Schedule
//!         ◀──dump────── Tables ◀──the oldest that is due────────────────┘
//!                         └──▶ routes_v4, routes_v6 ──▶ trees of intervals
//! ```

pub mod build;
mod datagram;
pub mod error;
pub mod feeder;
pub mod listener;
mod marks;
pub mod namespace;
pub mod neighbours;
pub mod news;
mod next_hops;
pub mod routes;
pub mod schedule;
mod socket;
pub mod tables;
#[cfg(test)]
mod tests;
mod uses;
