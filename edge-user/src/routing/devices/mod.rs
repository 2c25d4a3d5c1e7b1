//! The routing namespace, in which a BGP speaker has one device for each routed peering-link.
//!
//! ```text
//!  edge's namespace    │ routing namespace
//!  port ◀─ XDP ─▶ pe ──┼── pr ─┬─ r1   02:ed:01:00:00:01   192.168.15.18/30
//!                      │       └─ r2   02:ed:01:00:00:02   192.168.15.18/30
//! ```
//!
//! `pe` and `pr` are a veth pair. Each `r<index>` is a macvlan device on `pr`, whose MAC address has
//! the index of its peering-link. So the path chooses a device by the destination address of what it
//! sends into `pe`, and knows the sender by the source address of what comes out. Peering-links may
//! have the same addresses: a socket bound to a device sends and receives by that one alone.
//!
//! [`RoutingNamespace::reconcile`] brings the devices to what is wanted, by netlink, and changes only
//! what differs. Interfaces that edge made are in a group of interfaces of their own; it leaves
//! all others as they are.

mod address;
mod announce;
mod apply;
mod batch;
mod difference;
pub mod error;
mod foreign;
mod held_netns;
mod inventory;
mod mark;
mod netlink;
mod netns_name;
mod offload_ioctl;
mod origin;
mod pair;
mod reconciled;
mod requests;
mod router_mac;
mod routing_namespace;
mod settings;
mod support;
mod sysctls;
mod teardown;
#[cfg(test)]
mod tests;
mod wanted;

pub use self::{
    address::InterfaceAddress,
    reconciled::{CarrierChange, DeviceFailure, NamespaceChange, Reconciled},
    router_mac::RouterMac,
    routing_namespace::RoutingNamespace,
    settings::RoutingSettings,
    support::check_support,
    teardown::{Teardown, tear_down},
    wanted::{WantedDevice, WantedDevices, device_name},
};
