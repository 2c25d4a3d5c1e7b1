//! A port loses its carrier, and the devices on it theirs.

use anyhow::Result;

use super::{check, check_idle, device, devices, in_a_place, open, set, wait_for};
use crate::routing::devices::{WantedDevice, WantedDevices};

#[test]
fn a_device_without_carrier_keeps_addresses_and_routes() -> Result<()> {
    in_a_place("a_device_without_carrier_keeps_addresses_and_routes", |place| {
        let mut namespace = open()?;
        let wanted = devices(1..=4);
        check(&namespace.reconcile(&wanted)?)?;
        place.ip("route add 10.0.0.0/8 via 192.168.15.17 dev r2 table 1002")?;
        place.ip("-6 route add 2001:db8:1::/48 via 2001:db8::1 dev r2 table 1002")?;
        let addresses = |name: &str| place.ip(&format!("-br address show dev {name}"));
        let routes = || -> Result<String> {
            Ok(place.ip("route show table 1002")? + &place.ip("-6 route show table 1002")?)
        };
        let count =
            |text: &str, word: &str| text.split_whitespace().filter(|one| *one == word).count();
        let words = |text: String| -> Vec<String> {
            text.split_whitespace().skip(2).map(str::to_owned).collect()
        };
        let (before, routes_before) = (words(addresses("r2")?), routes()?);
        assert_eq!(before.len(), 3, "{before:?}");

        let cut = namespace.set_carrier(&set([2, 3]), false)?;
        assert_eq!((cut.changed, cut.stale_tables), (set([2, 3]), set([1002, 1003])));
        assert!(cut.failed.is_empty(), "{:?}", cut.failed);
        for (name, is_cut) in [("r1", false), ("r2", true), ("r3", true), ("r4", false)] {
            assert_eq!(place.has_carrier(name)?, !is_cut, "{name}");
        }
        assert_eq!(words(addresses("r2")?), before);
        wait_for("routes that are marked", || Ok(count(&routes()?, "linkdown") == 2))?;
        // A comparison doesn't give it back, and doesn't see a difference in it.
        check_idle(&namespace.reconcile(&wanted)?)?;

        let back = namespace.set_carrier(&set([2, 3]), true)?;
        assert_eq!((back.changed, back.stale_tables), (set([2, 3]), set([1002, 1003])));
        assert!(place.has_carrier("r2")?);
        assert_eq!(words(addresses("r2")?), before);
        wait_for("routes as before", || Ok(routes()? == routes_before))?;
        check_idle(&namespace.reconcile(&wanted)?)
    })
}

#[test]
fn a_disabled_device_keeps_its_addresses() -> Result<()> {
    in_a_place("a_disabled_device_keeps_its_addresses", |place| {
        let mut namespace = open()?;
        check(&namespace.reconcile(&devices([1]))?)?;
        let before = namespace.inventory()?.devices[&1].addresses.clone();
        let wanted = WantedDevices::new([WantedDevice { is_up: false, ..device(1) }])?;
        check(&namespace.reconcile(&wanted)?)?;
        let down = &namespace.inventory()?.devices[&1];
        assert!(!down.is_up);
        assert_eq!((down.addresses.len(), &down.addresses), (3, &before));
        check_idle(&namespace.reconcile(&wanted)?)?;
        check(&namespace.reconcile(&devices([1]))?)?;
        assert_eq!(namespace.inventory()?.devices[&1].addresses, before);
        let routes = place.ip("-6 route show dev r1")?;
        assert!(routes.contains("2001:db8::/126") && routes.contains("fe80::/64"), "{routes}");
        Ok(())
    })
}

#[test]
fn carrier_is_remembered_for_devices_to_come() -> Result<()> {
    in_a_place("carrier_is_remembered_for_devices_to_come", |place| {
        let mut namespace = open()?;
        let early = namespace.set_carrier(&set([1]), false)?;
        assert!(early.changed.is_empty() && early.failed.is_empty());
        check(&namespace.reconcile(&devices([1, 2]))?)?;
        assert!(!place.has_carrier("r1")? && place.has_carrier("r2")?);
        // The next edge learns of its ports anew.
        drop(namespace);
        let mut namespace = open()?;
        namespace.set_carrier(&set([2]), false)?;
        let done = namespace.reconcile(&devices([1, 2]))?;
        check(&done)?;
        assert_eq!((done.changed, done.stale_tables), (set([1, 2]), set([1001, 1002])));
        assert!(place.has_carrier("r1")? && !place.has_carrier("r2")?);
        Ok(())
    })
}

#[test]
fn carrier_that_the_kernel_gives_back_is_taken_again() -> Result<()> {
    in_a_place("carrier_that_the_kernel_gives_back_is_taken_again", |place| {
        let mut namespace = open()?;
        let wanted = devices([1, 2]);
        check(&namespace.reconcile(&wanted)?)?;
        namespace.set_carrier(&set([1]), false)?;
        // A change to the interface below has the kernel give it to all devices.
        place.run("ip link set pe down")?;
        let has_carrier = || -> Result<bool> { Ok(namespace.inventory()?.devices[&1].has_carrier) };
        place.run("ip link set pe up")?;
        wait_for("the kernel's carrier", has_carrier)?;
        let done = namespace.reconcile(&wanted)?;
        check(&done)?;
        assert_eq!(done.changed, set([1]));
        assert!(!namespace.inventory()?.devices[&1].has_carrier);
        assert!(namespace.inventory()?.devices[&2].has_carrier);
        Ok(())
    })
}
