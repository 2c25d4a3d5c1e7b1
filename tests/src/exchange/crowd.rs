//! Very many customers that cost little: one namespace with an interface and an address for each, and one BIRD that has a
//! session for each.
//!
//! ```text
//!  v0: 10.64.0.1 ─┐
//!  v1: 10.64.0.5 ─┼ cust0 ══ customer0  edge
//!  …             ─┘
//! ```

use std::{fmt::Write as _, net::Ipv4Addr};

use anyhow::Result;
use edge_user::{
    config::sample::SampleCircuit,
    lab::{
        NetNs, TagStack, Trunk,
        exchange::{CUSTOMER_ASN, LAN},
        peers::{BirdPeer, PeerConfig},
    },
};

use crate::batch::batch;

/// Addresses of a link.
const LINK_ADDRESSES: u32 = 4;
/// The C-tag of every customer.
const C_TAG: u16 = 10;

/// The customers, by number from 0 on.
pub struct Crowd {
    ns: NetNs,
    count: u16,
}

impl Crowd {
    /// Makes that many customers behind a trunk.
    pub fn new(trunk: &mut Trunk, count: u16) -> Result<Self> {
        let ns = NetNs::new()?;
        ns.sysctl("net.ipv6.conf.default.disable_ipv6", "1")?;
        let mut addresses = String::new();
        for number in 0..count {
            let interface = format!("v{number}");
            trunk.lead_to(&ns, &interface, TagStack::qinq(s_tag(number), C_TAG))?;
            writeln!(addresses, "address add {}/30 dev {interface}", peer(number))?;
            // Others would be too many for the kernel, which has one table for all namespaces.
            let spared = "managed extern_learn";
            writeln!(addresses, "neigh replace {} dev {interface} {spared}", own(number))?;
        }
        batch(&ns, &addresses)?;
        Ok(Self { ns, count })
    }

    /// Starts BIRD, which tells one route in each session.
    pub fn start(&self) -> Result<BirdPeer> {
        let ends =
            (0..self.count).map(|number| (peer(number).to_string(), own(number).to_string()));
        let ends: Vec<(String, String)> = ends.collect();
        let config = PeerConfig { ends, ..PeerConfig::new(CUSTOMER_ASN, &[], &[LAN.0]) };
        BirdPeer::start(&self.ns, &config)
    }
}

/// The circuit of a customer.
pub fn circuit(number: u16) -> SampleCircuit {
    SampleCircuit::new(name(number), "1 Gbps")
        .s_tag(s_tag(number))
        .peering("private", C_TAG)
        .of_peering("private", "peer_asn", CUSTOMER_ASN)
        .of_peering("private", "primary", format!("{}/30", address(number, 0)))
}

/// The name of a customer's circuit.
#[must_use]
pub fn name(number: u16) -> String {
    format!("crowd-{number:04}")
}

fn s_tag(number: u16) -> u16 {
    500 + number
}

/// The customer's address.
fn peer(number: u16) -> Ipv4Addr {
    address(number, 1)
}

/// The edge's.
fn own(number: u16) -> Ipv4Addr {
    address(number, 2)
}

fn address(number: u16, host: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a40_0000 + u32::from(number) * LINK_ADDRESSES + host)
}
