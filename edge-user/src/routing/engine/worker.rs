//! The engine's thread.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::AsFd as _,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    announcements::Announcements,
    error::{EngineError, Result},
    events::EngineEvent,
    kernel_view::KernelView,
    orders::{OrderReceiver, RouterOrder},
    plan::RouterPlan,
    rebuild::{DomainRecord, Rebuilder, note_dirty},
    settings::EngineSettings,
    shared::EngineShared,
    tables::RouterTables,
};
use crate::routing::devices::{RoutingNamespace, WantedDevices};

/// Time between looks at what no message tells of.
const LOOK: Duration = Duration::from_secs(1);

/// The thread's own.
pub(super) struct RouterWorker<T: RouterTables> {
    pub(super) settings: EngineSettings,
    pub(super) shared: Arc<EngineShared<T>>,
    orders: OrderReceiver,
    pub(super) namespace: RoutingNamespace,
    /// The feed; `None`: it has to be opened.
    pub(super) kernel: Option<KernelView>,
    pub(super) plan: Arc<RouterPlan>,
    /// The devices that are wanted now.
    pub(super) wanted: WantedDevices,
    /// The kernel's index of each device, by its interface, and the other way round.
    pub(super) ifindexes: BTreeMap<u32, u32>,
    pub(super) devices: BTreeMap<u32, u32>,
    /// The last failures of devices, by interface.
    pub(super) device_errors: BTreeMap<u32, String>,
    pub(super) records: BTreeMap<u32, DomainRecord>,
    pub(super) announcements: Announcements,
    /// Whether a plan was followed yet.
    pub(super) has_plan: bool,
    /// Whether devices may not be as they are wanted.
    pub(super) is_unsettled: bool,
    /// When to look again.
    pub(super) next_look: Instant,
}

impl<T: RouterTables> RouterWorker<T> {
    /// A thread's own, with a namespace that is there.
    pub(super) fn new(
        settings: EngineSettings,
        shared: Arc<EngineShared<T>>,
        orders: OrderReceiver,
        namespace: RoutingNamespace,
    ) -> Self {
        Self {
            settings,
            shared,
            orders,
            namespace,
            kernel: None,
            plan: Arc::default(),
            wanted: WantedDevices::default(),
            ifindexes: BTreeMap::new(),
            devices: BTreeMap::new(),
            device_errors: BTreeMap::new(),
            records: BTreeMap::new(),
            announcements: Announcements::default(),
            has_plan: false,
            is_unsettled: false,
            next_look: Instant::now(),
        }
    }

    /// Works until it is told to end.
    pub(super) fn run(mut self) {
        loop {
            self.orders.rest();
            while let Some(order) = self.orders.next() {
                match order {
                    RouterOrder::Devices(plan, answer) => {
                        // A caller that does not wait is gone.
                        let _ = answer.send(self.prepare_devices(&plan));
                    }
                    RouterOrder::OwnDevices(answer) => {
                        let _ = answer.send(self.own_devices());
                    }
                    RouterOrder::Follow(plan, answer) => {
                        let _ = answer.send(self.follow(&plan));
                    }
                    RouterOrder::Carrier { indices, is_present } => {
                        self.set_carrier(&indices, is_present);
                    }
                    RouterOrder::Remade(interfaces) => self.read_again(&interfaces),
                    RouterOrder::TearDown(answer) => {
                        let _ = answer.send(self.tear_down());
                        return;
                    }
                    RouterOrder::End => return,
                }
            }
            let now = Instant::now();
            if self.next_look <= now {
                self.look(now);
                self.next_look = now + LOOK;
            }
            self.step(self.next_look.saturating_duration_since(now));
        }
    }

    /// Takes in messages and rebuilds a domain, or waits for either.
    fn step(&mut self, limit: Duration) {
        let Some(kernel) = &mut self.kernel else {
            // The next look opens it.
            self.orders.wait(limit);
            return;
        };
        let mut is_namespace_gone = false;
        let mut rebuilder = Rebuilder {
            shared: &self.shared,
            plan: &self.plan,
            devices: &self.devices,
            records: &mut self.records,
            namespace: &self.namespace,
            hold: self.settings.hold,
            is_namespace_gone: &mut is_namespace_gone,
        };
        let wake = Some(self.orders.as_fd());
        let fed = kernel.feed.step(limit, wake, |table, dump| rebuilder.rebuild(table, dump));
        let fed = match fed {
            Ok(fed) => fed,
            Err(error) => {
                self.kernel = None;
                self.fail(Some(&error.into()));
                return;
            }
        };
        let mut dirty = fed.heard.tables;
        if let Some((table, error)) = fed.failed {
            tracing::debug!("{error:#}");
            dirty.insert(table);
        }
        if let Some(table) = fed.rebuilt {
            dirty.remove(&table);
        }
        note_dirty(&self.shared, &dirty);
        if let Some(shared) = fed.rebuilt.and_then(|table| self.plan.shared_by(table)) {
            self.mark(&BTreeSet::from([shared]));
        }
        if is_namespace_gone || !fed.heard.links.is_empty() {
            self.is_unsettled = true;
        }
        if is_namespace_gone {
            self.settle();
        }
        self.hear_neighbours(&fed.heard.neighbours, fed.heard.has_losses);
    }

    /// Looks at what no message tells of.
    fn look(&mut self, now: Instant) {
        if !self.has_plan {
            return;
        }
        if self.is_unsettled || self.kernel.is_none() || self.namespace.look().is_err() {
            self.settle();
        }
        self.announce();
        self.mend_neighbours(now);
        let over = |(table, record): (&u32, &DomainRecord)| {
            record.hold_until.filter(|until| *until <= now).map(|_| *table)
        };
        let over: BTreeSet<u32> = self.records.iter().filter_map(over).collect();
        self.mark(&over);
        let usage = {
            let mut forwarding = self.shared.forwarding();
            forwarding.collect();
            forwarding.usage()
        };
        let losses = self.kernel.as_ref().map(|kernel| kernel.feed.losses());
        let mut board = self.shared.board();
        board.state.usage = Some(usage);
        board.state.losses = losses.unwrap_or(board.state.losses);
    }

    /// Tells neighbours the MAC addresses of devices that they may know by others.
    fn announce(&mut self) {
        let due = self.announcements.due();
        if due.is_empty() {
            return;
        }
        match self.namespace.announce(&self.wanted, &due) {
            Ok(told) => self.announcements.note(&told),
            Err(error) => tracing::debug!("announcing the edge's MAC addresses: {error:#}"),
        }
    }

    /// Has tables read again.
    pub(super) fn mark(&mut self, tables: &BTreeSet<u32>) {
        if let Some(kernel) = &mut self.kernel {
            for table in tables {
                kernel.feed.mark(*table);
            }
        }
        note_dirty(&self.shared, tables);
    }

    /// Notes a failure of what all domains need, or its end.
    pub(super) fn fail(&self, error: Option<&EngineError>) {
        let error = error.map(|error| format!("{error:#}"));
        let before = std::mem::replace(&mut self.shared.board().state.error, error.clone());
        if before.is_some() != error.is_some() {
            self.shared.tell(EngineEvent::Failed(error));
        }
    }

    fn read_again(&mut self, interfaces: &BTreeSet<u32>) {
        let of_interface = |index: &u32| {
            self.plan
                .interfaces()
                .find(|(_, it)| it.index == *index)
                .map(|(domain, _)| domain.table)
        };
        let mut tables: BTreeSet<u32> = interfaces.iter().filter_map(of_interface).collect();
        {
            let board = self.shared.board();
            let failed = board.state.domains.iter().filter(|(_, state)| state.error.is_some());
            tables.extend(failed.map(|(table, _)| *table));
        }
        self.mark(&tables);
    }

    fn tear_down(self) -> Result<crate::routing::devices::Teardown> {
        {
            let mut forwarding = self.shared.forwarding();
            for index in 1..forwarding.room() {
                forwarding.clear(index).map_err(|error| EngineError::plan(error.to_string()))?;
            }
        }
        drop(self.kernel);
        Ok(self.namespace.remove()?)
    }
}
