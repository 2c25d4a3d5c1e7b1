//! All that edge made is removed, and only that.

use std::process::{Child, Command};

use anyhow::{Context as _, Result};

use super::{NAME, check, device, devices, in_a_place, open, settings, wait_for};
use crate::routing::devices::{RoutingNamespace, Teardown, WantedDevices, tear_down};

/// A process in the routing namespace, which ends with this value.
struct Inhabitant(Child);

impl Inhabitant {
    fn new(namespace: &RoutingNamespace) -> Result<Self> {
        let child = namespace.inner.0.run(|| Ok(Command::new("sleep").arg("600").spawn()?))?;
        Ok(Self(child))
    }
}

impl Drop for Inhabitant {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn all_that_edge_made_goes() -> Result<()> {
    in_a_place("all_that_edge_made_goes", |place| {
        let links = || place.run("ip -o link");
        let before = links()?;
        let mut namespace = open()?;
        check(&namespace.reconcile(&devices(1..=50))?)?;
        let gone = namespace.remove()?;
        assert_eq!(gone, Teardown { has_removed: true, left: Vec::new() });
        assert_eq!(links()?, before);
        assert_eq!(place.run("ip netns list")?, "");
        assert!(!settings().path().exists());
        // By another process, which finds nothing more.
        assert_eq!(tear_down(&settings())?, Teardown::default());
        Ok(())
    })
}

#[test]
fn another_process_removes_what_an_edge_left() -> Result<()> {
    in_a_place("another_process_removes_what_an_edge_left", |place| {
        let mut namespace = open()?;
        check(&namespace.reconcile(&devices(1..=5))?)?;
        drop(namespace);
        assert!(tear_down(&settings())?.left.is_empty());
        assert_eq!(place.run("ip -o link show type veth")?, "");
        assert_eq!(place.run("ip netns list")?, "");
        // An interface that was renamed leads there all the same.
        drop(open()?);
        place.run("ip link set pe down name other")?;
        assert!(tear_down(&settings())?.left.is_empty());
        assert_eq!(place.run("ip -o link show type veth")?, "");
        Ok(())
    })
}

#[test]
fn a_namespace_with_things_of_others_stays_with_them() -> Result<()> {
    in_a_place("a_namespace_with_things_of_others_stays_with_them", |place| {
        let mut namespace = open()?;
        check(&namespace.reconcile(&devices(1..=5))?)?;
        place.ip("link add other0 type veth peer name other1")?;
        let inhabitant = Inhabitant::new(&namespace)?;
        let number = inhabitant.0.id();
        let left = namespace.remove()?.left;
        let expected = format!(
            "the network namespace {NAME} stays: it has other interfaces: other1 \
             other0, and processes run \
             in it: {number}"
        );
        assert_eq!(left, [expected]);
        let links = place.ip("-o link")?;
        assert_eq!(links.lines().count(), 3, "{links}");

        // Once they are gone, the next one removes it, as it is still edge's.
        drop(inhabitant);
        place.ip("link del other0")?;
        assert_eq!(open()?.remove()?.left, Vec::<String>::new());
        assert_eq!(place.run("ip netns list")?, "");
        Ok(())
    })
}

#[test]
fn a_namespace_that_edge_found_stays() -> Result<()> {
    in_a_place("a_namespace_that_edge_found_stays", |place| {
        place.run(&format!("ip netns add {NAME}"))?;
        let mut namespace = open()?;
        check(&namespace.reconcile(&devices(1..=5))?)?;
        let gone = namespace.remove()?;
        assert!(gone.has_removed);
        assert_eq!(
            gone.left,
            [format!("the network namespace {NAME} stays: edge did not make it")]
        );
        assert_eq!(place.ip("-o link")?.lines().count(), 1);
        Ok(())
    })
}

#[test]
fn an_interface_of_edges_name_that_edge_did_not_make_stays() -> Result<()> {
    in_a_place("an_interface_of_edges_name_that_edge_did_not_make_stays", |place| {
        place.run("ip link add pe type veth peer name other")?;
        let error = open().err().context("a refusal")?;
        assert!(format!("{error:#}").contains("rename it, or give edge another name"), "{error:#}");
        let gone = tear_down(&settings())?;
        assert_eq!(gone.left, ["the interface pe stays: edge did not make it"]);
        assert!(!gone.has_removed);
        assert_eq!(place.run("ip -o link show type veth")?.lines().count(), 2);
        // A test leaves no pair.
        place.run("ip link del pe")?;
        Ok(())
    })
}

#[test]
fn devices_go_one_by_one_and_all_at_once() -> Result<()> {
    in_a_place("devices_go_one_by_one_and_all_at_once", |place| {
        let mut namespace = open()?;
        check(&namespace.reconcile(&devices(1..=60))?)?;
        let done = namespace.reconcile(&devices(1..=59))?;
        check(&done)?;
        assert_eq!(done.removed.len(), 1);
        let done = namespace.reconcile(&WantedDevices::new([device(7)])?)?;
        check(&done)?;
        assert_eq!(done.removed.len(), 58);
        let done = namespace.reconcile(&WantedDevices::default())?;
        check(&done)?;
        assert_eq!(done.removed.len(), 1);
        wait_for("no device", || Ok(place.ip("-o link show type macvlan")?.is_empty()))
    })
}
