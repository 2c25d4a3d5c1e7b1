//! The routing namespace of a running edge.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::{AsFd, BorrowedFd},
};

use netlink_packet_route::link::LinkAttribute;

use crate::routing::devices::{
    apply::Workplace,
    difference::{DeviceDifference, DevicesGoal},
    error::{Context as _, DevicesError, Result},
    held_netns::HeldNetns,
    inventory::Inventory,
    mark::Mark,
    netlink::{DeviceSocket, is_no_device},
    netns_name::{self, NamePlace},
    origin,
    pair::{self, LinkPair, Side},
    reconciled::{CarrierChange, DeviceFailure, NamespaceChange, Reconciled},
    requests,
    settings::RoutingSettings,
    sysctls,
    teardown::{Teardown, tear_down},
    wanted::WantedDevices,
};

/// Comparisons until all is as it is wanted: one makes devices, the next one sets them up, the last
/// one finds nothing. Another is for what changed meanwhile.
const PASSES: u32 = 4;

/// The routing namespace, the interfaces that lead there, and the devices of peering-links in it.
///
/// Everything in it outlives this value and this process. Only [`RoutingNamespace::remove`] removes
/// it.
pub struct RoutingNamespace {
    settings: RoutingSettings,
    pub(super) mark: Mark,
    outer: (HeldNetns, DeviceSocket),
    pub(super) inner: (HeldNetns, DeviceSocket),
    pub(super) pair: LinkPair,
    /// Devices as of the last look, by their peering-links.
    known: BTreeMap<u32, KnownDevice>,
    /// Peering-links whose port has no carrier.
    without_carrier: BTreeSet<u32>,
    is_new: bool,
}

#[derive(Clone, Copy)]
struct KnownDevice {
    ifindex: u32,
    /// The kernel's routing table of its domain; `None`: nobody wants the device.
    table: Option<u32>,
}

impl RoutingNamespace {
    /// Takes the namespace as it is, or makes it, and has the interface from the calling thread's
    /// namespace lead there. Devices are left as they are.
    ///
    /// # Errors
    ///
    /// [`DevicesError::Busy`]: an interface of edge's name is somebody else's.
    pub fn open(settings: RoutingSettings) -> Result<Self> {
        let context = || format!("the routing namespace {}", settings.name());
        let mark = Mark::of(settings.name());
        let open = || -> Result<_> {
            let outer = (HeldNetns::of_thread()?, DeviceSocket::open()?);
            pair::check_outer(&outer.1, &settings, mark)?;
            let (inner, is_made) = match netns_name::look(&settings.path())? {
                NamePlace::Taken(netns) => (netns, false),
                NamePlace::Free | NamePlace::Hollow => (origin::make(&settings.path())?, true),
            };
            let inner_socket = inner.run(|| {
                sysctls::set_all()?;
                DeviceSocket::open()
            })?;
            let inner = (inner, inner_socket);
            let (pair, is_led) = pair::ensure(&side(&outer), &side(&inner), &settings, mark)?;
            Ok((outer, inner, pair, is_made || is_led))
        };
        let (outer, inner, pair, is_new) = open().with_context(context)?;
        let (known, without_carrier) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self { settings, mark, outer, inner, pair, known, without_carrier, is_new })
    }

    /// The settings that it was opened with.
    #[must_use]
    pub fn settings(&self) -> &RoutingSettings {
        &self.settings
    }

    /// The kernel's index of the interface in edge's own namespace; 0: it is gone, and can't be made anew.
    #[must_use]
    pub fn outer_ifindex(&self) -> u32 {
        self.pair.outer
    }

    /// The kernel's index of a peering-link's device, as of the last look.
    pub(super) fn ifindex(&self, index: u32) -> Option<u32> {
        Some(self.known.get(&index)?.ifindex)
    }

    /// The MAC address of that interface.
    #[must_use]
    pub fn outer_mac(&self) -> [u8; 6] {
        self.pair.outer_mac
    }

    /// Whether [`Self::open`] made the namespace or what leads there, so that no routes of before are in it.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Looks whether the namespace is still there, under its name and behind its interface.
    ///
    /// # Errors
    ///
    /// [`DevicesError::Gone`]: somebody else has removed it, or a part of it. The next
    /// [`reconcile`](Self::reconcile) makes it anew.
    pub fn look(&self) -> Result<()> {
        let name = self.settings.name();
        let refuse = |what: &str| {
            Err(DevicesError::gone(format!(
                "the routing namespace {name} was changed by another program: {what}; edge makes \
                 it anew, and it need not be made by hand"
            )))
        };
        match self.name()? {
            NamespaceChange::Kept => {}
            NamespaceChange::NamedAgain => return refuse("it has lost its name"),
            NamespaceChange::Replaced => return refuse("another namespace has its name"),
            NamespaceChange::PairMadeAnew => return refuse("nothing leads there"),
        }
        let (outer, inner) = (side(&self.outer), side(&self.inner));
        match pair::find(&outer, &inner, &self.settings, self.mark)? {
            Some(pair) if pair == self.pair => Ok(()),
            _ => {
                refuse(&format!("{} was removed, and all sessions with it", self.settings.outer()))
            }
        }
    }

    /// Brings the devices to what is wanted, and the namespace itself if somebody has removed it. A
    /// device that is as it is wanted is not touched. One that is refused holds up no other.
    pub fn reconcile(&mut self, wanted: &WantedDevices) -> Result<Reconciled> {
        let namespace = self.heal()?;
        let mut done = Reconciled::new(namespace);
        self.bring_devices(wanted, &mut done).with_context(|| {
            format!("devices of the routing namespace {}", self.settings.name())
        })?;
        Ok(done)
    }

    /// Takes the carrier of devices away, or gives it back, as their port loses or gets its own. The
    /// devices keep their addresses and routes: a BGP speaker sees a cable that is cut, and ends the
    /// sessions at once. [`reconcile`](Self::reconcile) remembers it for devices yet to come.
    pub fn set_carrier(
        &mut self,
        indices: &BTreeSet<u32>,
        is_present: bool,
    ) -> Result<CarrierChange> {
        if is_present {
            self.without_carrier.retain(|index| !indices.contains(index));
        } else {
            self.without_carrier.extend(indices);
        }
        let devices: Vec<_> =
            indices.iter().filter_map(|index| Some((*index, *self.known.get(index)?))).collect();
        let cut = LinkAttribute::ProtoDown((!is_present).into());
        let changes: Vec<_> =
            devices.iter().map(|(_, device)| requests::set(device.ifindex, cut.clone())).collect();
        let results =
            self.inner.1.change_all(&changes).context("setting the carrier of devices")?;
        let mut done = CarrierChange::default();
        for ((index, device), result) in devices.into_iter().zip(results) {
            match result {
                Ok(()) => {
                    done.changed.insert(index);
                    done.stale_tables.extend(device.table);
                }
                // The next comparison makes it anew.
                Err(error) => done.failed.push(DeviceFailure::new(index, error)),
            }
        }
        Ok(done)
    }

    /// Removes all that edge has made: see [`tear_down`].
    pub fn remove(self) -> Result<Teardown> {
        let settings = self.settings.clone();
        // Its sockets would hold the namespace.
        drop(self);
        tear_down(&settings)
    }

    /// Finds out what became of the name.
    fn name(&self) -> Result<NamespaceChange> {
        Ok(match netns_name::look(&self.settings.path())? {
            NamePlace::Free | NamePlace::Hollow => NamespaceChange::NamedAgain,
            NamePlace::Taken(netns) if netns.id()? == self.inner.0.id()? => NamespaceChange::Kept,
            NamePlace::Taken(_) => NamespaceChange::Replaced,
        })
    }

    /// Makes anew what somebody else has removed.
    fn heal(&mut self) -> Result<NamespaceChange> {
        let change = self.name()?;
        if change == NamespaceChange::Replaced {
            let without_carrier = std::mem::take(&mut self.without_carrier);
            *self = Self { without_carrier, ..Self::open(self.settings.clone())? };
            return Ok(change);
        }
        if change == NamespaceChange::NamedAgain {
            netns_name::give(&self.settings.path(), &self.inner.0)?;
        }
        let (outer, inner) = (side(&self.outer), side(&self.inner));
        let ensured = pair::ensure(&outer, &inner, &self.settings, self.mark);
        if matches!(ensured, Err(DevicesError::Busy(_))) {
            // Another interface may have its index.
            self.pair = LinkPair::default();
        }
        let (pair, is_new) = ensured?;
        self.pair = pair;
        Ok(if is_new { NamespaceChange::PairMadeAnew } else { change })
    }

    fn bring_devices(&mut self, wanted: &WantedDevices, done: &mut Reconciled) -> Result<()> {
        let mut refused = BTreeSet::new();
        for pass in 1..=PASSES {
            let (inner, lower, mark) = (&self.inner.1, self.pair.inner, self.mark);
            let found = Inventory::read(inner, lower, mark)?;
            let goal = DevicesGoal {
                wanted,
                edge: self.settings.edge(),
                mtu_bytes: self.settings.mtu_bytes(),
                without_carrier: &self.without_carrier,
            };
            let mut difference = DeviceDifference::between(&found, &goal);
            // A step that was refused once is not tried again now.
            difference.tasks.retain(|task| !refused.contains(&task.index));
            if difference.is_empty() || pass == PASSES {
                done.finish(&found, difference);
                self.know(&found, wanted);
                break;
            }
            let failures = Workplace { socket: inner, lower, mark }.apply(&difference, &goal)?;
            for (index, failure) in failures {
                // One that is gone is made anew in the next pass.
                if !is_no_device(&failure.error) {
                    refused.insert(index);
                    done.failed.push(failure);
                }
            }
            self.note(&difference, wanted, done);
        }
        Ok(())
    }

    fn know(&mut self, found: &Inventory, wanted: &WantedDevices) {
        let known = found.devices.iter().map(|(index, device)| {
            let table = wanted.get(*index).map(|device| device.table);
            (*index, KnownDevice { ifindex: device.ifindex, table })
        });
        self.known = known.collect();
    }

    /// Adds the steps that were taken to the account.
    fn note(&self, difference: &DeviceDifference, wanted: &WantedDevices, done: &mut Reconciled) {
        let known = |index: &u32| self.known.get(index).and_then(|device| device.table);
        for index in difference.unwanted.iter().filter_map(|(index, _)| index.as_ref()) {
            done.removed.insert(*index);
            done.stale_tables.extend(known(index));
        }
        for task in &difference.tasks {
            done.took(task);
            if task.touches_routes() && !done.made.contains(&task.index) {
                done.stale_tables.extend(known(&task.index));
                done.stale_tables.extend(wanted.get(task.index).map(|device| device.table));
            }
        }
    }
}

impl AsFd for RoutingNamespace {
    /// The namespace itself, in which others open their sockets.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.0.as_fd()
    }
}

fn side((netns, socket): &(HeldNetns, DeviceSocket)) -> Side<'_> {
    Side { socket, netns }
}
