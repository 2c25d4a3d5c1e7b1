//! Reloads that begin and end routing on an edge of wires, and those that are refused.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use edge_common::abi::lab::TagStack;
use edge_tests::{
    daemon::{Daemon, configure, reload, status},
    exchange::{
        CUSTOMER_ASN, Exchange, ExchangeDaemon as _, LAN, LAN_V6, LINK, LINK_V6, VNET, speaker,
        wait_for_way,
    },
    probes::{Probes, none_lost},
    speaker::{BirdPeer, plans::PeerConfig},
};
use edge_user::{
    config::sample::{Sample, SampleCircuit, SamplePort},
    lab::{NetNs, private_mounts, root_or_skip},
};

use super::{
    bgp::{has_stayed, wait_for_sessions},
    two_links::ip,
};

/// The hosts at the ends of the wire.
const ENDS: (&str, &str) = ("10.50.0.1", "10.50.0.2");
const NAMESPACE: &str = "/run/netns/edge-routing";

/// An exchange with a wire beside its customer.
struct Switching {
    exchange: Exchange,
    ends: [NetNs; 2],
}

impl Switching {
    fn new() -> Result<Self> {
        let mut exchange = Exchange::new(1)?;
        let tags = TagStack::qinq(500, 10);
        let ends = [exchange.customer_side.host(tags)?, exchange.core_side.host(tags)?];
        for (ns, address) in ends.iter().zip([ENDS.0, ENDS.1]) {
            ip(ns, &format!("address add {address}/24 dev eth0"))?;
        }
        Ok(Self { exchange, ends })
    }

    /// Adds the wire.
    fn with_wire(config: Sample) -> Sample {
        config.circuit(SampleCircuit::new("wire", "1 Gbps").s_tag(500).peering("private", 10))
    }

    /// The wire alone, without `[routing]`.
    fn wire_alone() -> Sample {
        let provider = |port: SamplePort| port.key("tpids", ["0x88a8", "0x8100"]);
        let config = Sample::lab()
            .change_port("customer0", provider)
            .change_port("core0", provider)
            .ledger("checkpoint", "1s");
        Self::with_wire(config)
    }

    /// The wire and the routed circuit.
    fn routed(&self) -> Sample {
        Self::with_wire(self.exchange.bgp_config().routing("bfd", false))
    }

    /// Frames on the wire, all of which arrive.
    fn probes(&self) -> Result<Probes> {
        let [near, far] = &self.ends;
        let probes = Probes::start(near, &[ENDS.0.to_owned()], far, ENDS.1)?;
        probes.wait_until_whole()?;
        Ok(probes)
    }

    fn peer(&self) -> Result<BirdPeer> {
        let peer = PeerConfig::new(CUSTOMER_ASN, &[LINK, LINK_V6], &[LAN.0, LAN_V6.0]);
        BirdPeer::start(&self.exchange.customers[0].router, &peer)
    }

    /// The first frames, of which some wait for a neighbour.
    fn begin(&self, config: &Sample) -> Result<Daemon> {
        let daemon = self.exchange.start(config)?;
        self.probes()?.end()?;
        Ok(daemon)
    }
}

/// Nothing of a router is there.
fn is_without_router() -> Result<()> {
    ensure!(!Path::new(NAMESPACE).exists(), "the routing namespace is there");
    ensure!(speaker().is_err(), "BIRD runs");
    Ok(())
}

fn circuits() -> Result<Vec<String>> {
    Ok(status()?.circuits.into_iter().map(|circuit| circuit.name).collect())
}

/// A reload is refused, for a reason with these words.
fn is_refused(config: &Sample, why: &str) -> Result<()> {
    let before = circuits()?;
    configure(config)?;
    let refused = reload().err().with_context(|| format!("{why}: it is not refused"))?;
    let refused = format!("{refused:#}");
    ensure!(refused.contains(why), "{refused}");
    let after = circuits()?;
    ensure!(before == after, "{before:?} {after:?}");
    Ok(())
}

#[test]
fn routing_comes_and_goes_beside_wires() -> Result<()> {
    if !root_or_skip("routing_comes_and_goes_beside_wires") {
        return Ok(());
    }
    private_mounts()?;
    let lab = Switching::new()?;
    let daemon = lab.begin(&Switching::wire_alone())?;
    let _peer = lab.peer()?;
    let customer = &lab.exchange.customers[0];
    for round in 0..2 {
        is_without_router()?;
        let probes = lab.probes()?;
        configure(&lab.routed())?;
        reload().with_context(|| daemon.said())?;
        wait_for_sessions(&lab.exchange, 2).with_context(|| daemon.said())?;
        wait_for_way(customer, LAN.1, VNET.1)?;
        ensure!(customer.pings(20, LAN.1, VNET.1)? == 20);
        configure(&Switching::wire_alone())?;
        reload().with_context(|| daemon.said())?;
        probes.wait_until_whole()?;
        none_lost(probes).with_context(|| format!("round {round}:\n{}", daemon.said()))?;
        ensure!(circuits()? == ["wire"]);
        ensure!(customer.pings(2, LAN.1, VNET.1)? == 0, "it is no circuit any more");
    }
    is_without_router()?;
    daemon.stop()?;
    lab.exchange.detach()
}

#[test]
fn a_refused_reload_leaves_routing_as_it_is() -> Result<()> {
    if !root_or_skip("a_refused_reload_leaves_routing_as_it_is") {
        return Ok(());
    }
    private_mounts()?;
    let lab = Switching::new()?;
    let daemon = lab.begin(&Switching::wire_alone())?;
    let _peer = lab.peer()?;
    let customer = &lab.exchange.customers[0];
    let key_path = customer.write_key()?;
    let without_bird = lab.routed().routing("command", "/nonexistent");
    let with_key = |path: &str| {
        lab.routed()
            .change_circuit("customer1", |circuit| circuit.of_peering("private", "key_file", path))
    };

    // On an edge of wires.
    let probes = lab.probes()?;
    is_refused(&without_bird, "/nonexistent")?;
    is_refused(&with_key("/run/edge/nobody.key"), "/run/edge/nobody.key")?;
    fs::write(&key_path, "a key with a \"")?;
    is_refused(&with_key(&key_path), &key_path)?;
    is_without_router()?;
    none_lost(probes)?;

    // On one that routes.
    configure(&lab.routed())?;
    reload()?;
    let before = wait_for_sessions(&lab.exchange, 2)?;
    wait_for_way(customer, LAN.1, VNET.1)?;
    let router_frames =
        Probes::start(&customer.router, &[LAN.1.to_owned()], &customer.vnet, VNET.1)?;
    let probes = lab.probes()?;
    router_frames.wait_until_whole()?;
    let more = |config: Sample| {
        config.circuit(SampleCircuit::new("more", "1 Gbps").s_tag(600).peering("private", 10))
    };
    is_refused(&more(without_bird), "/nonexistent")?;
    is_refused(&more(with_key("/run/edge/nobody.key")), "/run/edge/nobody.key")?;
    is_refused(&more(with_key(&key_path)), &key_path)?;
    let said = daemon.said();
    ensure!(!said.contains(&customer.key()), "the log has a key: {said}");
    none_lost(probes)?;
    router_frames.wait_until_whole()?;
    none_lost(router_frames)?;
    let after = wait_for_sessions(&lab.exchange, 2)?;
    for (before, after) in before.iter().zip(&after) {
        ensure!(has_stayed(before, after), "{before:?} {after:?}");
    }
    daemon.stop()?;
    lab.exchange.detach()
}
