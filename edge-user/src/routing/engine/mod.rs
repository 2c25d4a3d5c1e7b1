//! The engine of routing: a thread that keeps the forwarding tables as the kernel's routing tables are.
//!
//! ```text
//!  RouterPlan ──▶ RouterEngine ──▶ thread ──▶ devices   r<i> in the routing namespace
//!                     │              │  ▲        │
//!                     │              │  └─ feed ─┘   routes and neighbours, by netlink
//!                     ▼              ▼
//!                   bird        RouterTables          trees, neighbours, links
//! ```
//!
//! The kernel's table of a domain has the routes of both sides. The device of a route's next hop tells which side it
//! leads to. Routes towards peering-links are the customer's tree, and those towards virtual networks the cloud's;
//! destinations of frames from one side are looked up in the tree of the other.

mod announcements;
mod check;
mod domain_tables;
pub mod error;
pub mod events;
mod follow;
mod forwarding;
mod guard;
mod handle;
mod kernel_view;
mod listed;
mod neighbourhood;
mod orders;
pub mod places;
pub mod plan;
mod poller;
mod prepared;
mod rebuild;
mod settings;
mod settle;
mod shared;
mod shared_routes;
mod spans;
mod speaker;
pub mod state;
pub mod tables;
#[cfg(test)]
mod tests;
mod trees;
mod ways;
mod worker;

pub use self::{
    guard::TablesGuard,
    handle::RouterEngine,
    listed::{ForwardedRoute, RouteFate},
    prepared::PreparedPlan,
    settings::EngineSettings,
    speaker::ReceivedRoutes,
    ways::RouteWay,
};
