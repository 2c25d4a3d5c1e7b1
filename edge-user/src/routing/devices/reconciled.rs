//! Accounts of what was changed.

use std::collections::{BTreeMap, BTreeSet};

use crate::routing::devices::{
    difference::{DeviceDifference, DeviceTask},
    error::DevicesError,
    inventory::Inventory,
    netlink::is_no_device,
    wanted::device_name,
};

/// An account of [`RoutingNamespace::reconcile`](super::RoutingNamespace::reconcile).
#[derive(Debug)]
pub struct Reconciled {
    /// The state that the namespace was found in.
    pub namespace: NamespaceChange,
    /// Peering-links whose devices were made.
    pub made: BTreeSet<u32>,
    /// Peering-links whose devices were there and were changed.
    pub changed: BTreeSet<u32>,
    /// Peering-links whose devices were removed.
    pub removed: BTreeSet<u32>,
    /// Devices that are not as they are wanted. They don't hold up the others.
    pub failed: Vec<DeviceFailure>,
    /// Names of interfaces in the namespace that edge did not make, and left as they are.
    pub foreign: BTreeSet<String>,
    /// Kernel routing tables to read again: the kernel may have taken routes out of them, or marked
    /// them as dead, of which it tells nobody.
    pub stale_tables: BTreeSet<u32>,
    /// The kernel's index of each device that is there, by its peering-link.
    pub ifindexes: BTreeMap<u32, u32>,
}

/// The state in which a routing namespace was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceChange {
    /// As edge left it.
    Kept,
    /// Its name had been removed. It has its name again, and programs and devices in it went on.
    NamedAgain,
    /// The interfaces that lead there had been removed, and all devices with them: they were made
    /// anew.
    PairMadeAnew,
    /// Its name led to another namespace. All devices were made anew there, and programs in the old
    /// one have none any more: they have to be started again.
    Replaced,
}

/// A device that is not as it is wanted.
#[derive(Debug)]
pub struct DeviceFailure {
    /// Its name.
    pub name: String,
    /// The cause.
    pub error: DevicesError,
}

/// An account of [`RoutingNamespace::set_carrier`](super::RoutingNamespace::set_carrier).
#[derive(Debug, Default)]
pub struct CarrierChange {
    /// Peering-links whose devices have another carrier than before.
    pub changed: BTreeSet<u32>,
    /// Devices that did not take it.
    pub failed: Vec<DeviceFailure>,
    /// Kernel routing tables to read again: the kernel has marked routes by these devices, of which
    /// it tells nobody.
    pub stale_tables: BTreeSet<u32>,
}

impl Reconciled {
    pub(super) fn new(namespace: NamespaceChange) -> Self {
        Self {
            namespace,
            made: BTreeSet::new(),
            changed: BTreeSet::new(),
            removed: BTreeSet::new(),
            failed: Vec::new(),
            foreign: BTreeSet::new(),
            stale_tables: BTreeSet::new(),
            ifindexes: BTreeMap::new(),
        }
    }

    /// Adds the steps with a device.
    pub(super) fn took(&mut self, task: &DeviceTask) {
        if task.ifindex.is_none() {
            self.made.insert(task.index);
        } else if !self.made.contains(&task.index) {
            self.changed.insert(task.index);
        }
    }

    /// Adds what was found at the end.
    pub(super) fn finish(&mut self, found: &Inventory, difference: DeviceDifference) {
        let impossible = difference.impossible.into_iter();
        self.failed.extend(impossible.map(|(index, error)| DeviceFailure::new(index, error)));
        self.failed.extend(difference.tasks.iter().map(|task| {
            let error = DevicesError::busy(
                "another program keeps changing the device; `ip monitor` in the routing namespace \
                 shows how",
            );
            DeviceFailure::new(task.index, error)
        }));
        self.made.retain(|index| found.devices.contains_key(index));
        self.foreign.clone_from(&found.foreign);
        let devices = found.devices.iter();
        self.ifindexes = devices.map(|(index, device)| (*index, device.ifindex)).collect();
    }
}

impl DeviceFailure {
    pub(super) fn new(index: u32, error: DevicesError) -> Self {
        let is_gone = is_no_device(&error);
        let error = if is_gone { error.after("another program has removed it") } else { error };
        Self { name: device_name(index), error }
    }
}
