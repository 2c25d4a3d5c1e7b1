//! Answers of the edge to hosts of the Linux stack: traceroute and path-MTU discovery work through it.

use std::{process::Stdio, time::Instant};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    exchange::{
        Exchange, ExchangeDaemon as _, LAN, LAN_V6, LINK, LINK_V6, VNET, VNET_V6, wait_for_way,
    },
    patience::PATIENCE,
};
use edge_user::lab::{NetNs, private_mounts, root_or_skip};

/// The largest packet on the links to virtual networks, in bytes.
const CORE_MTU_BYTES: u32 = 1_400;

/// The words of one ping with these arguments, whether it was answered or not.
fn ping(ns: &NetNs, arguments: &[&str]) -> Result<String> {
    let mut ping = ns.command("ping");
    ping.args(["-n", "-c", "1", "-W", "2"]).args(arguments).stdin(Stdio::null());
    let output = ping.output().context("running ping")?;
    let said = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn an_expired_hop_limit_is_answered_from_the_side_that_it_came_by() -> Result<()> {
    if !root_or_skip("an_expired_hop_limit_is_answered_from_the_side_that_it_came_by") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(1)?;
    let daemon = exchange.start(&exchange.static_config())?;
    let customer = &exchange.customers[0];
    wait_for_way(customer, LAN.1, VNET.1)?;
    wait_for_way(customer, LAN_V6.1, VNET_V6.1)?;
    for (ns, from, to, edge) in [
        (&customer.router, LAN.1, VNET.1, LINK.1),
        (&customer.router, LAN_V6.1, VNET_V6.1, LINK_V6.1),
        (&customer.vnet, VNET.1, LAN.1, "10.1.255.5"),
        (&customer.vnet, VNET_V6.1, LAN_V6.1, "fd00:1::5"),
    ] {
        let said = ping(ns, &["-t", "1", "-I", from, to])?;
        let is_told = said.contains(&format!("From {edge}"))
            && (said.contains("Time to live exceeded") || said.contains("Hop limit"));
        ensure!(is_told, "{from} to {to}: {said}");
    }
    // No route, which the edge says, too.
    for (from, to, edge) in
        [(LAN.1, "10.200.0.1", LINK.1), (LAN_V6.1, "2001:db8:200::1", LINK_V6.1)]
    {
        let family = if to.contains(':') { "-6" } else { "-4" };
        customer.router.output("ip", &[family, "route", "add", to, "via", edge])?;
        let said = ping(&customer.router, &["-I", from, to])?;
        ensure!(said.contains(&format!("From {edge}")), "{said}");
    }
    daemon.stop()?;
    exchange.detach()
}

#[test]
fn a_host_learns_the_mtu_of_the_way() -> Result<()> {
    if !root_or_skip("a_host_learns_the_mtu_of_the_way") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::with_core_mtu(1, CORE_MTU_BYTES)?;
    let daemon = exchange.start(&exchange.static_config())?;
    let customer = &exchange.customers[0];
    for (from, to, header_bytes) in [(LAN.1, VNET.1, 28), (LAN_V6.1, VNET_V6.1, 48)] {
        wait_for_way(customer, from, to)?;
        let most = CORE_MTU_BYTES - header_bytes;
        let ask = |len_bytes: u32| {
            ping(&customer.router, &["-M", "do", "-s", &len_bytes.to_string(), "-I", from, to])
        };
        let said = ask(most)?;
        ensure!(said.contains("1 received"), "{said}");
        let said = ask(most + 1)?;
        ensure!(
            said.contains(&format!("mtu={CORE_MTU_BYTES}")) || said.contains("mtu = 1400"),
            "{said}"
        );
        // The stack has learned it: it does not even send the next one.
        let said = ask(most + 1)?;
        ensure!(said.contains("1400") && !said.contains("1 received"), "{said}");
    }
    // The port gets a smaller one while the daemon runs.
    let smaller_bytes = CORE_MTU_BYTES - 100;
    // With room for the second tag.
    let mtu_bytes = (smaller_bytes + 4).to_string();
    exchange.edge.output("ip", &["link", "set", "core0", "mtu", &mtu_bytes])?;
    let (len, begun) = ((smaller_bytes - 27).to_string(), Instant::now());
    loop {
        let said = ping(&customer.router, &["-M", "do", "-s", &len, "-I", LAN.1, VNET.1])?;
        if said.contains(&format!("mtu={smaller_bytes}")) || said.contains("mtu = 1300") {
            break;
        }
        ensure!(begun.elapsed() < PATIENCE, "{said}");
    }
    daemon.stop()?;
    exchange.detach()
}
