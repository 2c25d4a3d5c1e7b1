//! Devices are brought to what is wanted, and nothing else is touched.

use std::{io, path::Path, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::{check, check_idle, device, devices, in_a_place, open, set, wait_for};
use crate::routing::devices::{
    InterfaceAddress, RouterMac, RoutingNamespace, RoutingSettings, WantedDevice, WantedDevices,
    error::DevicesError,
    inventory::{FoundDevice, Inventory},
    settings::DIRECTORY,
};

/// Long enough for the kernel to tell what it tells later: of carriers, it tells once a second
/// (`linkwatch_schedule_work` in `net/core/link_watch.c`).
const QUIET: Duration = Duration::from_millis(1_500);

/// The kernel's messages about changes to interfaces and addresses.
struct Events(Socket);

impl Events {
    fn of(namespace: &RoutingNamespace) -> Result<Self> {
        // RTMGRP_LINK, RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR of linux/rtnetlink.h.
        const GROUPS: u32 = 1 | 0x10 | 0x100;
        let socket = namespace.inner.0.run(|| {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, GROUPS))?;
            socket.set_non_blocking(true)?;
            Ok(socket)
        })?;
        Ok(Self(socket))
    }

    /// The same, once what the kernel tells later of earlier changes has been told.
    fn after_quiet(namespace: &RoutingNamespace) -> Result<Self> {
        let events = Self::of(namespace)?;
        wait_for("quiet", || {
            let is_up = |device: &FoundDevice| !device.is_up || device.has_carrier;
            let all_up = namespace.inventory()?.devices.values().all(is_up);
            thread::sleep(QUIET);
            // An error tells of more changes than there is room for.
            Ok(events.interfaces().is_ok_and(|changed| changed.is_empty()) && all_up)
        })?;
        Ok(events)
    }

    /// The kernel's indices of the interfaces that were changed, as far as it has told.
    fn interfaces(&self) -> Result<Vec<u32>> {
        let mut found = Vec::new();
        loop {
            let mut bytes = Vec::with_capacity(1 << 16);
            match self.0.recv(&mut bytes, libc::MSG_DONTWAIT) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(found),
                received => received.context("hearing of changes")?,
            };
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&bytes)?;
            let NetlinkPayload::InnerMessage(message) = message.payload else { continue };
            if let RouteNetlinkMessage::NewLink(link) | RouteNetlinkMessage::DelLink(link) = message
            {
                found.push(link.header.index);
            } else if let RouteNetlinkMessage::NewAddress(address)
            | RouteNetlinkMessage::DelAddress(address) = message
            {
                found.push(address.header.index);
            }
        }
    }
}

#[test]
fn hundreds_of_devices_have_the_same_addresses() -> Result<()> {
    in_a_place("hundreds_of_devices_have_the_same_addresses", |place| {
        let mut namespace = open()?;
        let wanted = devices(1..=300);
        let done = namespace.reconcile(&wanted)?;
        check(&done)?;
        assert_eq!(done.made, set(1..=300));
        assert_eq!(done.ifindexes.len(), 300);
        assert!(done.stale_tables.is_empty() && done.foreign.is_empty());

        // As programs other than edge see them.
        let shown = place.ip("-d -o link show r300")?;
        for part in ["02:ed:07:00:01:2c", "macvlan mode private", "mtu 1500", "LOWER_UP", "@pr"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        for index in [1, 150, 300] {
            let shown = place.ip(&format!("-o address show dev r{index}"))?;
            assert_eq!(shown.lines().count(), 3, "{shown}");
            let mac = RouterMac::new(7, index).context("room")?;
            for address in ["192.168.15.18/30", "2001:db8::2/126", &mac.link_local().to_string()] {
                assert!(shown.contains(address), "{address}: {shown}");
            }
            assert!(!shown.contains("tentative") && !shown.contains("dadfailed"), "{shown}");
        }

        let events = Events::after_quiet(&namespace)?;
        let before = namespace.inventory()?;
        let again = namespace.reconcile(&wanted)?;
        check_idle(&again)?;
        assert_eq!(again.ifindexes, done.ifindexes);
        // The next edge finds them as they are.
        drop(namespace);
        let mut namespace = open()?;
        check_idle(&namespace.reconcile(&wanted)?)?;
        assert_eq!(namespace.inventory()?, before);
        assert_eq!(events.interfaces()?, Vec::<u32>::new());
        Ok(())
    })
}

#[test]
fn a_change_to_some_devices_touches_no_other() -> Result<()> {
    in_a_place("a_change_to_some_devices_touches_no_other", |_| {
        let mut namespace = open()?;
        let done = namespace.reconcile(&devices(1..=40))?;
        check(&done)?;
        let events = Events::after_quiet(&namespace)?;
        let before = namespace.inventory()?;

        let readdressed = WantedDevice {
            v4: "10.0.0.2".parse().ok().and_then(|v4| InterfaceAddress::v4(v4, 30)),
            ..device(7)
        };
        let smaller = WantedDevice { mtu_bytes: 1400, ..device(8) };
        let disabled = WantedDevice { is_up: false, ..device(9) };
        let v4_alone = WantedDevice { v6: None, mtu_bytes: 576, ..device(10) };
        let wanted = (1..=41).filter(|index| *index != 11).map(|index| match index {
            7 => readdressed.clone(),
            8 => smaller.clone(),
            9 => disabled.clone(),
            10 => v4_alone.clone(),
            _ => device(index),
        });
        let wanted = WantedDevices::new(wanted)?;
        let changed = namespace.reconcile(&wanted)?;
        check(&changed)?;
        assert_eq!(changed.made, set([41]));
        assert_eq!(changed.changed, set([7, 8, 9, 10]));
        assert_eq!(changed.removed, set([11]));
        assert_eq!(changed.stale_tables, set([1007, 1008, 1009, 1010, 1011]));

        let touched = set([7, 8, 9, 10, 11, 41]);
        let after = namespace.inventory()?;
        for (index, device) in &before.devices {
            if !touched.contains(index) {
                assert_eq!(after.devices.get(index), Some(device), "r{index}");
            } else if *index != 11 {
                assert_eq!(changed.ifindexes[index], device.ifindex, "r{index}");
            }
        }
        let of = |index: &u32| done.ifindexes.get(index).or(changed.ifindexes.get(index)).copied();
        // The kernel tells of the interface below when one comes or goes.
        let below = namespace.pair.inner;
        let allowed: Vec<u32> = touched.iter().filter_map(of).chain([below]).collect();
        let told = events.interfaces()?;
        assert!(!told.is_empty() && told.iter().all(|one| allowed.contains(one)), "{told:?}");

        // And back, over the smallest MTU with IPv6.
        let back = namespace.reconcile(&devices(1..=40))?;
        check(&back)?;
        assert_eq!(back.changed, set([7, 8, 9, 10]));
        let back = namespace.inventory()?;
        for index in (1..=40).filter(|index| *index != 11) {
            assert_eq!(back.devices.get(&index), before.devices.get(&index));
        }
        Ok(())
    })
}

#[test]
fn what_others_have_changed_is_set_right() -> Result<()> {
    in_a_place("what_others_have_changed_is_set_right", |place| {
        let mut namespace = open()?;
        let wanted = devices(1..=8);
        let made = namespace.reconcile(&wanted)?;
        check(&made)?;
        let before = namespace.inventory()?;
        place.ip("link set r1 address 02:ed:07:00:00:99")?;
        place.ip("address del 192.168.15.18/30 dev r2")?;
        place.ip("address add 10.9.9.9/24 dev r3")?;
        place.ip("link set r4 type macvlan mode bridge")?;
        place.ip("link set r5 down")?;
        place.ip("link set r6 protodown on")?;
        place.ip("link del r7")?;
        place.ip("link set r8 down")?;
        place.ip("link set r8 name renamed")?;
        place.run("ip link set pe down mtu 1300")?;

        let healed = namespace.reconcile(&wanted)?;
        check(&healed)?;
        assert_eq!(healed.changed, set(1..=6));
        assert_eq!(healed.made, set([7, 8]));
        let is_same = |after: &Inventory| {
            (1..=6).all(|index| after.devices[&index] == before.devices[&index])
        };
        // The kernel tells the devices a little later that the pair has carrier again.
        wait_for("devices as before", || Ok(is_same(&namespace.inventory()?)))?;
        let after = namespace.inventory()?;
        assert!(after.foreign.is_empty(), "{:?}", after.foreign);
        assert!(place.run("ip -o link show pe")?.contains("mtu 1500"));
        check_idle(&namespace.reconcile(&wanted)?)
    })
}

#[test]
fn interfaces_of_others_stay_and_hold_up_no_other_device() -> Result<()> {
    in_a_place("interfaces_of_others_stay_and_hold_up_no_other_device", |place| {
        let mut namespace = open()?;
        // One has the name of a device, one is a device of the same kind, one is neither.
        place.ip("link add r2 type veth peer name other1")?;
        place.ip("link add r9 link pr type macvlan mode private")?;
        place.ip("link set other1 name other0")?;
        let done = namespace.reconcile(&devices(1..=3))?;
        assert_eq!(done.made, set([1, 3]));
        let foreign: Vec<&str> = done.foreign.iter().map(String::as_str).collect();
        assert_eq!(foreign, ["other0", "r2", "r9"]);
        let [failure] = done.failed.as_slice() else { anyhow::bail!("{:?}", done.failed) };
        assert_eq!(failure.name, "r2");
        let text = failure.error.to_string();
        assert!(text.contains("an interface r2 that edge did not make"), "{text}");
        assert!(text.contains("rename it or remove it"), "{text}");

        check(&namespace.reconcile(&devices([1]))?)?;
        for name in ["r2", "r9", "other0"] {
            place.ip(&format!("link show {name}"))?;
        }
        place.ip("link set r2 name other1")?;
        let done = namespace.reconcile(&devices([1, 2]))?;
        check(&done)?;
        assert_eq!(done.made, set([2]));
        Ok(())
    })
}

#[test]
fn a_device_that_the_kernel_refuses_holds_up_no_other() -> Result<()> {
    in_a_place("a_device_that_the_kernel_refuses_holds_up_no_other", |place| {
        let mut namespace = open()?;
        // The MAC address of r2 is taken, which the kernel alone sees.
        place.ip("link add taken link pr address 02:ed:07:00:00:02 type macvlan mode private")?;
        place.ip("link set taken up")?;
        let large = WantedDevice { mtu_bytes: 9000, ..device(4) };
        let wanted = WantedDevices::new([device(1), device(2), device(3), large])?;
        let done = namespace.reconcile(&wanted)?;
        let texts: Vec<String> =
            done.failed.iter().map(|one| format!("{}: {:#}", one.name, one.error)).collect();
        ensure!(texts.len() == 2, "{texts:?}");
        assert!(texts.iter().any(|text| text.starts_with("r2: ")), "{texts:?}");
        assert!(texts.iter().any(|text| text.contains("above that of the routing namespace")));
        let up = place.ip("-br link show up")?;
        for name in ["r1@pr", "r3@pr"] {
            assert!(up.contains(name), "{up}");
        }
        Ok(())
    })
}

#[test]
fn parameters_are_those_of_a_place_with_overlapping_addresses() -> Result<()> {
    in_a_place("parameters_are_those_of_a_place_with_overlapping_addresses", |place| {
        // Another's values, in a namespace that edge finds.
        place.run(&format!("ip netns add {}", super::NAME))?;
        for parameter in ["net.ipv4.conf.default.rp_filter=1", "net.ipv4.ip_forward=1"] {
            place.run(&format!("ip netns exec {} sysctl -qw {parameter}", super::NAME))?;
        }
        let mut namespace = open()?;
        check(&namespace.reconcile(&devices([1]))?)?;
        for (name, value) in [
            ("net.ipv4.ip_forward", "0"),
            ("net.ipv4.conf.all.rp_filter", "0"),
            ("net.ipv4.conf.r1.rp_filter", "0"),
            ("net.ipv4.conf.r1.arp_ignore", "1"),
            ("net.ipv4.conf.r1.arp_announce", "2"),
            ("net.ipv4.conf.r1.accept_local", "1"),
            ("net.ipv6.conf.all.forwarding", "0"),
            ("net.ipv6.conf.r1.accept_ra", "0"),
            ("net.ipv6.conf.r1.router_solicitations", "0"),
            ("net.ipv6.conf.r1.keep_addr_on_down", "1"),
            ("net.ipv6.conf.r1.accept_dad", "0"),
            ("net.ipv6.conf.r1.addr_gen_mode", "1"),
            ("net.ipv6.conf.pr.disable_ipv6", "1"),
        ] {
            assert_eq!(place.sysctl(name)?, value, "{name}");
        }
        let offloads = place.run(&format!("ip netns exec {} ethtool -k pr", super::NAME))?;
        let is = |line: &str| offloads.lines().any(|shown| shown.trim() == line);
        assert!(is("tx-checksumming: off") && is("generic-receive-offload: on"), "{offloads}");
        // Nothing but what devices send leaves by the pair.
        for (interface, shown) in [
            ("pe", place.run("ip -o address show dev pe")?),
            ("pr", place.ip("-o address show dev pr")?),
        ] {
            assert_eq!(shown, "", "{interface}");
        }
        Ok(())
    })
}

#[test]
fn two_edges_on_one_machine_know_their_interfaces_apart() -> Result<()> {
    in_a_place("two_edges_on_one_machine_know_their_interfaces_apart", |_| {
        let other = RoutingSettings::new("routing-2", "pe2", 8, 1500)?;
        let mut first = open()?;
        let mut second = RoutingNamespace::open(other.clone())?;
        check(&first.reconcile(&devices([1, 2]))?)?;
        check(&second.reconcile(&devices([1]))?)?;
        check_idle(&first.reconcile(&devices([1, 2]))?)?;

        // One interface for both, or one namespace for both, is an error and changes nothing.
        for (name, outer, part) in [
            ("routing", "pe3", "does not lead to pe3"),
            ("routing-3", "pe", "an interface pe that edge did not make"),
        ] {
            let error = RoutingNamespace::open(RoutingSettings::new(name, outer, 9, 1500)?);
            let error = error.err().context("a refusal")?;
            assert!(matches!(error, DevicesError::Busy(_)), "{error:?}");
            assert!(format!("{error:#}").contains(part), "{error:#}");
        }
        assert!(!Path::new(DIRECTORY).join("routing-3").exists());
        let gone = second.remove()?;
        assert_eq!(gone.left, Vec::<String>::new());
        check_idle(&first.reconcile(&devices([1, 2]))?)
    })
}
