//! The contents of a configuration that the engine acts on.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use ipnet::IpNet;

use crate::routing::{
    bird::{
        files::SpeakerAccount,
        model::{DomainSide, SpeakerPlan},
    },
    store::TableLimits,
};

/// All that the engine is to keep right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouterPlan {
    /// The routing domains, in any order.
    pub domains: Vec<RouterDomain>,
    /// BIRD; `None`: another program fills the kernel's tables.
    pub speaker: Option<SpeakerSettings>,
}

/// BIRD, as the configuration wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakerSettings {
    /// The executable; `None`: the one on `PATH`.
    pub command: Option<PathBuf>,
    /// Directory of BIRD's configuration, socket and log.
    pub directory: PathBuf,
    /// The user that it runs as; `None`: root.
    pub account: Option<SpeakerAccount>,
    /// All that it is to do.
    pub plan: SpeakerPlan,
}

/// A routing domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouterDomain {
    /// Its name for people, such as `contoso/private`.
    pub name: String,
    /// Its table in the kernel, which no other domain has.
    pub table: u32,
    /// Its interfaces.
    pub interfaces: Vec<EngineInterface>,
    /// Sources that frames of its customer may have. Frames of a cloud's interface have to come from where its own
    /// routes lead to.
    pub sources: SourceRule,
    /// The most routes of each side, without those to its interfaces' own networks. A domain with more keeps the tables
    /// that it had.
    pub limits: DomainLimits,
    /// The domain's part in the service network.
    pub services: ServicePart,
}

/// The part that a domain has in the network of public services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServicePart {
    /// None.
    #[default]
    None,
    /// These prefixes lead to an interface of the network's, which is in another domain.
    Reaches {
        /// The interface's index.
        interface: u32,
        /// The prefixes, of families that the interface has addresses of.
        prefixes: Vec<IpNet>,
    },
    /// It is the network itself: routes to these customers, each in a domain of its own, are its own, too.
    Shared(Vec<ServiceCustomer>),
}

/// A customer of public services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCustomer {
    /// The table of its domain.
    pub table: u32,
    /// Its registered prefixes. Routes to other addresses are its domain's alone.
    pub registered: Vec<IpNet>,
}

/// Most routes of a domain, by the side that they lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainLimits {
    /// Towards the customer.
    pub customer: TableLimits,
    /// Towards virtual networks and services.
    pub cloud: TableLimits,
}

impl DomainLimits {
    /// The limits of a side.
    #[must_use]
    pub const fn of(&self, side: DomainSide) -> TableLimits {
        match side {
            DomainSide::Customer => self.customer,
            DomainSide::Cloud => self.cloud,
        }
    }
}

/// Sources that frames of a customer may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceRule {
    /// Any.
    Any,
    /// Addresses that the domain has routes for towards its customer, by whichever link.
    Side,
    /// Addresses that the domain has routes for by the link that the frame came by.
    Link,
    /// Addresses within these prefixes.
    Prefixes(Vec<IpNet>),
}

/// An interface of the router: a peering-link, or a link to a virtual network. It has one neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineInterface {
    /// Its index in `ROUTER_INTERFACES`, from 1 on, which no other interface has.
    pub index: u32,
    /// The side of its domain that it leads to.
    pub side: DomainSide,
    /// IPv4 addresses of both ends; `None`: it has no IPv4.
    pub v4: Option<InterfaceEnds<Ipv4Addr>>,
    /// IPv6 addresses of both ends.
    pub v6: Option<InterfaceEnds<Ipv6Addr>>,
    /// The largest packet in bytes, without Ethernet header and tags.
    pub mtu_bytes: u32,
    /// Whether it is enabled. Without it, no route leads there.
    pub is_up: bool,
    /// Prefixes that lead there, whatever the kernel's table has. Interfaces of one side with one prefix share its
    /// traffic.
    pub static_routes: Vec<IpNet>,
    /// Whether what the tables had at this index when the engine was started is this interface's own, in this domain: it
    /// stays until the kernel's table has been read. Otherwise it goes before any frame of this interface can pass.
    pub is_taken_over: bool,
}

/// Addresses of both ends of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceEnds<A> {
    /// The edge's.
    pub own: A,
    /// The neighbour's.
    pub peer: A,
    /// Length in bits of the prefix that both are in.
    pub prefix_len: u8,
}

impl RouterPlan {
    /// The domain with this table.
    #[must_use]
    pub fn domain(&self, table: u32) -> Option<&RouterDomain> {
        self.domains.iter().find(|domain| domain.table == table)
    }

    /// The table of the service network's domain, if the domain with this table has a customer of it.
    #[must_use]
    pub fn shared_by(&self, table: u32) -> Option<u32> {
        let shared = self.domains.iter().find_map(|domain| match &domain.services {
            ServicePart::Shared(customers) => Some((domain.table, customers)),
            ServicePart::None | ServicePart::Reaches { .. } => None,
        });
        let (own, customers) = shared?;
        customers.iter().any(|customer| customer.table == table).then_some(own)
    }

    /// All interfaces, each with its domain.
    pub fn interfaces(&self) -> impl Iterator<Item = (&RouterDomain, &EngineInterface)> {
        self.domains.iter().flat_map(|domain| domain.interfaces.iter().map(move |it| (domain, it)))
    }
}

impl EngineInterface {
    /// The neighbours' addresses.
    pub fn peers(&self) -> impl Iterator<Item = IpAddr> + use<> {
        let (v4, v6) = (self.v4.map(|ends| ends.peer.into()), self.v6.map(|ends| ends.peer.into()));
        [v4, v6].into_iter().flatten()
    }
}
