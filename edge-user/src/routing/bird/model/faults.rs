//! Contradictions in a plan, and things that this version of BIRD can't do.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;

use crate::routing::bird::version::BirdVersion;

/// Every fault of a plan. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakerFaults(pub Vec<SpeakerFault>);

impl fmt::Display for SpeakerFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for SpeakerFaults {}

/// A fault of a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpeakerFault {
    /// An AS number that nobody can have (RFC 7607, RFC 6793, RFC 7300).
    #[error(
        "{place}: AS {asn} is reserved and can't speak BGP; use the AS number that is assigned to it"
    )]
    Asn {
        /// The session's name, or that of the edge.
        place: String,
        /// The number.
        asn: u32,
    },
    /// The peer has the edge's AS.
    #[error(
        "{session}: the peer has the edge's own AS {asn}, and only external BGP is spoken; give one of them another AS"
    )]
    OwnAsn {
        /// The session.
        session: String,
        /// The number.
        asn: u32,
    },
    /// A router id that BGP does not take.
    #[error("router id {0} is no unicast address (RFC 6286); use one of the edge's own addresses")]
    RouterId(IpAddr),
    /// A kernel table that is not the edge's.
    #[error(
        "{domain}: kernel table {table} is not one of the edge's ({first} to {last}); move `[routing] table`"
    )]
    Table {
        /// The domain.
        domain: String,
        /// The table.
        table: u32,
        /// First of the edge's.
        first: u32,
        /// Last of the edge's.
        last: u32,
    },
    /// The edge's tables include the kernel's own, or are none.
    #[error(
        "tables {first} to {last} can't all be the edge's: the kernel has 0 and 253 to 255 for itself; move `[routing] table`"
    )]
    Tables {
        /// First.
        first: u32,
        /// Last.
        last: u32,
    },
    /// Two domains in one kernel table.
    #[error("{domain} and {other} have the same kernel table {table}; each needs its own")]
    TableTwice {
        /// The first domain.
        domain: String,
        /// The second.
        other: String,
        /// The table.
        table: u32,
    },
    /// Two sessions on one device, or with one index.
    #[error("{session} and {other} have the same device or index; each peer needs its own")]
    DeviceTwice {
        /// The first session.
        session: String,
        /// The second.
        other: String,
    },
    /// A name that is no device's.
    #[error("{place}: `{device}` is no name of a device")]
    Device {
        /// The session or the domain.
        place: String,
        /// The name.
        device: String,
    },
    /// A text that can't be in BIRD's configuration.
    #[error(
        "{0:?} can't be a name: it has quotation marks or control characters, or over 128 bytes"
    )]
    Name(String),
    /// A session without addresses.
    #[error("{0}: the session has no address; give it IPv4 or IPv6 addresses of both ends")]
    NoAddress(String),
    /// An address that no router can have on a link.
    #[error("{session}: {address} is no address of a router; use a unicast address")]
    Address {
        /// The session.
        session: String,
        /// The address.
        address: IpAddr,
    },
    /// Both ends have one address.
    #[error("{session}: both ends have the address {address}; give them different ones")]
    SameAddress {
        /// The session.
        session: String,
        /// The address.
        address: IpAddr,
    },
    /// A peer's address that is the edge's own elsewhere. The kernel would take it for local, and
    /// connect to itself.
    #[error(
        "{address} is the peer's address of {session} and the edge's own of {other}, and one \
         namespace can't have both; exchange the ends of one of them"
    )]
    PeerIsOwn {
        /// The session of the peer.
        session: String,
        /// The session whose own address it is.
        other: String,
        /// The address.
        address: IpAddr,
    },
    /// A value beyond what BGP, BFD or BIRD can have.
    #[error("{place}: {what} is {value}, and can be {least} to {most}")]
    Range {
        /// The session or the edge.
        place: String,
        /// The value's name.
        what: &'static str,
        /// The value.
        value: u64,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// Bits behind the prefix length.
    #[error("{place}: {prefix} has bits behind its length; write {}", prefix.trunc())]
    HostBits {
        /// The session or the domain.
        place: String,
        /// The prefix.
        prefix: IpNet,
    },
    /// One prefix twice.
    #[error("{domain}: {prefix} is told twice; remove one")]
    PrefixTwice {
        /// The domain.
        domain: String,
        /// The prefix.
        prefix: IpNet,
    },
    /// A static route without a next hop, or with one of the other family.
    #[error("{domain}: the static route {prefix} has no next hop of its family; give it one")]
    Hop {
        /// The domain.
        domain: String,
        /// The prefix.
        prefix: IpNet,
    },
    /// A peer that only connects itself, with a version that can't tell it from others.
    #[error(
        "{session} is passive, and BIRD {version} tells peers with equal addresses apart only where the \
         edge connects; install BIRD 2.18 or newer, or remove `passive`"
    )]
    Passive {
        /// The session.
        session: String,
        /// The version.
        version: BirdVersion,
    },
    /// More devices than there are ports to listen on.
    #[error(
        "{session} is on device {index}, and BIRD {version} can speak on 0 to 31743 only; install BIRD \
         2.18 or newer"
    )]
    Port {
        /// The session.
        session: String,
        /// The device's index.
        index: u32,
        /// The version.
        version: BirdVersion,
    },
}
