//! Comparisons of devices, without a kernel.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
};

use proptest::{collection, prelude::*};

use super::EDGE;
use crate::routing::devices::{
    InterfaceAddress, RouterMac, WantedDevice, WantedDevices,
    difference::{DeviceDifference, DeviceStep, DevicesGoal},
    inventory::{FoundDevice, Inventory},
};

const MOST_MTU_BYTES: u32 = 1500;

/// A small world, so that much of it is the same twice.
fn address() -> impl Strategy<Value = InterfaceAddress> {
    prop_oneof![
        (1..4_u8).prop_map(|host| InterfaceAddress::v4(Ipv4Addr::new(10, 0, 0, host), 30)),
        (1..4_u16).prop_map(|host| {
            InterfaceAddress::v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, host].into(), 126)
        }),
    ]
    .prop_filter_map("an address", |address| address)
}

fn wanted_device() -> impl Strategy<Value = WantedDevice> {
    let own = (address(), address(), any::<bool>());
    let rest = (prop_oneof![Just(1280_u32), Just(1500), Just(9000)], any::<bool>());
    (own, rest).prop_map(|((one, other, has_both), (mtu_bytes, is_up))| {
        let both = [Some(one), has_both.then_some(other)];
        let of = |is_v4| {
            let mut both = both.into_iter().flatten();
            both.find(|address| address.address().is_ipv4() == is_v4)
        };
        WantedDevice {
            index: 0,
            table: 1000,
            v4: of(true),
            v6: of(false),
            link_local: None,
            mtu_bytes,
            is_up,
        }
    })
}

fn found_device() -> impl Strategy<Value = FoundDevice> {
    let mac = prop_oneof![Just(None), any::<[u8; 6]>().prop_map(Some)];
    let flags = any::<[bool; 4]>();
    let mtu_bytes = prop_oneof![Just(1280_u32), Just(1500)];
    (mac, mtu_bytes, flags, collection::btree_set(address(), 0..3)).prop_map(
        |(mac, mtu_bytes, [is_in_mode, is_up, is_proto_down, has_carrier], addresses)| {
            FoundDevice {
                ifindex: 0,
                mac: mac.map_or(Vec::new(), |mac| mac.to_vec()),
                mtu_bytes,
                is_in_mode,
                is_up,
                is_proto_down,
                has_carrier,
                addresses,
            }
        },
    )
}

fn inventory() -> impl Strategy<Value = Inventory> {
    let devices = collection::btree_map(0..12_u32, found_device(), 0..10);
    let foreign = collection::btree_set((0..12_u32).prop_map(|index| format!("r{index}")), 0..2);
    (devices, foreign, any::<bool>()).prop_map(|(mut devices, foreign, has_condemned)| {
        for (index, device) in &mut devices {
            device.ifindex = 100 + *index;
            if device.mac.is_empty() {
                device.mac = mac(*index).bytes().to_vec();
            }
        }
        devices.retain(|index, _| !foreign.contains(&format!("r{index}")));
        Inventory { devices, strays: vec![99], has_condemned, foreign }
    })
}

fn wanted() -> impl Strategy<Value = WantedDevices> {
    collection::btree_map(0..12_u32, wanted_device(), 0..10).prop_map(|devices| {
        let devices = devices.into_iter().map(|(index, device)| WantedDevice { index, ..device });
        WantedDevices::new(devices).expect("devices that can be")
    })
}

fn mac(index: u32) -> RouterMac {
    RouterMac::new(EDGE, index).expect("room")
}

/// Takes the steps as the kernel does.
fn take(found: &mut Inventory, difference: &DeviceDifference) {
    found.has_condemned = false;
    found.strays.clear();
    let unwanted: BTreeSet<u32> = difference.unwanted.iter().map(|(_, ifindex)| *ifindex).collect();
    found.devices.retain(|_, device| !unwanted.contains(&device.ifindex));
    for task in &difference.tasks {
        for step in &task.steps {
            if let DeviceStep::Make(mac) = *step {
                assert!(task.ifindex.is_none() && !found.devices.contains_key(&task.index));
                let device = FoundDevice {
                    ifindex: 200 + task.index,
                    mac: mac.bytes().to_vec(),
                    mtu_bytes: 1400,
                    is_in_mode: true,
                    has_carrier: true,
                    ..FoundDevice::default()
                };
                found.devices.insert(task.index, device);
                continue;
            }
            let device = found.devices.get_mut(&task.index).expect("a device");
            assert_eq!(task.ifindex, Some(device.ifindex));
            match *step {
                DeviceStep::Make(_) => unreachable!("made above"),
                DeviceStep::SetMac(mac) => device.mac = mac.bytes().to_vec(),
                DeviceStep::SetMtu(mtu_bytes) => device.mtu_bytes = mtu_bytes,
                DeviceStep::SetMode => device.is_in_mode = true,
                DeviceStep::RemoveAddress(address) => {
                    assert!(device.addresses.remove(&address));
                }
                DeviceStep::AddAddress(address) => assert!(device.addresses.insert(address)),
                DeviceStep::SetProtoDown(is_cut) => {
                    assert_ne!(device.is_proto_down, is_cut);
                    device.is_proto_down = is_cut;
                    device.has_carrier = !is_cut;
                }
                DeviceStep::SetUp(is_up) => {
                    assert_ne!(device.is_up, is_up);
                    device.is_up = is_up;
                }
            }
        }
    }
}

fn is_as_wanted(device: &FoundDevice, wanted: &WantedDevice, is_cut: bool) -> bool {
    let mac = mac(wanted.index);
    device.mac == mac.bytes()
        && device.mtu_bytes == wanted.mtu_bytes
        && device.is_in_mode
        && device.is_up == wanted.is_up
        && device.is_proto_down == is_cut
        && !(is_cut && device.has_carrier)
        && device.addresses == wanted.addresses(mac)
}

proptest! {
    #[test]
    fn two_comparisons_bring_any_devices_to_any_others(
        mut found in inventory(),
        wanted in wanted(),
        without_carrier in collection::btree_set(0..12_u32, 0..4),
    ) {
        let goal = DevicesGoal {
            wanted: &wanted,
            edge: EDGE,
            mtu_bytes: MOST_MTU_BYTES,
            without_carrier: &without_carrier,
        };
        let first = found.clone();
        take(&mut found, &DeviceDifference::between(&first, &goal));
        let second = DeviceDifference::between(&found, &goal);
        take(&mut found, &second);
        let last = DeviceDifference::between(&found, &goal);
        prop_assert!(last.is_empty(), "{last:?}");

        let impossible: BTreeMap<u32, String> =
            last.impossible.iter().map(|(index, error)| (*index, error.to_string())).collect();
        for device in wanted.iter() {
            let index = device.index;
            if device.mtu_bytes > MOST_MTU_BYTES {
                let known = found.devices.get(&index);
                prop_assert_eq!(known, first.devices.get(&index), "touched in part");
                prop_assert!(impossible.contains_key(&index));
            } else if first.foreign.contains(&device.name()) {
                prop_assert!(impossible[&index].contains("did not make"));
            } else {
                let is_cut = without_carrier.contains(&index);
                prop_assert!(is_as_wanted(&found.devices[&index], device, is_cut));
                prop_assert!(!impossible.contains_key(&index));
            }
        }
        // None is made anew, none is touched that was as it is wanted, and none is left.
        for (index, device) in &first.devices {
            let Some(known) = wanted.get(*index) else {
                prop_assert!(!found.devices.contains_key(index));
                continue;
            };
            prop_assert_eq!(found.devices[index].ifindex, device.ifindex);
            if is_as_wanted(device, known, without_carrier.contains(index)) {
                prop_assert!(second.tasks.iter().all(|task| task.index != *index));
                prop_assert_eq!(&found.devices[index], device);
            }
        }
    }
}
