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
