//! Customers with the same addresses, without a routing daemon.

use anyhow::{Context as _, Result, ensure};
use edge_tests::exchange::{
    Exchange, ExchangeDaemon as _, LAN, LAN_V6, LINK, VNET, VNET_V6, pings, wait_for_way,
};
use edge_user::lab::{private_mounts, root_or_skip};

#[test]
fn customers_with_the_same_addresses_reach_their_own_networks_alone() -> Result<()> {
    if !root_or_skip("customers_with_the_same_addresses_reach_their_own_networks_alone") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(2)?;
    let daemon = exchange.start(&exchange.static_config())?;
    for customer in &exchange.customers {
        wait_for_way(customer, LAN.1, VNET.1)?;
        wait_for_way(customer, LAN_V6.1, VNET_V6.1)?;
    }
    let [one, other] = &exchange.customers[..] else { anyhow::bail!("two customers") };
    for (customer, idle) in [(one, other), (other, one)] {
        let before = [exchange.at_vnet(idle)?, exchange.at_customer(idle)?];
        let own = exchange.at_vnet(customer)?.frames;
        assert_eq!(customer.pings(20, LAN.1, VNET.1)?, 20);
        assert_eq!(customer.pings(20, LAN_V6.1, VNET_V6.1)?, 20);
        ensure!(exchange.at_vnet(customer)?.frames >= own + 40);
        // Neighbours ask for each other now and then, in frames that carry no packet of the other customer.
        let after = [exchange.at_vnet(idle)?, exchange.at_customer(idle)?];
        for (before, after) in before.iter().zip(after) {
            ensure!(after.frames - before.frames <= 4, "{before:?} {after:?}");
        }
    }
    // The edge answers for its own address, and not for one that it has on another side.
    assert_eq!(one.pings(3, LINK.0, LINK.1)?, 3);
    assert_eq!(pings(&one.vnet, 1, VNET.1, LAN.1)?, 1);
    daemon.stop()?;
    exchange.detach().context("detaching")
}
