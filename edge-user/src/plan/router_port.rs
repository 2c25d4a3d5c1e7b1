//! The router's own device as the port tables have it.

use edge_common::{
    abi::port::{Features, MAX_TPIDS},
    reason::UnmatchedPolicy,
};

use super::{Capacity, PortPlan};
use crate::model::{Link, Side, XdpMode};

impl PortPlan {
    /// The interface by which frames to the router leave, and by which its own come. It is no port of the configuration
    /// and has no name; its index is the last one.
    #[must_use]
    pub fn of_router(interface: &str, capacity: &Capacity) -> Self {
        Self {
            index: capacity.router_port(),
            is_new: false,
            name: String::new(),
            interface: interface.to_owned(),
            egress: None,
            tpids: [0; MAX_TPIDS],
            unmatched: UnmatchedPolicy::Drop,
            features: Features::NONE,
            xdp_mode: XdpMode::Auto,
            side: Side::Core,
            link: Link::Primary,
        }
    }
}
