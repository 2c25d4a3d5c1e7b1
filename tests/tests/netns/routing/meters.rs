//! Meters of routed circuits: what was forwarded is in the ledger to the byte, and what the edge itself said is not.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use edge_common::abi::lab::WireCount;
use edge_tests::{
    books::STATE_DIR,
    daemon::{book, configure, reload, status},
    exchange::{
        CUSTOMER_ASN, Customer, Exchange, ExchangeDaemon as _, LAN, LAN_V6, LINK, LINK_V6, VNET,
        idle_circuit, pings,
    },
    probes::{Probes, none_lost, received},
    speaker::{BirdPeer, plans::PeerConfig},
};
use edge_user::{
    billing::ledger::{Ledger, UsageQuery},
    config::sample::{Sample, SampleCircuit},
    lab::{private_mounts, root_or_skip},
};

use super::bgp::{end, wait_for_sessions};

/// Bytes of a frame before its packet, where it has two tags.
const LINK_LAYER_BYTES: u64 = 22;
/// Circuits that a reload adds, with as many interfaces as need other tables.
const MORE: u16 = 200;

/// A circuit with BGP for each customer: the first one is billed by its frames, the second one by its packets.
fn config(exchange: &Exchange) -> Sample {
    exchange
        .bgp_config()
        .routing("bfd", false)
        .change_circuit("customer1", |circuit| circuit.key("accounting", "l2"))
        .change_circuit("customer2", |circuit| circuit.key("accounting", "l3"))
}

/// Routed circuits that nobody uses.
fn others() -> impl Iterator<Item = SampleCircuit> {
    (0..MORE).map(|number| idle_circuit(number, 300))
}

fn start(customers: &[Customer]) -> Result<Vec<Probes>> {
    let probes = customers.iter().map(|customer| {
        Probes::start(&customer.router, &[LAN.1.to_owned()], &customer.vnet, VNET.1)
    });
    probes.collect()
}

/// Ends probes of which none may be lost.
fn all_back(probes: Vec<Probes>) -> Result<()> {
    probes
        .into_iter()
        .try_for_each(|probes| none_lost(probes).map(drop))
        .with_context(|| format!("{:?}", status().map(|status| status.ports)))
}

/// The ledger has the probes of each customer that came off the wire, and nothing else.
fn wire_is_ledger(exchange: &Exchange) -> Result<()> {
    book()?;
    let ledger = Ledger::open_read_only(Path::new(STATE_DIR))?;
    let faults = ledger.check()?;
    ensure!(faults.is_empty(), "{faults:?}");
    let records = ledger.usage(&UsageQuery::default())?;
    for (customer, header_bytes) in exchange.customers.iter().zip([0, LINK_LAYER_BYTES]) {
        let inbound = received(&exchange.core_side, customer.vnet_tags().vids())?;
        let outbound = received(&exchange.customer_side, customer.tags().vids())?;
        for (direction, wire) in [("inbound", inbound), ("outbound", outbound)] {
            let (mut booked, mut billed_bytes) = (WireCount::default(), 0);
            let own = |it: &&_| {
                let record: &edge_user::billing::ledger::UsageRecord = it;
                record.circuit == customer.circuit() && record.direction == direction
            };
            for record in records.iter().filter(own) {
                booked += WireCount { frames: record.frames, bytes: record.bytes };
                billed_bytes += record.billed_bytes;
            }
            let bytes = wire.bytes - header_bytes * wire.frames;
            let wanted = WireCount { frames: wire.frames, bytes };
            let to_bill = if direction == "outbound" { bytes } else { 0 };
            ensure!(
                booked == wanted && billed_bytes == to_bill && wire.frames > 0,
                "{} {direction}: {booked:?} booked, {billed_bytes} billed; {wanted:?} on the wire",
                customer.circuit()
            );
        }
    }
    Ok(())
}

#[test]
fn the_ledger_has_what_was_on_the_wire_across_reloads_and_kills() -> Result<()> {
    if !root_or_skip("the_ledger_has_what_was_on_the_wire_across_reloads_and_kills") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(2)?;
    let config = config(&exchange);
    let daemon = exchange.start(&config)?;
    let mut peers = Vec::new();
    for customer in &exchange.customers {
        let peer = PeerConfig::new(CUSTOMER_ASN, &[LINK, LINK_V6], &[LAN.0, LAN_V6.0]);
        peers.push(BirdPeer::start(&customer.router, &peer)?);
    }
    wait_for_sessions(&exchange, 4)?;
    // Until routes and neighbours are there, some are lost.
    let probes = start(&exchange.customers)?;
    probes.iter().try_for_each(Probes::wait_until_whole)?;
    for probes in probes {
        probes.end()?;
    }
    // Frames of BGP have gone to the router, and these the edge answers.
    ensure!(pings(&exchange.customers[0].router, 20, LINK.0, LINK.1)? == 20);
    wire_is_ledger(&exchange)?;

    // Larger tables while frames pass.
    let probes = start(&exchange.customers)?;
    probes.iter().try_for_each(Probes::wait_until_whole)?;
    let more = config.circuits(others());
    configure(&more)?;
    reload()?;
    probes.iter().try_for_each(Probes::wait_until_whole)?;
    all_back(probes).context("at the reload")?;
    let said = daemon.said();
    ensure!(said.contains("turn to other tables"), "the tables had room for all: {said}");
    wire_is_ledger(&exchange)?;
    wait_for_sessions(&exchange, 4)?;

    // Without a daemon, and with the next one.
    let probes = start(&exchange.customers)?;
    probes.iter().try_for_each(Probes::wait_until_whole)?;
    daemon.kill()?;
    probes.iter().try_for_each(Probes::wait_until_whole)?;
    let daemon = exchange.start(&more)?;
    probes.iter().try_for_each(Probes::wait_until_whole)?;
    all_back(probes).context("at the kill")?;
    wire_is_ledger(&exchange).with_context(|| daemon.said())?;
    end(&exchange, daemon)
}
