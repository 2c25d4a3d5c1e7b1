//! The steps from the devices that there are to those that are wanted.

use std::collections::BTreeSet;

use crate::routing::devices::{
    address::InterfaceAddress,
    error::DevicesError,
    inventory::{FoundDevice, Inventory},
    router_mac::RouterMac,
    wanted::{WantedDevice, WantedDevices},
};

/// The aim of all steps.
#[derive(Clone, Copy)]
pub(super) struct DevicesGoal<'a> {
    /// The devices.
    pub(super) wanted: &'a WantedDevices,
    /// The number of the edge, which is in every MAC address.
    pub(super) edge: u8,
    /// The largest MTU of any device.
    pub(super) mtu_bytes: u32,
    /// Peering-links whose port has no carrier.
    pub(super) without_carrier: &'a BTreeSet<u32>,
}

impl DevicesGoal<'_> {
    /// The MAC address of a device. [`WantedDevices`] has none without room for its index.
    pub(super) fn mac(&self, device: &WantedDevice) -> Option<RouterMac> {
        RouterMac::new(self.edge, device.index)
    }
}

/// A step with one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeviceStep {
    /// Makes it, down and without an address.
    Make(RouterMac),
    SetMac(RouterMac),
    SetMtu(u32),
    SetMode,
    RemoveAddress(InterfaceAddress),
    AddAddress(InterfaceAddress),
    /// Takes its carrier away, or gives it back.
    SetProtoDown(bool),
    SetUp(bool),
}

impl DeviceStep {
    /// Whether the kernel may take routes out of tables for it, or mark them as dead: it tells
    /// nobody.
    fn touches_routes(self) -> bool {
        match self {
            Self::Make(_) | Self::SetMac(_) | Self::SetMode | Self::AddAddress(_) => false,
            Self::SetMtu(_) | Self::RemoveAddress(_) | Self::SetProtoDown(_) | Self::SetUp(_) => {
                true
            }
        }
    }
}

/// The steps with one device, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DeviceTask {
    /// The peering-link.
    pub(super) index: u32,
    /// The kernel's index of the device; `None`: it is to be made.
    pub(super) ifindex: Option<u32>,
    /// The steps.
    pub(super) steps: Vec<DeviceStep>,
}

impl DeviceTask {
    /// Whether a table with routes by this device has to be read again afterwards.
    pub(super) fn touches_routes(&self) -> bool {
        self.steps.iter().any(|step| step.touches_routes())
    }
}

/// All that differs.
#[derive(Debug, Default)]
pub(super) struct DeviceDifference {
    /// Devices that nobody wants: the peering-link, if any, and the kernel's index.
    pub(super) unwanted: Vec<(Option<u32>, u32)>,
    /// Whether an earlier removal was cut short.
    pub(super) has_condemned: bool,
    /// Steps with devices that are wanted.
    pub(super) tasks: Vec<DeviceTask>,
    /// Devices that can't be as they are wanted, by their peering-links.
    pub(super) impossible: Vec<(u32, DevicesError)>,
}

impl DeviceDifference {
    /// Compares. A device that is to be made needs a second comparison once it is there.
    pub(super) fn between(found: &Inventory, goal: &DevicesGoal<'_>) -> Self {
        let mut difference = Self { has_condemned: found.has_condemned, ..Self::default() };
        difference.unwanted.extend(found.strays.iter().map(|ifindex| (None, *ifindex)));
        let known = found.devices.iter();
        let unwanted = known.filter(|(index, _)| goal.wanted.get(**index).is_none());
        difference.unwanted.extend(unwanted.map(|(index, one)| (Some(*index), one.ifindex)));
        for device in goal.wanted.iter() {
            let task = match found.devices.get(&device.index) {
                Some(found) => alter(found, device, goal),
                None => make(found, device, goal),
            };
            match task {
                Ok(task) if task.steps.is_empty() => {}
                Ok(task) => difference.tasks.push(task),
                Err(error) => difference.impossible.push((device.index, error)),
            }
        }
        difference
    }

    /// Whether all is as it is wanted, or can't be.
    pub(super) fn is_empty(&self) -> bool {
        self.unwanted.is_empty() && !self.has_condemned && self.tasks.is_empty()
    }
}

fn make(
    found: &Inventory,
    device: &WantedDevice,
    goal: &DevicesGoal<'_>,
) -> Result<DeviceTask, DevicesError> {
    let name = device.name();
    if found.foreign.contains(&name) {
        return Err(DevicesError::busy(format!(
            "the routing namespace has an interface {name} that edge did not make, so the \
             peering-link has no device; rename it or remove it"
        )));
    }
    let mac = check(device, goal)?;
    Ok(DeviceTask { index: device.index, ifindex: None, steps: vec![DeviceStep::Make(mac)] })
}

fn alter(
    found: &FoundDevice,
    device: &WantedDevice,
    goal: &DevicesGoal<'_>,
) -> Result<DeviceTask, DevicesError> {
    let mac = check(device, goal)?;
    let mut steps = Vec::new();
    if found.is_up && !device.is_up {
        steps.push(DeviceStep::SetUp(false));
    }
    if found.mac != mac.bytes() {
        steps.push(DeviceStep::SetMac(mac));
    }
    if !found.is_in_mode {
        steps.push(DeviceStep::SetMode);
    }
    let is_cut = goal.without_carrier.contains(&device.index);
    if found.is_proto_down && is_cut && found.has_carrier {
        // A change to the interface below has given it back.
        steps.push(DeviceStep::SetProtoDown(false));
        steps.push(DeviceStep::SetProtoDown(true));
    } else if found.is_proto_down != is_cut {
        steps.push(DeviceStep::SetProtoDown(is_cut));
    }
    if !found.is_up && device.is_up {
        steps.push(DeviceStep::SetUp(true));
    }
    // First out, then in: an address with another prefix may be in a removed one's network, and would
    // go with it as its secondary address.
    let wanted = device.addresses(mac);
    let gone = found.addresses.difference(&wanted).copied();
    steps.extend(gone.map(DeviceStep::RemoveAddress));
    // In between, as an MTU too small for IPv6 takes the IPv6 addresses away.
    if found.mtu_bytes != device.mtu_bytes {
        steps.push(DeviceStep::SetMtu(device.mtu_bytes));
    }
    let new = wanted.difference(&found.addresses).copied();
    steps.extend(new.map(DeviceStep::AddAddress));
    Ok(DeviceTask { index: device.index, ifindex: Some(found.ifindex), steps })
}

fn check(device: &WantedDevice, goal: &DevicesGoal<'_>) -> Result<RouterMac, DevicesError> {
    let WantedDevice { mtu_bytes, .. } = *device;
    if mtu_bytes > goal.mtu_bytes {
        return Err(DevicesError::invalid(format!(
            "device {}: an MTU of {mtu_bytes} is above that of the routing namespace, {}",
            device.name(),
            goal.mtu_bytes
        )));
    }
    goal.mac(device).ok_or_else(|| {
        DevicesError::invalid(format!("device {}: no MAC address has room for it", device.name()))
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, net::Ipv4Addr};

    use proptest::{collection, prelude::*};

    use super::*;

    const EDGE: u8 = 3;
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
        let foreign =
            collection::btree_set((0..12_u32).prop_map(|index| format!("r{index}")), 0..2);
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
            let devices =
                devices.into_iter().map(|(index, device)| WantedDevice { index, ..device });
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
        let unwanted: BTreeSet<u32> =
            difference.unwanted.iter().map(|(_, ifindex)| *ifindex).collect();
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
}
