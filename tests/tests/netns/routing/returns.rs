//! Ports that go and return, and an edge that has other MAC addresses than before.

use anyhow::Result;
use edge_tests::{
    exchange::{Customer, Exchange, ExchangeDaemon as _, LAN, LAN_V6, VNET, VNET_V6},
    probes::Probes,
};
use edge_user::lab::{NetNs, private_mounts, root_or_skip};

/// Packets of both families between a customer and its virtual network.
fn start(customer: &Customer) -> Result<[Probes; 2]> {
    let Customer { router, vnet, .. } = customer;
    let start = |from: &str, to| Probes::start(router, &[from.to_owned()], vnet, to);
    Ok([start(LAN.1, VNET.1)?, start(LAN_V6.1, VNET_V6.1)?])
}

#[test]
fn a_port_that_returns_is_routed_by_again() -> Result<()> {
    if !root_or_skip("a_port_that_returns_is_routed_by_again") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(1)?;
    let daemon = exchange.start(&exchange.static_config())?;
    let probes = start(&exchange.customers[0])?;
    probes.iter().try_for_each(Probes::wait_until_whole)?;
    for port in ["core0", "customer0"] {
        let other = NetNs::new()?;
        let path = other.path();
        exchange.edge.output("ip", &["link", "set", port, "netns", &path.to_string_lossy()])?;
        let path = exchange.edge.path();
        other.output("ip", &["link", "set", port, "netns", &path.to_string_lossy()])?;
        exchange.edge.output("ip", &["link", "set", port, "addrgenmode", "none", "up"])?;
        probes.iter().try_for_each(Probes::wait_until_whole)?;
    }
    daemon.stop()?;
    exchange.detach()
}

#[test]
fn neighbours_learn_of_other_mac_addresses_at_once() -> Result<()> {
    if !root_or_skip("neighbours_learn_of_other_mac_addresses_at_once") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(1)?;
    let customer = &exchange.customers[0];
    for ns in [&customer.router, &customer.vnet] {
        // They don't look for a while whether a neighbour still has the MAC address that it had.
        for family in ["ipv4", "ipv6"] {
            let parameter = |name: &str| format!("net.{family}.neigh.eth0.{name}");
            ns.sysctl(&parameter("base_reachable_time_ms"), "3600000")?;
            ns.sysctl(&parameter("delay_first_probe_time"), "3600")?;
        }
    }
    let config = exchange.static_config();
    let daemon = exchange.start(&config)?;
    let probes = start(customer)?;
    probes.iter().try_for_each(Probes::wait_until_whole)?;
    daemon.stop()?;
    // MAC addresses have a number of the edge's name.
    let daemon = exchange.start(&config.edge("name", "another"))?;
    probes.iter().try_for_each(Probes::wait_until_whole)?;
    daemon.stop()?;
    exchange.detach()
}
