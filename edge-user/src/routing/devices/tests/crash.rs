//! An edge that ends half-way leaves what the next one brings to its end.

use std::{collections::BTreeSet, fs, fs::File};

use anyhow::{Context as _, Result};
use netlink_packet_route::link::LinkAttribute;

use super::{EDGE, check, check_idle, device, devices, in_a_place, open, set, settings};
use crate::routing::devices::{
    InterfaceAddress, RoutingNamespace, WantedDevice, WantedDevices,
    apply::Workplace,
    batch::LinkChange,
    difference::{DeviceDifference, DevicesGoal},
    held_netns::HeldNetns,
    mark::Mark,
    netlink::DeviceSocket,
    netns_name, origin, pair, requests,
    settings::DIRECTORY,
};

/// Devices before: some stay, some change, some go. Devices after: some are new.
fn before() -> WantedDevices {
    devices(1..=4)
}

fn after() -> Result<WantedDevices> {
    let changed = WantedDevice {
        v4: "10.0.0.2".parse().ok().and_then(|v4| InterfaceAddress::v4(v4, 30)),
        mtu_bytes: 1400,
        ..device(2)
    };
    let disabled = WantedDevice { is_up: false, ..device(3) };
    Ok(WantedDevices::new([device(1), changed, disabled, device(5), device(6)])?)
}

/// The requests that edge would send next, without those that remove devices.
fn next_changes(namespace: &RoutingNamespace, wanted: &WantedDevices) -> Result<Vec<LinkChange>> {
    let without_carrier = BTreeSet::new();
    let goal =
        DevicesGoal { wanted, edge: EDGE, mtu_bytes: 1500, without_carrier: &without_carrier };
    let difference = DeviceDifference::between(&namespace.inventory()?, &goal);
    let workplace =
        Workplace { socket: &namespace.inner.1, lower: namespace.pair.inner, mark: namespace.mark };
    let changes = workplace.changes(&difference, &goal).into_iter().map(|(_, _, change)| change);
    Ok(changes.collect())
}

#[test]
fn a_crash_after_any_step_is_healed() -> Result<()> {
    in_a_place("a_crash_after_any_step_is_healed", |_| {
        let after = after()?;
        let mut steps = 0;
        for pass in 0.. {
            let mut namespace = open()?;
            check(&namespace.reconcile(&before())?)?;
            let r1 = namespace.inventory()?.devices[&1].clone();
            // The first steps, up to the one after which edge ends.
            let mut left = pass;
            let is_past_the_end = loop {
                let mut changes = next_changes(&namespace, &after)?;
                if changes.is_empty() {
                    break true;
                }
                changes.truncate(left);
                for result in namespace.inner.1.change_all(&changes)? {
                    result?;
                }
                left -= changes.len();
                if left == 0 {
                    break false;
                }
            };
            drop(namespace);
            let mut namespace = open()?;
            let done = namespace.reconcile(&after)?;
            check(&done)?;
            check_idle(&namespace.reconcile(&after)?)?;
            assert_eq!(
                done.ifindexes.keys().copied().collect::<BTreeSet<_>>(),
                set([1, 2, 3, 5, 6])
            );
            assert_eq!(namespace.inventory()?.devices[&1], r1);
            steps = pass;
            if is_past_the_end {
                break;
            }
        }
        // Two devices made, with three addresses and up; changes of two more.
        assert!(steps > 12, "{steps}");
        Ok(())
    })
}

#[test]
fn a_removal_that_was_cut_short_is_finished() -> Result<()> {
    in_a_place("a_removal_that_was_cut_short_is_finished", |place| {
        let mut namespace = open()?;
        let made = namespace.reconcile(&devices(1..=6))?;
        check(&made)?;
        // Edge ends after it has condemned some, of which one is wanted again.
        for index in [1, 2, 3] {
            let group = LinkAttribute::Group(namespace.mark.condemned());
            namespace.inner.1.change(requests::set(made.ifindexes[&index], group))?;
        }
        drop(namespace);
        let mut namespace = open()?;
        let done = namespace.reconcile(&devices([1, 4, 5, 6]))?;
        check(&done)?;
        assert_eq!(done.ifindexes.len(), 4);
        assert_ne!(done.ifindexes[&1], made.ifindexes[&1]);
        assert_eq!(done.ifindexes[&4], made.ifindexes[&4]);
        assert_eq!(place.ip("-o link show type macvlan")?.lines().count(), 4);
        check_idle(&namespace.reconcile(&devices([1, 4, 5, 6]))?)
    })
}

#[test]
fn a_namespace_that_was_half_made_is_made_whole() -> Result<()> {
    in_a_place("a_namespace_that_was_half_made_is_made_whole", |place| {
        // The name alone.
        fs::create_dir_all(DIRECTORY)?;
        File::create(settings().path())?;
        let namespace = open()?;
        assert!(namespace.remove()?.left.is_empty());
        // The namespace alone.
        origin::make(&settings().path())?;
        let namespace = open()?;
        assert!(namespace.remove()?.left.is_empty());
        // The pair, not set up.
        let netns = origin::make(&settings().path())?;
        let outer = DeviceSocket::open()?;
        outer.change(requests::make_pair(&requests::NewPair {
            outer: settings().outer(),
            inner: pair::INNER,
            netns: netns.raw_fd(),
            mtu_bytes: 1300,
            group: Mark::of(settings().name()).kept(),
        }))?;
        drop(netns);
        let mut namespace = open()?;
        let done = namespace.reconcile(&devices([1]))?;
        check(&done)?;
        for shown in [place.ip("-o link show pr")?, place.run("ip -o link show pe")?] {
            assert!(shown.contains("mtu 1500") && shown.contains("LOWER_UP"), "{shown}");
        }
        Ok(())
    })
}

#[test]
fn a_file_that_is_no_namespace_is_left_alone() -> Result<()> {
    in_a_place("a_file_that_is_no_namespace_is_left_alone", |_| {
        fs::create_dir_all(DIRECTORY)?;
        fs::write(settings().path(), "somebody's")?;
        let error = open().err().context("a refusal")?;
        assert!(format!("{error:#}").contains("is no network namespace"), "{error:#}");
        assert_eq!(fs::read_to_string(settings().path())?, "somebody's");
        fs::remove_file(settings().path())?;
        Ok(())
    })
}

#[test]
fn the_name_of_a_namespace_is_as_ip_has_it() -> Result<()> {
    in_a_place("the_name_of_a_namespace_is_as_ip_has_it", |place| {
        let netns = HeldNetns::new()?;
        netns_name::give(&settings().path(), &netns)?;
        place.run("ip netns add other")?;
        let listed = place.run("ip netns list")?;
        for name in ["other", super::NAME] {
            assert!(listed.lines().any(|line| line.split(' ').next() == Some(name)), "{listed}");
        }
        // Either one takes away what the other one gave.
        place.run(&format!("ip netns del {}", super::NAME))?;
        netns_name::take(&settings().path().with_file_name("other"))?;
        assert_eq!(place.run("ip netns list")?, "");
        assert_eq!(fs::read_dir(DIRECTORY)?.count(), 0);
        Ok(())
    })
}
