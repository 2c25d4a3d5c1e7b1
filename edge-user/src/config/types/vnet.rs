//! The links from a circuit to virtual networks.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::Serialize;

use super::{BfdTimers, CTags, LinkEnds, SideTags};

/// An entry of a circuit's `vnet_link`: one virtual network behind a core port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VnetLink {
    /// The virtual network's name, which no other link of the circuit has.
    pub vnet: String,
    /// Its region in [`super::Catalogue::regions`]; `None`: nobody says.
    pub region: Option<String>,
    /// Name of the core-side port that it is behind.
    pub port: String,
    /// The S-tag's VID there.
    pub s_tag: Option<u16>,
    /// The C-tag's VID there; the link has at least one of both.
    pub c_tag: Option<u16>,
    /// IPv4 addresses of the edge and of the gateway; `None`: the link has no IPv4.
    pub v4: Option<LinkEnds<Ipv4Addr>>,
    /// IPv6 addresses of the edge and of the gateway; `None`: the link has no IPv6.
    pub v6: Option<LinkEnds<Ipv6Addr>>,
    /// The source of its routes.
    pub routes: VnetRoutes,
}

/// The source of the routes to a virtual network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum VnetRoutes {
    /// These prefixes, none of which overlaps another one of the circuit.
    Static(Vec<IpNet>),
    /// Those that the gateway announces by BGP.
    Bgp {
        /// The gateway's AS, which in Azure is 65515.
        asn: u32,
        /// `None`: without BFD.
        bfd: Option<BfdTimers>,
    },
}

impl VnetLink {
    /// IPv4 routes that a gateway may announce, or the file may list.
    pub const MAX_ROUTES: u32 = 1_000;
    /// IPv6 routes likewise.
    pub const MAX_ROUTES_V6: u32 = 100;

    /// The tags that its frames have on its port.
    #[must_use]
    pub fn tags(&self) -> SideTags {
        SideTags { s_vid: self.s_tag, c_vids: self.c_tag.map(CTags::one) }
    }

    /// The listed prefixes; none where the gateway announces them.
    #[must_use]
    pub fn prefixes(&self) -> &[IpNet] {
        match &self.routes {
            VnetRoutes::Static(prefixes) => prefixes,
            VnetRoutes::Bgp { .. } => &[],
        }
    }
}
