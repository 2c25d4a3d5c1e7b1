//! The thread's work with devices and neighbours.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::{
    error::Result,
    events::EngineEvent,
    forwarding::Forwarding,
    kernel_view::KernelView,
    places::{next_hop_v4, next_hop_v6},
    plan::{EngineInterface, RouterDomain},
    state::{InterfaceState, RoutingPort},
    tables::RouterTables,
    worker::RouterWorker,
};
use crate::routing::{
    devices::{DeviceFailure, NamespaceChange, Reconciled, RouterMac},
    feed::news::NeighbourNews,
};

impl<T: RouterTables> RouterWorker<T> {
    /// Brings namespace and devices to what is wanted, and notes where that fails: the next look tries again.
    pub(super) fn settle(&mut self) {
        match self.try_settle() {
            Ok(()) => self.fail(None),
            Err(error) => {
                self.is_unsettled = true;
                self.show_port();
                self.fail(Some(&error));
            }
        }
    }

    /// The same, with the error for the caller.
    pub(super) fn try_settle(&mut self) -> Result<()> {
        self.is_unsettled = false;
        let done = self.namespace.reconcile(&self.wanted)?;
        self.take_in(done);
        if self.kernel.is_none() {
            self.open_kernel()?;
        }
        if let Some(kernel) = &mut self.kernel {
            kernel.neighbourhood.keep(&self.plan, &self.ifindexes);
            kernel.neighbourhood.show_all(&self.plan, &self.shared.forwarding());
        }
        self.show_interfaces(None);
        Ok(())
    }

    /// Takes or gives devices their carrier.
    pub(super) fn set_carrier(&mut self, indices: &BTreeSet<u32>, is_present: bool) {
        match self.namespace.set_carrier(indices, is_present) {
            Ok(done) => {
                self.device_errors.extend(done.failed.iter().filter_map(failure));
                self.mark(&done.stale_tables);
                // The kernel forgets the neighbours of a device without a carrier.
                if let Some(kernel) = self.kernel.as_mut().filter(|_| is_present) {
                    kernel.neighbourhood.mend(&self.shared.forwarding());
                }
            }
            Err(error) => {
                self.is_unsettled = true;
                self.shared.tell(EngineEvent::Note(format!("{error:#}")));
            }
        }
        self.show_interfaces(Some(indices));
    }

    /// Takes in messages about neighbours.
    pub(super) fn hear_neighbours(&mut self, news: &[NeighbourNews], has_losses: bool) {
        let Some(kernel) = &mut self.kernel else { return };
        if has_losses {
            if let Err(error) = kernel.neighbourhood.read_again() {
                self.kernel = None;
                self.fail(Some(&error.into()));
                return;
            }
            kernel.neighbourhood.show_all(&self.plan, &self.shared.forwarding());
            self.show_interfaces(None);
        } else if !news.is_empty() {
            let changed = kernel.neighbourhood.hear(news, &self.shared.forwarding());
            self.show_interfaces(Some(&changed));
        }
    }

    /// Has the kernel keep neighbours again that it has dropped.
    pub(super) fn mend_neighbours(&mut self, now: Instant) {
        let Some(kernel) = &mut self.kernel else { return };
        let before = kernel.neighbourhood.failed().clone();
        let changed = kernel.neighbourhood.mend(&self.shared.forwarding());
        let is_over = kernel.neighbourhood.ends_hold(now);
        if is_over {
            kernel.neighbourhood.show_all(&self.plan, &self.shared.forwarding());
        }
        if is_over || before != *kernel.neighbourhood.failed() {
            self.show_interfaces(None);
        } else if !changed.is_empty() {
            self.show_interfaces(Some(&changed));
        }
    }

    /// Takes in what became of the devices.
    fn take_in(&mut self, done: Reconciled) {
        self.devices = done.ifindexes.iter().map(|(index, ifindex)| (*ifindex, *index)).collect();
        self.ifindexes = done.ifindexes;
        self.device_errors = done.failed.iter().filter_map(failure).collect();
        self.announcements.begin(done.made.iter().chain(&done.changed).copied());
        if done.namespace != NamespaceChange::Kept {
            self.take_in_namespace(done.namespace);
        }
        self.show_port();
        let mut stale = done.stale_tables;
        let moved = done.made.iter().chain(&done.changed).chain(&done.removed);
        stale.extend(moved.filter_map(|index| self.wanted.get(*index)).map(|device| device.table));
        self.mark(&stale);
    }

    fn take_in_namespace(&mut self, change: NamespaceChange) {
        if matches!(change, NamespaceChange::Replaced | NamespaceChange::PairMadeAnew) {
            let now = Instant::now();
            for record in self.records.values_mut().filter(|record| record.has_routes) {
                record.hold_until = Some(now + self.settings.hold);
            }
            if let Some(kernel) = &mut self.kernel {
                kernel.neighbourhood.hold(now + self.settings.neighbour_hold);
            }
        }
        if change == NamespaceChange::Replaced {
            // Its sockets are in the old one.
            self.kernel = None;
            if let Some(speaker) = self.shared.speaker()
                && let Err(error) = speaker.move_to(&self.settings.namespace.path())
            {
                self.shared.tell(EngineEvent::Note(format!("{error:#}")));
            }
        }
        self.shared.tell(EngineEvent::Healed(change));
    }

    /// Notes the port, and tells where it is another one.
    pub(super) fn show_port(&self) {
        let port = RoutingPort {
            name: self.namespace.settings().outer().to_owned(),
            ifindex: self.namespace.outer_ifindex(),
            mac: self.namespace.outer_mac(),
        };
        let before = {
            let mut board = self.shared.board();
            let before = std::mem::replace(&mut board.state.port, port.clone());
            if before != port && before != RoutingPort::default() && port.ifindex != 0 {
                board.state.port_changes += 1;
            }
            before
        };
        if before != port && port.ifindex != 0 {
            self.shared.tell(EngineEvent::Port(port));
        }
    }

    fn open_kernel(&mut self) -> Result<()> {
        let hold_until = Instant::now() + self.settings.neighbour_hold;
        let mut kernel =
            KernelView::open(&self.settings.namespace, self.settings.pacing, hold_until)?;
        for domain in &self.plan.domains {
            kernel.feed.follow(domain.table);
        }
        kernel.neighbourhood.keep(&self.plan, &self.ifindexes);
        kernel.neighbourhood.read_again()?;
        kernel.neighbourhood.forget_others(&self.ifindexes)?;
        self.kernel = Some(kernel);
        let tables = self.plan.domains.iter().map(|domain| domain.table).collect();
        self.mark(&tables);
        Ok(())
    }

    /// Notes the state of these interfaces; `None`: of all.
    pub(super) fn show_interfaces(&self, only: Option<&BTreeSet<u32>>) {
        let chosen = self
            .plan
            .interfaces()
            .filter(|(_, interface)| only.is_none_or(|only| only.contains(&interface.index)));
        let states: BTreeMap<u32, InterfaceState> = {
            let forwarding = self.shared.forwarding();
            let state = |(domain, it): (&RouterDomain, &EngineInterface)| {
                Some((it.index, self.state_of(&forwarding, domain, it)?))
            };
            chosen.filter_map(state).collect()
        };
        let mut board = self.shared.board();
        match only {
            None => board.state.interfaces = states,
            Some(_) => board.state.interfaces.extend(states),
        }
    }

    fn state_of(
        &self,
        forwarding: &Forwarding<T>,
        domain: &RouterDomain,
        interface: &EngineInterface,
    ) -> Option<InterfaceState> {
        let index = interface.index;
        let of_neighbour =
            || self.kernel.as_ref().and_then(|kernel| kernel.neighbourhood.failed().get(&index));
        let error = self.device_errors.get(&index).or_else(of_neighbour).cloned();
        Some(InterfaceState {
            table: domain.table,
            side: interface.side,
            mac: RouterMac::new(self.settings.namespace.edge(), index)?,
            device: format!("r{index}"),
            ifindex: self.ifindexes.get(&index).copied(),
            is_up: forwarding.is_up(index),
            neighbour_v4: forwarding.neighbour(next_hop_v4(index)),
            neighbour_v6: forwarding.neighbour(next_hop_v6(index)),
            error,
        })
    }
}

/// A failure with the interface that it is of.
fn failure(failure: &DeviceFailure) -> Option<(u32, String)> {
    let index = failure.name.strip_prefix('r')?.parse().ok()?;
    Some((index, format!("{}: {:#}", failure.name, failure.error)))
}
