//! Public services: their prefixes and communities, and the network that they are behind.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::{BfdTimers, CTags, LinkEnds, SideTags};

/// A BGP community (RFC 1997): an AS of 16 bits, and a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Community {
    /// The AS that gives it its meaning.
    pub asn: u16,
    /// Its value there.
    pub value: u16,
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.asn, self.value)
    }
}

impl Serialize for Community {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A file of prefixes that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrefixesFile {
    /// Its path as the configuration has it: relative to the configuration's own directory, or absolute.
    pub path: PathBuf,
    /// The prefixes in it, in their order as addresses; empty where the configuration was read without its files.
    pub prefixes: Vec<IpNet>,
}

/// `[[service]]`: a public service in a region, or everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PublicService {
    /// Its name. It can have other prefixes in other regions.
    pub name: String,
    /// The community that its prefixes are told with, in every region.
    pub community: Community,
    /// Its region in [`super::Catalogue::regions`]; `None`: it is everywhere.
    pub region: Option<String>,
    /// Its prefixes there.
    pub file: PrefixesFile,
}

/// `[service_network]`: the link to the network of all public services, behind a core port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceNetwork {
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
    /// The gateway's AS, where it learns customers' prefixes by BGP; `None`: it has routes of its own to them.
    pub asn: Option<u32>,
    /// BFD of that session; `None`: without.
    pub bfd: Option<BfdTimers>,
}

impl ServiceNetwork {
    /// IPv4 prefixes that services may have together, or a gateway may announce: a domain's forwarding table has room for
    /// them beside its own addresses (decision 13).
    pub const MAX_ROUTES: u32 = 30_000;
    /// IPv6 prefixes likewise.
    pub const MAX_ROUTES_V6: u32 = 1_900;

    /// The tags that its frames have on its port.
    #[must_use]
    pub fn tags(&self) -> SideTags {
        SideTags { s_vid: self.s_tag, c_vids: self.c_tag.map(CTags::one) }
    }
}
