//! A BGP session with a customer's router or a virtual network's gateway.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use super::{
    AddressFamily, DomainSide,
    key::SessionKey,
    policy::{ExportPolicy, ImportPolicy},
};
use crate::routing::bird::{names::SessionName, version::BirdVersion};

/// BGP's own port (RFC 4271, 8.2.1).
const BGP_PORT: u16 = 179;
/// First port of those that sessions listen on where BIRD does not tell equal peers apart. It and
/// those after it are below Linux's ports of outgoing connections (`ip_local_port_range`).
const FIRST_OWN_PORT: u16 = 1024;
const LAST_OWN_PORT: u16 = 32_767;

/// A peer on one device, by one session for each family that it has addresses of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpSession {
    /// The index of the device, which no other session has.
    pub index: u32,
    /// The device, which no other session has.
    pub device: String,
    /// The peer's name for people, such as `contoso/private/primary`.
    pub name: String,
    /// The side that the peer is on.
    pub side: DomainSide,
    /// The peer's AS number.
    pub peer_asn: u32,
    /// IPv4 addresses of both ends.
    pub v4: Option<Ends<Ipv4Addr>>,
    /// IPv6 addresses of both ends.
    pub v6: Option<Ends<Ipv6Addr>>,
    /// TCP MD5 key (RFC 2385).
    pub key: Option<SessionKey>,
    /// Most routes that the peer may tell.
    pub limits: SessionLimits,
    /// BFD (RFC 5880) on this session.
    pub bfd: Option<SessionBfd>,
    /// Graceful restart (RFC 4724): the time that the edge asks its peer for, in seconds; `None`:
    /// the edge does not offer it.
    pub graceful_restart_s: Option<u16>,
    /// Whether only the peer connects. Needs BIRD 2.18.
    pub is_passive: bool,
    /// Generalized TTL security (RFC 5082): frames of the peer must arrive with a TTL of 255.
    pub has_ttl_security: bool,
    /// A session that is not enabled stays in the configuration and is down.
    pub is_enabled: bool,
    /// Times of the protocol.
    pub timers: SessionTimers,
    /// Routes that are taken from the peer.
    pub import: ImportPolicy,
    /// The routes' attributes towards the peer.
    pub export: ExportPolicy,
}

impl BgpSession {
    /// The addresses of both ends, by family.
    pub fn ends(&self) -> impl Iterator<Item = (AddressFamily, SessionEnds)> {
        AddressFamily::ALL.into_iter().filter_map(|family| Some((family, self.ends_of(family)?)))
    }

    /// The addresses of both ends of one family.
    #[must_use]
    pub fn ends_of(&self, family: AddressFamily) -> Option<SessionEnds> {
        match family {
            AddressFamily::V4 => self.v4.map(Into::into),
            AddressFamily::V6 => self.v6.map(Into::into),
        }
    }

    /// The session's name in the configuration.
    #[must_use]
    pub fn name_of(&self, family: AddressFamily) -> SessionName {
        SessionName { index: self.index, side: self.side, family }
    }

    /// The TCP port that BIRD listens on for this session: 179, or one of its own where `version`
    /// does not tell peers with equal addresses apart.
    #[must_use]
    pub fn listening_port(&self, version: BirdVersion) -> u16 {
        listening_port(self.index, version)
    }

    /// Whether [`Self::listening_port`] is one that no other session has, and no outgoing
    /// connection.
    pub(super) fn has_own_port(&self) -> bool {
        self.index <= u32::from(LAST_OWN_PORT - FIRST_OWN_PORT)
    }
}

/// The TCP port that BIRD listens on for a session on the device with this index.
#[must_use]
pub fn listening_port(index: u32, version: BirdVersion) -> u16 {
    if version.accepts_equal_peers() {
        BGP_PORT
    } else {
        FIRST_OWN_PORT.saturating_add(u16::try_from(index).unwrap_or(u16::MAX))
    }
}

/// The addresses of both ends of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ends<A> {
    /// The edge's.
    pub own: A,
    /// The peer's.
    pub peer: A,
}

/// The addresses of both ends of a session, of either family.
pub type SessionEnds = Ends<IpAddr>;

impl From<Ends<Ipv4Addr>> for SessionEnds {
    fn from(ends: Ends<Ipv4Addr>) -> Self {
        Self { own: ends.own.into(), peer: ends.peer.into() }
    }
}

impl From<Ends<Ipv6Addr>> for SessionEnds {
    fn from(ends: Ends<Ipv6Addr>) -> Self {
        Self { own: ends.own.into(), peer: ends.peer.into() }
    }
}

/// Most routes that a peer may tell, counted before filters: routes that the edge refuses take
/// memory, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// Of IPv4.
    pub v4: u32,
    /// Of IPv6.
    pub v6: u32,
    /// The effect of one route more.
    pub beyond: BeyondLimit,
}

impl SessionLimits {
    /// The limit of a family.
    #[must_use]
    pub fn of(&self, family: AddressFamily) -> u32 {
        match family {
            AddressFamily::V4 => self.v4,
            AddressFamily::V6 => self.v6,
        }
    }
}

/// The effect of one route more than the limit: the session ends with Cease/1 (RFC 4486, 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BeyondLimit {
    /// The edge tries again after [`SessionTimers::error_wait_s`].
    #[default]
    Restart,
    /// The session stays down until somebody enables it, or BIRD takes a configuration, whatever
    /// that changes (`proto_reconfigure` in `nest/proto.c`).
    Disable,
}

/// BFD on a session, asynchronous mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionBfd {
    /// Least interval between packets, in both directions.
    pub interval: Duration,
    /// Packets that may be missing.
    pub multiplier: u8,
    /// Whether a failure starts a graceful restart, where the session has it, instead of removing
    /// the routes (RFC 5882, 4.3). It takes a peer that sends its packets independently of its
    /// control plane.
    pub is_graceful: bool,
}

/// Times of the BGP protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimers {
    /// Hold time that is offered, in seconds (RFC 4271, 4.2); the lower one of both peers holds.
    pub hold_s: u16,
    /// Time between keepalives, in seconds.
    pub keepalive_s: u16,
    /// Time from the start to the first connection, in seconds, and between failed ones.
    pub connect_retry_s: u16,
    /// Shortest and longest wait after an error, in seconds; it doubles with each.
    pub error_wait_s: (u16, u16),
}

impl Default for SessionTimers {
    fn default() -> Self {
        Self { hold_s: 180, keepalive_s: 60, connect_retry_s: 5, error_wait_s: (5, 300) }
    }
}
