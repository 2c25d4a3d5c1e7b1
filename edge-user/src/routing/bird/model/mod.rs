//! The contents of a plan that concern BGP: domains, their sessions, and the routes that are told.

pub mod community;
pub mod domain;
pub mod faults;
pub mod key;
mod look;
pub mod policy;
pub mod session;

use std::{fmt, net::Ipv4Addr, ops::RangeInclusive};

use self::{domain::BgpDomain, faults::SpeakerFaults};
use super::version::BirdVersion;

/// All that BIRD is to do in a routing namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakerPlan {
    /// The edge's BGP identifier (RFC 4271, 4.2), the same in every domain.
    pub router_id: Ipv4Addr,
    /// The edge's AS number.
    pub asn: u32,
    /// The kernel's tables that are the edge's in this namespace. BIRD's routes in one of them that
    /// no domain has are removed.
    pub kernel_tables: RangeInclusive<u32>,
    /// After a restart, the longest time in seconds for which the kernel keeps the routes from
    /// before while some peer has not come back. Until all have, or until then, no new route enters
    /// the kernel.
    pub recovery_wait_s: u16,
    /// The domains, in any order.
    pub domains: Vec<BgpDomain>,
}

impl SpeakerPlan {
    /// Default of [`Self::recovery_wait_s`]: peers with BFD are back in about a second, and a peer
    /// that is down for long delays the others' changes by this much.
    pub const RECOVERY_WAIT_S: u16 = 60;

    /// Looks for contradictions, and for what `version` can't do.
    ///
    /// # Errors
    ///
    /// Every fault, not only the first.
    pub fn look(&self, version: BirdVersion) -> Result<(), SpeakerFaults> {
        look::look(self, version)
    }

    /// The sessions of all domains.
    pub fn sessions(&self) -> impl Iterator<Item = &session::BgpSession> {
        self.domains.iter().flat_map(|domain| &domain.sessions)
    }

    /// Every TCP port that BIRD listens on, which is all that may be let through to it besides
    /// answers to its own connections. A SYN to another port gets a reset, and the reset could leave
    /// by another customer's device with the same addresses.
    #[must_use]
    pub fn listeners(&self, version: BirdVersion) -> Vec<SessionListener> {
        let enabled = self.sessions().filter(|session| session.is_enabled);
        let listeners = enabled.flat_map(|session| {
            session.ends().map(|(_, ends)| SessionListener {
                index: session.index,
                device: session.device.clone(),
                ends,
                port: session.listening_port(version),
            })
        });
        listeners.collect()
    }
}

/// A port that BIRD listens on for one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionListener {
    /// The index of the session's device.
    pub index: u32,
    /// The device.
    pub device: String,
    /// The address that is listened on, and the only one that may connect.
    pub ends: session::SessionEnds,
    /// The TCP port.
    pub port: u16,
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl AddressFamily {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of a prefix.
    #[must_use]
    pub fn of(prefix: ipnet::IpNet) -> Self {
        match prefix {
            ipnet::IpNet::V4(_) => Self::V4,
            ipnet::IpNet::V6(_) => Self::V6,
        }
    }

    /// BIRD's name of the family's channels and tables.
    #[must_use]
    pub fn channel(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

impl fmt::Display for AddressFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
        })
    }
}

/// A side of a routing domain. Routes of one side are told to the other: those of a customer never
/// to a customer, and those of a cloud's network to another of the same domain only where that is
/// asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DomainSide {
    /// The customer of the peering.
    Customer,
    /// Virtual networks and services.
    Cloud,
}
