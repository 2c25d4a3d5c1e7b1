//! Routed circuits of a running edge, with hosts of the Linux stack around it.

mod availability;
mod bgp;
mod customers;
mod faults;
mod gateways;
mod limits;
mod losses;
mod many;
mod meters;
mod models;
mod path;
mod planned;
mod redundancy;
mod replaced;
mod returns;
mod services;
mod strangers;
mod switching;
mod tables;
mod two_edges;
mod two_links;
