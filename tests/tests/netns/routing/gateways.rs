//! Gateways of virtual networks that speak BGP.

use anyhow::{Context as _, Result, ensure};
use edge_api::CircuitReach;
use edge_tests::{
    daemon::{configure, reload},
    exchange::{
        CUSTOMER_ASN, Customer, Exchange, ExchangeDaemon as _, GATEWAY, GATEWAY_V6, LAN, LAN_V6,
        LINK, LINK_V6, VNET, VNET_V6, wait_for_way,
    },
    speaker::{BirdPeer, plans::PeerConfig, wait},
};
use edge_user::{
    config::sample::{Sample, SampleCircuit, SamplePort},
    lab::{private_mounts, root_or_skip},
};

use super::bgp::{end, has_stayed, wait_for_sessions};

/// The AS of every gateway.
const GATEWAY_ASN: u32 = 65_515;

/// A region near the edge, and one in another area.
const PLACES: &str = "[[region]]\nname = 'near'\narea = 'one'\n[[region]]\nname = 'far'\narea = 'other'\n\
                      [[location]]\nname = 'here'\narea = 'one'\nlocal = ['near']\n";

/// A configuration in which no prefix is written: customers and gateways announce theirs.
pub(super) fn config(exchange: &Exchange) -> Sample {
    let circuits = exchange.customers.iter().map(|customer| {
        SampleCircuit::new(customer.circuit(), "1 Gbps")
            .s_tag(100 + customer.number)
            .peering("private", 10)
            .of_peering("private", "peer_asn", CUSTOMER_ASN)
            .of_peering("private", "primary", "192.168.15.16/30")
            .of_peering("private", "primary_v6", "fd00:15::/126")
            .of_vnet("hub", "port", "core0")
            .of_vnet("hub", "s_tag", 2_000 + customer.number)
            .of_vnet("hub", "c_tag", 1)
            .of_vnet("hub", "own", "10.1.255.5/30")
            .of_vnet("hub", "gateway", GATEWAY.0)
            .of_vnet("hub", "own_v6", "fd00:1::5/126")
            .of_vnet("hub", "gateway_v6", GATEWAY_V6.0)
            .of_vnet("hub", "asn", GATEWAY_ASN)
    });
    let provider = |port: SamplePort| port.key("tpids", ["0x88a8", "0x8100"]);
    Sample::lab()
        .change_port("customer0", provider)
        .change_port("core0", provider)
        .ledger("checkpoint", "1s")
        .circuits(circuits)
        .routing("asn", 12_076)
        .routing("router_id", "192.0.2.1")
}

/// The prefixes of a customer: those of everybody, and one that no other customer has.
fn own(customer: &Customer) -> Vec<String> {
    vec![LAN.0.to_owned(), format!("10.9{}.0.0/16", customer.number), LAN_V6.0.to_owned()]
}

/// The prefixes of its virtual network likewise.
fn of_vnet(customer: &Customer) -> Vec<String> {
    vec![VNET.0.to_owned(), format!("10.1{}.0.0/16", customer.number), VNET_V6.0.to_owned()]
}

fn peer(asn: u32, ends: [(&str, &str); 2], prefixes: &[String]) -> PeerConfig {
    PeerConfig::new(asn, &ends, &prefixes.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The peer has learned these prefixes, and no others.
fn learns(peer: &BirdPeer, prefixes: &[String]) -> Result<()> {
    let learned =
        || -> Result<Vec<String>> { Ok([peer.learned("ipv4")?, peer.learned("ipv6")?].concat()) };
    wait(|| Ok((learned()? == prefixes).then_some(())))
        .with_context(|| format!("{:?} instead of {prefixes:?}", learned()))
}

/// Gives the first circuit a location, and its network a region far from there: another SKU is one of the same
/// sessions, and a lower one is refused.
fn a_reach_is_changed_live(exchange: &Exchange) -> Result<()> {
    let circuit = exchange.customers[0].circuit();
    let sold_as = |sku: &str| {
        let far = |it: SampleCircuit| it.key("sku", sku).of_vnet("hub", "region", "far");
        config(exchange).change_circuit(&circuit, far).tables(PLACES).routing("location", "here")
    };
    let before = wait_for_sessions(exchange, 8)?;
    configure(&sold_as("premium"))?;
    reload()?;
    configure(&sold_as("standard"))?;
    let refused = reload().err().context("a network out of reach")?.to_string();
    ensure!(refused.contains("which a standard circuit at \"here\""), "{refused}");
    configure(&sold_as("premium"))?;
    let after = wait_for_sessions(exchange, 8)?;
    for (before, after) in before.iter().zip(&after) {
        ensure!(has_stayed(before, after), "{before:?} {after:?}");
    }
    let reach: CircuitReach =
        serde_json::from_str(&exchange.edge(&["reach", &circuit, "--json"])?)?;
    let [far, near] = &reach.regions[..] else { anyhow::bail!("{reach:?}") };
    ensure!(reach.sku == "premium" && far.reached && near.reached, "{reach:?}");
    ensure!(reach.vnets[0].region.as_deref() == Some("far"), "{reach:?}");
    Ok(())
}

#[test]
fn a_gateway_and_its_customer_learn_from_each_other_alone() -> Result<()> {
    if !root_or_skip("a_gateway_and_its_customer_learn_from_each_other_alone") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(2)?;
    let daemon = exchange.start(&config(&exchange))?;
    let mut all = Vec::new();
    for customer in &exchange.customers {
        let routers = peer(CUSTOMER_ASN, [LINK, LINK_V6], &own(customer));
        let gateways = peer(GATEWAY_ASN, [GATEWAY, GATEWAY_V6], &of_vnet(customer));
        let router = BirdPeer::start(&customer.router, &routers)?;
        let gateway = BirdPeer::start(&customer.vnet, &gateways)?;
        all.push((customer, router, gateway));
    }
    let sessions = wait_for_sessions(&exchange, 8)?;
    let of_gateways = sessions.iter().filter(|session| session.vnet.as_deref() == Some("hub"));
    ensure!(of_gateways.count() == 4, "{sessions:?}");
    for (customer, router, gateway) in &all {
        learns(router, &of_vnet(customer))?;
        learns(gateway, &own(customer))?;
        wait_for_way(customer, LAN.1, VNET.1)?;
        ensure!(customer.pings(20, LAN.1, VNET.1)? == 20);
    }
    a_reach_is_changed_live(&exchange)?;
    // The first network withdraws what all have; the second one's customer keeps it.
    let [(one, router, gateway), (other, other_router, other_gateway)] = &all[..] else {
        anyhow::bail!("two customers")
    };
    let fewer = [&of_vnet(one)[1..2], &[VNET_V6.0.to_owned()]].concat();
    gateway.change(&peer(GATEWAY_ASN, [GATEWAY, GATEWAY_V6], &fewer))?;
    learns(router, &fewer)?;
    learns(other_router, &of_vnet(other))?;
    learns(other_gateway, &own(other))?;
    wait(|| Ok((one.pings(1, LAN.1, VNET.1)? == 0).then_some(())))?;
    ensure!(other.pings(20, LAN.1, VNET.1)? == 20);
    end(&exchange, daemon)
}
