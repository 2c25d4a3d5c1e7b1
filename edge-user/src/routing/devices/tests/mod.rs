//! The routing namespace on this kernel. Names and mounts are in a mount namespace of each test's
//! own, so that even a test that fails leaves nothing.

mod carrier;
mod crash;
mod devices;
mod difference;
mod namespace;
mod sockets;
mod teardown;

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
    panic, thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    lab::{NetNs, private_mounts, root_or_skip},
    routing::devices::{
        InterfaceAddress, Reconciled, RoutingNamespace, RoutingSettings, WantedDevice,
        WantedDevices, inventory::Inventory,
    },
};

/// The name of the routing namespace.
const NAME: &str = "routing";
/// The interface that leads there.
const OUTER: &str = "pe";
/// The number of the edge.
const EDGE: u8 = 7;
/// Longer than any wait that is not for ever.
const PATIENCE: Duration = Duration::from_mins(2);

/// The namespace of an edge, as a test sees it.
struct Place<'a> {
    ns: &'a NetNs,
}

/// Runs a test in a namespace for an edge, with mounts of its own.
fn in_a_place(test: &str, work: impl FnOnce(&Place<'_>) -> Result<()> + Send) -> Result<()> {
    if !root_or_skip(test) {
        return Ok(());
    }
    let ns = NetNs::new()?;
    let result = thread::scope(|scope| {
        let alone = scope.spawn(|| {
            private_mounts()?;
            ns.run(|| work(&Place { ns: &ns }))
        });
        alone.join()
    });
    // The mount namespace is gone, and with it the name of the routing namespace.
    wait_for("the end of the routing namespace", || {
        Ok(ns.output("ip", &["-o", "link", "show", "type", "veth"])?.is_empty())
    })?;
    result.unwrap_or_else(|panic| panic::resume_unwind(panic))
}

impl Place<'_> {
    /// Runs a command of words without spaces, and returns what it printed.
    fn run(&self, command: &str) -> Result<String> {
        let mut words = command.split(' ');
        let program = words.next().context("a command")?;
        self.ns.output(program, &words.collect::<Vec<_>>())
    }

    /// Runs `ip` in the routing namespace.
    fn ip(&self, arguments: &str) -> Result<String> {
        self.run(&format!("ip -n {NAME} {arguments}"))
    }

    /// Whether a device has carrier, as other programs see it.
    fn has_carrier(&self, device: &str) -> Result<bool> {
        Ok(self.ip(&format!("-o link show {device}"))?.contains("LOWER_UP"))
    }

    /// The value of a parameter of the routing namespace.
    fn sysctl(&self, name: &str) -> Result<String> {
        let value = self.run(&format!("ip netns exec {NAME} sysctl -n {name}"))?;
        Ok(value.trim().to_owned())
    }
}

fn settings() -> RoutingSettings {
    RoutingSettings::new(NAME, OUTER, EDGE, 1500).expect("names")
}

fn open() -> Result<RoutingNamespace> {
    Ok(RoutingNamespace::open(settings())?)
}

/// A device with the addresses that all others have, too.
fn device(index: u32) -> WantedDevice {
    WantedDevice {
        index,
        table: 1000 + index,
        v4: InterfaceAddress::v4(Ipv4Addr::new(192, 168, 15, 18), 30),
        v6: InterfaceAddress::v6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2), 126),
        link_local: None,
        mtu_bytes: 1500,
        is_up: true,
    }
}

fn devices(indices: impl IntoIterator<Item = u32>) -> WantedDevices {
    WantedDevices::new(indices.into_iter().map(device)).expect("devices")
}

/// All is as it was wanted.
fn check(done: &Reconciled) -> Result<()> {
    ensure!(done.failed.is_empty(), "{:?}", done.failed);
    Ok(())
}

/// Nothing was to be done.
fn check_idle(done: &Reconciled) -> Result<()> {
    check(done)?;
    ensure!(done.made.is_empty() && done.changed.is_empty() && done.removed.is_empty(), "{done:?}");
    Ok(())
}

impl RoutingNamespace {
    fn inventory(&self) -> Result<Inventory> {
        Ok(Inventory::read(&self.inner.1, self.pair.inner, self.mark)?)
    }
}

fn set(indices: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
    indices.into_iter().collect()
}

fn wait_for(what: &str, is_so: impl Fn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        ensure!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[test]
fn a_test_that_fails_leaves_nothing() {
    let result = in_a_place("a_test_that_fails_leaves_nothing", |_| {
        let mut namespace = open()?;
        check(&namespace.reconcile(&devices([1]))?)?;
        anyhow::bail!("a failure")
    });
    if let Err(error) = result {
        assert_eq!(error.to_string(), "a failure");
    }
    assert!(!settings().path().exists());
}
