//! Routed circuits of a running edge, with hosts of the Linux stack around it.

mod bgp;
mod customers;
mod path;
