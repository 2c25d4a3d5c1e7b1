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

pub mod error;
pub mod events;
pub mod places;
pub mod plan;
pub mod settings;
pub mod state;
pub mod tables;
