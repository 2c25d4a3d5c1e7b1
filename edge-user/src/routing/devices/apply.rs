//! Takes the steps of a difference, in as few requests as possible.

use netlink_packet_route::link::LinkAttribute;

use crate::routing::devices::{
    batch::LinkChange,
    difference::{DeviceDifference, DeviceStep, DeviceTask, DevicesGoal},
    error::{Context as _, Result},
    mark::Mark,
    netlink::{DeviceSocket, is_no_device},
    reconciled::DeviceFailure,
    requests,
    wanted::device_name,
};

/// The namespace's side of a change.
pub(super) struct Workplace<'a> {
    /// A socket there.
    pub(super) socket: &'a DeviceSocket,
    /// The interface below the devices.
    pub(super) lower: u32,
    /// The mark of edge's interfaces.
    pub(super) mark: Mark,
}

impl Workplace<'_> {
    /// Takes all steps, and returns the failures, with the peering-link of each.
    pub(super) fn apply(
        &self,
        difference: &DeviceDifference,
        goal: &DevicesGoal<'_>,
    ) -> Result<Vec<(u32, DeviceFailure)>> {
        // Removed ones first: they may have the address that another one is to have.
        self.remove(difference)?;
        let steps = self.changes(difference, goal);
        let changes: Vec<_> = steps.iter().map(|(_, _, change)| change.clone()).collect();
        let results = self.socket.change_all(&changes)?;
        let failures = results.into_iter().zip(steps).filter_map(|(result, (index, step, _))| {
            let error = result.err()?.after(describe(index, step));
            Some((index, DeviceFailure::new(index, error)))
        });
        Ok(failures.collect())
    }

    /// Removes devices that nobody wants. Each is condemned first: should edge end before the
    /// removal, the next one knows what to remove.
    fn remove(&self, difference: &DeviceDifference) -> Result<()> {
        if difference.unwanted.is_empty() && !difference.has_condemned {
            return Ok(());
        }
        let group = self.mark.condemned();
        let unwanted = difference.unwanted.iter();
        let changes: Vec<_> = unwanted
            .map(|(_, ifindex)| requests::set(*ifindex, LinkAttribute::Group(group)))
            .collect();
        for result in self.socket.change_all(&changes)? {
            match result {
                Err(error) if is_no_device(&error) => {}
                result => result.context("choosing the devices to remove")?,
            }
        }
        match self.socket.change(requests::remove_group(group)) {
            // They went by themselves.
            Err(error) if is_no_device(&error) => Ok(()),
            result => result.context("removing devices of peering-links that are gone"),
        }
    }

    /// The requests for the steps with devices, in the order in which they are sent. Addresses are
    /// given when all devices are up: the kernel looks through all IPv6 routes of the namespace when
    /// one comes up (`rt6_sync_up` in `net/ipv6/route.c`), which are fewer then.
    pub(super) fn changes(
        &self,
        difference: &DeviceDifference,
        goal: &DevicesGoal<'_>,
    ) -> Vec<(u32, DeviceStep, LinkChange)> {
        let tasks = difference.tasks.iter();
        let all = tasks.flat_map(|task| task.steps.iter().map(move |step| (task, *step)));
        let (last, first): (Vec<_>, Vec<_>) =
            all.partition(|(_, step)| matches!(step, DeviceStep::AddAddress(_)));
        let ordered = first.into_iter().chain(last);
        let with_change = ordered
            .filter_map(|(task, step)| Some((task.index, step, self.change(task, step, goal)?)));
        with_change.collect()
    }

    /// The request for a step.
    fn change(
        &self,
        task: &DeviceTask,
        step: DeviceStep,
        goal: &DevicesGoal<'_>,
    ) -> Option<LinkChange> {
        if let DeviceStep::Make(mac) = step {
            let device = goal.wanted.get(task.index)?;
            let (name, mtu_bytes) = (device.name(), device.mtu_bytes);
            return Some(requests::make_device(name, self.lower, mac, mtu_bytes, self.mark.kept()));
        }
        let ifindex = task.ifindex?;
        let set = |attribute| requests::set(ifindex, attribute);
        Some(match step {
            DeviceStep::Make(_) => return None,
            DeviceStep::SetMac(mac) => set(LinkAttribute::Address(mac.bytes().to_vec())),
            DeviceStep::SetMtu(mtu_bytes) => set(LinkAttribute::Mtu(mtu_bytes)),
            DeviceStep::SetMode => requests::set_mode(ifindex),
            DeviceStep::RemoveAddress(address) => requests::remove_address(ifindex, address),
            DeviceStep::AddAddress(address) => requests::add_address(ifindex, address),
            DeviceStep::SetProtoDown(is_cut) => set(LinkAttribute::ProtoDown(is_cut.into())),
            DeviceStep::SetUp(is_up) => requests::set_up(ifindex, is_up),
        })
    }
}

fn describe(index: u32, step: DeviceStep) -> String {
    let name = device_name(index);
    match step {
        DeviceStep::Make(mac) => format!("making the device {name} with the address {mac}"),
        DeviceStep::SetMac(mac) => format!("setting the MAC address of {name} to {mac}"),
        DeviceStep::SetMtu(mtu_bytes) => format!("setting the MTU of {name} to {mtu_bytes}"),
        DeviceStep::SetMode => format!("setting the mode of {name}"),
        DeviceStep::RemoveAddress(address) => format!("taking {address} from {name}"),
        DeviceStep::AddAddress(address) => format!("giving {name} the address {address}"),
        DeviceStep::SetProtoDown(_) => format!("setting the carrier of {name}"),
        DeviceStep::SetUp(true) => format!("setting {name} up"),
        DeviceStep::SetUp(false) => format!("setting {name} down"),
    }
}
