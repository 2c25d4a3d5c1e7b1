//! A customer of an exchange, its circuit, and the peer that it is.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Stdio, time::Instant};

use anyhow::{Context as _, Result, ensure};
use edge_common::abi::lab::TagStack;

use super::{
    BFD_MS, CUSTOMER_ASN, GATEWAY, GATEWAY_V6, LAN, LAN_V6, LINK, LINK_V6, SECOND_LINK,
    SECOND_LINK_V6, VNET, VNET_V6,
};
use crate::{
    config::sample::SampleCircuit,
    lab::{netns::NetNs, patience::PATIENCE, peers::PeerConfig},
};

/// A customer, and its virtual network.
pub struct Customer {
    /// From 1 on.
    pub number: u16,
    /// Its router, and everything behind that.
    pub router: NetNs,
    /// The gateway of its virtual network, and everything behind that.
    pub vnet: NetNs,
    /// Whether it has a second link.
    pub has_second_link: bool,
}

impl Customer {
    /// The name of its circuit.
    #[must_use]
    pub fn circuit(&self) -> String {
        format!("customer{}", self.number)
    }

    /// Its key for BGP.
    #[must_use]
    pub fn key(&self) -> String {
        format!("key-of-{}", self.number)
    }

    /// Writes its key into a file of the edge's that only the owner can read, and returns the path.
    pub fn write_key(&self) -> Result<String> {
        let path = format!("/run/edge/{}.key", self.circuit());
        let write = || {
            fs::write(&path, self.key())?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
        };
        write().with_context(|| format!("cannot write {path}"))?;
        Ok(path)
    }

    /// The configuration of its router, with its key and BFD of [`BFD_MS`].
    #[must_use]
    pub fn peer_config(&self) -> PeerConfig {
        let (first, second) = ([LINK, LINK_V6], [SECOND_LINK, SECOND_LINK_V6]);
        let ends = if self.has_second_link { [first, second].concat() } else { first.to_vec() };
        let config = PeerConfig::new(CUSTOMER_ASN, &ends, &[LAN.0, LAN_V6.0]);
        config.key(&self.key()).bfd_ms(BFD_MS)
    }

    /// Has its router forget the ways that it knows by itself.
    pub fn forget_ways(&self) -> Result<()> {
        self.router.ip(&format!("route del {}", VNET.0))?;
        self.router.ip(&format!("-6 route del {}", VNET_V6.0))
    }

    /// Its tags on the customers' side, on either link.
    #[must_use]
    pub fn tags(&self) -> TagStack {
        TagStack::qinq(100 + self.number, 10)
    }

    /// The tags of its virtual network.
    #[must_use]
    pub fn vnet_tags(&self) -> TagStack {
        TagStack::qinq(2_000 + self.number, 1)
    }

    /// Its circuit, which has static routes.
    pub fn static_circuit(&self) -> SampleCircuit {
        self.circuit_by(self.has_second_link).of_peering(
            "private",
            "static_routes",
            vec![LAN.0, LAN_V6.0],
        )
    }

    /// Its circuit, which has BGP on each of its links.
    pub fn bgp_circuit(&self) -> SampleCircuit {
        self.circuit_by(self.has_second_link).of_peering("private", "peer_asn", CUSTOMER_ASN)
    }

    /// Its circuit with BGP, as if it had one link.
    pub fn one_link_circuit(&self) -> SampleCircuit {
        self.circuit_by(false).of_peering("private", "peer_asn", CUSTOMER_ASN)
    }

    fn circuit_by(&self, has_second_link: bool) -> SampleCircuit {
        let circuit = SampleCircuit::new(self.circuit(), "1 Gbps")
            .s_tag(100 + self.number)
            .peering("private", 10)
            .of_peering("private", "primary", "192.168.15.16/30")
            .of_peering("private", "primary_v6", "fd00:15::/126")
            .of_vnet("hub", "port", "core0")
            .of_vnet("hub", "s_tag", 2_000 + self.number)
            .of_vnet("hub", "c_tag", 1)
            .of_vnet("hub", "own", "10.1.255.5/30")
            .of_vnet("hub", "gateway", GATEWAY.0)
            .of_vnet("hub", "own_v6", "fd00:1::5/126")
            .of_vnet("hub", "gateway_v6", GATEWAY_V6.0)
            .of_vnet("hub", "prefixes", vec![VNET.0, VNET_V6.0]);
        if has_second_link {
            circuit.of_peering("private", "secondary", "192.168.15.20/30").of_peering(
                "private",
                "secondary_v6",
                "fd00:15::4/126",
            )
        } else {
            circuit
        }
    }

    /// Sends pings from a host of the customer's to one of its virtual network, and returns how many were answered.
    pub fn pings(&self, count: u32, from: &str, to: &str) -> Result<u32> {
        pings(&self.router, count, from, to)
    }
}

/// Waits for the first ping of a customer's that is answered.
pub fn wait_for_way(customer: &Customer, from: &str, to: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while customer.pings(1, from, to)? == 0 {
        ensure!(Instant::now() < deadline, "no way from {from} to {to} has come about");
    }
    Ok(())
}

/// Sends pings with a pause of 10 ms, and returns how many were answered within a second.
pub fn pings(ns: &NetNs, count: u32, from: &str, to: &str) -> Result<u32> {
    let mut ping = ns.command("ping");
    ping.args(["-n", "-q", "-i", "0.01", "-W", "1", "-c", &count.to_string(), "-I", from, to]);
    let output = ping.stdin(Stdio::null()).output().context("running ping")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let answered = said.split(", ").find_map(|part| part.strip_suffix(" received"));
    answered.with_context(|| format!("ping said {said:?}"))?.parse().context("a number")
}
