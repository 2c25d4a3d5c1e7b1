//! The engine's state, as commands and metrics show it.

use std::{collections::BTreeMap, time::Instant};

use edge_common::abi::routing::Mac;

use crate::routing::{
    bird::{
        model::DomainSide,
        names::SessionName,
        state::{bfd::BfdSessionState, bgp::BgpSessionState, speaker::SpeakerState},
    },
    devices::RouterMac,
    store::FibUsage,
};

/// All of the engine but routes.
#[derive(Clone, Debug, Default)]
pub struct RouterState {
    /// The interface that leads to the routing namespace.
    pub port: RoutingPort,
    /// Number of times that the port was another one than before, since the engine was started: programs on it have to be
    /// attached again.
    pub port_changes: u64,
    /// Domains, by their kernel tables.
    pub domains: BTreeMap<u32, DomainState>,
    /// Interfaces, by their indices.
    pub interfaces: BTreeMap<u32, InterfaceState>,
    /// The last failure of something that all domains need; `None`: it works.
    pub error: Option<String>,
    /// Number of times that the kernel had no room for its messages, and all tables were read again.
    pub losses: u64,
    /// Free entries of the forwarding tables.
    pub usage: Option<FibUsage>,
}

/// The interface in edge's own namespace that leads to the routing namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutingPort {
    /// Its name.
    pub name: String,
    /// The kernel's index of it; 0: it is gone, and can't be made anew.
    pub ifindex: u32,
    /// Its own MAC address, which no frame of the router has.
    pub mac: [u8; 6],
}

/// A routing domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainState {
    /// Its name.
    pub name: String,
    /// Routes of the forwarding tables towards the customer.
    pub customer: RouteCounts,
    /// Routes towards virtual networks and services.
    pub cloud: RouteCounts,
    /// Routes of the kernel's table that lead to no interface of the domain. Frames to their prefixes have no route.
    pub foreign: u32,
    /// Lines of the trees in which its destinations are looked up.
    pub tree_lines: u32,
    /// Number of times that its forwarding tables have changed since the engine was started.
    pub generation: u64,
    /// The last of these.
    pub swapped: Option<Instant>,
    /// The first change in the kernel that is not in the forwarding tables; `None`: they are as the kernel's table is.
    pub dirty_since: Option<Instant>,
    /// The reason why the forwarding tables are those from before; `None`: there is none.
    pub error: Option<String>,
    /// Whether the forwarding tables are kept though the kernel's table is empty, as sessions are coming back.
    pub is_held: bool,
    /// Whether the kernel's table was read at least once.
    pub is_read: bool,
}

/// Numbers of routes of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteCounts {
    /// IPv4.
    pub v4: u32,
    /// IPv6.
    pub v6: u32,
}

/// An interface of the router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceState {
    /// The kernel table of its domain.
    pub table: u32,
    /// The side of the domain that it leads to.
    pub side: DomainSide,
    /// The edge's MAC address there.
    pub mac: RouterMac,
    /// Its device in the routing namespace.
    pub device: String,
    /// The kernel's index of the device; `None`: there is none.
    pub ifindex: Option<u32>,
    /// Whether it is enabled and its port has a carrier.
    pub is_up: bool,
    /// The IPv4 neighbour's MAC address; `None`: it is not known.
    pub neighbour_v4: Option<Mac>,
    /// The IPv6 neighbour's.
    pub neighbour_v6: Option<Mac>,
    /// The last failure of its device or its neighbours; `None`: all is as it is wanted.
    pub error: Option<String>,
}

/// BIRD and its sessions, at one moment.
#[derive(Clone, Debug)]
pub struct SpeakerView {
    /// The moment.
    pub at: Instant,
    /// BIRD itself; the error, where it did not answer.
    pub speaker: Result<SpeakerState, String>,
    /// The sessions that it told last, by their names.
    pub sessions: BTreeMap<SessionName, SessionView>,
}

/// A session, and its liveness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// The session: state, begin, routes, limit, last error.
    pub bgp: BgpSessionState,
    /// BFD with the peer; `None`: there is none.
    pub bfd: Option<BfdSessionState>,
}
