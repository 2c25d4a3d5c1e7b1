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
    /// The service network's prefixes, in its own domain alone, of which no route enters the kernel; `None`: it is another
    /// domain.
    pub service_groups: Option<Vec<ServicePrefixes>>,
    /// The domain's part in the service network; `None`: it has none.
    pub services: Option<ServiceAccess>,
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
            || self.service_prefixes().any(of_family)
    }

    fn service_prefixes(&self) -> impl Iterator<Item = IpNet> {
        self.service_groups.iter().flatten().flat_map(|group| group.prefixes.iter().copied())
    }
}

/// Prefixes of the service network that are told to the same customers, with the same communities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePrefixes {
    /// A name that no other group has: lower-case letters and digits.
    pub name: String,
    /// Communities that they are told with.
    pub communities: Vec<BgpCommunity>,
    /// The prefixes.
    pub prefixes: Vec<IpNet>,
    /// The gateway of each family: the prefixes of a family are told while its device has a carrier.
    pub hops: Vec<StaticHop>,
}

/// The way between a domain and the service network: some of the network's prefixes go to the domain's customer, and the
/// customer's routes to the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccess {
    /// The kernel table of the service network's domain.
    pub kernel_table: u32,
    /// Names of the groups of prefixes that the customer is told.
    pub groups: Vec<String>,
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
