//! A routing domain: a peering of a circuit, or a service network.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{AddressFamily, DomainSide, community::BgpCommunity, session::BgpSession};

/// A routing domain. It has one BIRD table by family, and one table in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpDomain {
    /// Its name for people, such as `contoso/private`.
    pub name: String,
    /// Its table in the kernel.
    pub kernel_table: u32,
    /// Whether the cloud's networks in it are told each other's routes.
    pub joins_cloud: bool,
    /// Prefixes that are told to customers, and that the edge forwards by its own knowledge: no
    /// route of them enters the kernel.
    pub announcements: Vec<Announcement>,
    /// Static routes: they enter the kernel, and are told to the other side.
    pub statics: Vec<BgpStatic>,
    /// Its sessions.
    pub sessions: Vec<BgpSession>,
}

impl BgpDomain {
    /// Whether anything in it is of a family.
    #[must_use]
    pub fn has(&self, family: AddressFamily) -> bool {
        let of_family = |prefix: IpNet| AddressFamily::of(prefix) == family;
        self.sessions.iter().any(|session| session.ends_of(family).is_some())
            || self.announcements.iter().any(|announcement| of_family(announcement.prefix))
            || self.statics.iter().any(|route| of_family(route.prefix))
    }
}

/// A prefix of the cloud's side that is told to customers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The prefix.
    pub prefix: IpNet,
    /// Communities that it is told with.
    pub communities: Vec<BgpCommunity>,
}

/// A route that somebody has configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpStatic {
    /// The prefix.
    pub prefix: IpNet,
    /// The side that it leads to.
    pub side: DomainSide,
    /// Its next hops. Traffic is shared between those whose device is up.
    pub hops: Vec<StaticHop>,
    /// Communities that it is told with; of the cloud's side only.
    pub communities: Vec<BgpCommunity>,
}

/// A next hop of a static route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticHop {
    /// The neighbour's address.
    pub gateway: IpAddr,
    /// The device that it is behind.
    pub device: String,
}
