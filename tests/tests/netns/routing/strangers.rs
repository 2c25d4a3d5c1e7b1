//! Interfaces that others give the names of the router's own. They are left alone, the effect is told by status and health,
//! and all is well again when they are gone.

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    daemon::status,
    exchange::{Exchange, ExchangeDaemon as _, LAN, VNET, wait_for_way},
    speaker::wait,
};
use edge_user::lab::{private_mounts, root_or_skip};

/// The interface to the routing namespace, and the namespace.
const ROUTER: &str = "edge-routing";

/// Faults of the router as a whole, and of its domains.
fn faults() -> Result<Vec<String>> {
    let status = status()?;
    let domains = status.domains.into_iter().filter_map(|domain| domain.fault);
    Ok(status.router_faults.into_iter().chain(domains).collect())
}

/// Commands of `ip -batch` that have a stranger's interface take a name, in one go.
fn taken(name: &str) -> String {
    format!("link del {name}\nlink add {name} type veth peer name stranger\n")
}

fn wait_for_fault(text: &str) -> Result<()> {
    wait(|| Ok(faults()?.iter().any(|fault| fault.contains(text)).then_some(())))
        .with_context(|| format!("waiting for {text:?}: {:?}", faults()))
}

#[test]
fn an_interface_with_the_routers_name_is_left_alone_and_told() -> Result<()> {
    if !root_or_skip("an_interface_with_the_routers_name_is_left_alone_and_told") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(1)?;
    let customer = exchange.customers.first().context("a customer")?;
    let daemon = exchange.start(&exchange.static_config())?;
    wait_for_way(customer, LAN.1, VNET.1)?;
    ensure!(faults()?.is_empty(), "{:?}", faults());

    let batch = tempfile::NamedTempFile::new()?;
    std::fs::write(batch.path(), taken(ROUTER))?;
    let batch = batch.path().to_str().context("a path in UTF-8")?;
    exchange.edge.output("ip", &["-batch", batch])?;
    wait_for_fault("there is an interface edge-routing that edge did not make")?;
    wait_for_fault("the interface edge-routing to the routing namespace is missing")?;
    let shown = exchange.edge.output("ip", &["-d", "link", "show", ROUTER])?;
    ensure!(shown.contains("veth") && !shown.contains("xdp"), "{shown}");
    let shown = exchange.edge(&["status"])?;
    let told = |line: &str| {
        line.starts_with("! router: ") && line.contains("there is an interface edge-routing")
    };
    ensure!(shown.lines().any(told), "{shown}");

    exchange.edge.output("ip", &["link", "del", ROUTER])?;
    wait(|| Ok(faults()?.is_empty().then_some(()))).with_context(|| format!("{:?}", faults()))?;
    wait_for_way(customer, LAN.1, VNET.1)?;
    daemon.stop()?;
    exchange.detach()
}

#[test]
fn a_device_with_the_name_of_a_links_own_is_told() -> Result<()> {
    if !root_or_skip("a_device_with_the_name_of_a_links_own_is_told") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(2)?;
    let customer = exchange.customers.first().context("a customer")?;
    let daemon = exchange.start(&exchange.static_config())?;
    wait_for_way(customer, LAN.1, VNET.1)?;
    let domain = || -> Result<_> {
        Ok(status()?.domains.into_iter().find(|it| it.circuit == customer.circuit()))
    };
    ensure!(domain()?.context("its domain")?.fault.is_none(), "{:?}", faults());

    let devices = exchange.edge.output("ip", &["-n", ROUTER, "-o", "link", "show"])?;
    let device = devices
        .split_whitespace()
        .find_map(|word| word.strip_suffix("@pr:"))
        .with_context(|| format!("a device of a link in {devices}"))?;
    let batch = tempfile::NamedTempFile::new()?;
    std::fs::write(batch.path(), taken(device))?;
    let batch = batch.path().to_str().context("a path in UTF-8")?;
    exchange.edge.output("ip", &["-n", ROUTER, "-batch", batch])?;
    wait_for_fault(&format!(
        "the device of a link fails, so that it may carry no sessions: {device}"
    ))?;

    exchange.edge.output("ip", &["-n", ROUTER, "link", "del", device])?;
    wait(|| Ok(faults()?.is_empty().then_some(()))).with_context(|| format!("{:?}", faults()))?;
    for customer in &exchange.customers {
        wait_for_way(customer, LAN.1, VNET.1)?;
    }
    daemon.stop()?;
    exchange.detach()
}
