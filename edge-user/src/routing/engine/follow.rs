//! The thread's work when a plan changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use super::{
    check,
    error::{EngineError, Result},
    plan::{EngineInterface, RouterDomain, RouterPlan},
    rebuild::DomainRecord,
    tables::RouterTables,
    worker::RouterWorker,
};
use crate::routing::devices::WantedDevices;

impl<T: RouterTables> RouterWorker<T> {
    /// Has the devices of a plan made, and keeps those that it has no more.
    pub(super) fn prepare_devices(&mut self, plan: &RouterPlan) -> Result<()> {
        let wanted = check::devices(plan)?;
        let others = self.wanted.iter().filter(|device| wanted.get(device.index).is_none());
        let all = wanted.iter().chain(others).cloned().collect::<Vec<_>>();
        self.wanted = WantedDevices::new(all)?;
        self.try_settle()
    }

    /// Has the devices of the plan that is followed. Before the first plan, devices stay as they are.
    pub(super) fn own_devices(&mut self) -> Result<()> {
        if !self.has_plan {
            self.wanted = WantedDevices::default();
            return Ok(());
        }
        self.wanted = check::devices(&self.plan)?;
        self.try_settle()
    }

    /// Follows a plan from now on.
    pub(super) fn follow(&mut self, plan: &Arc<RouterPlan>) -> Result<()> {
        let wanted = check::devices(plan)?;
        let before = std::mem::replace(&mut self.plan, Arc::clone(plan));
        self.clear_others(&before)?;
        self.shared.forwarding().enable(plan);
        self.begin_domains(&before);
        self.has_plan = true;
        self.wanted = wanted;
        self.settle();
        self.announcements.begin_changed(&before, plan);
        self.announcements.keep(plan);
        self.next_look = Instant::now();
        Ok(())
    }

    /// Takes away what is in the tables at indices whose interface is gone, or another one.
    fn clear_others(&self, before: &RouterPlan) -> Result<()> {
        let (old, new) = (owners(before), owners(&self.plan));
        let is_first = !self.has_plan;
        let stays = |index: u32| match (old.get(&index), new.get(&index)) {
            (_, Some((_, interface))) if is_first => interface.is_taken_over,
            (Some((old_domain, old)), Some((domain, new))) => {
                (old_domain.table, old.side) == (domain.table, new.side)
            }
            (None, None) => !is_first,
            _ => false,
        };
        let mut forwarding = self.shared.forwarding();
        for index in (1..forwarding.room()).filter(|index| !stays(*index)) {
            forwarding.clear(index).map_err(|error| EngineError::plan(error.to_string()))?;
        }
        Ok(())
    }

    /// Follows the tables of domains that are new, those of others no longer, and has those that changed read again.
    fn begin_domains(&mut self, before: &RouterPlan) {
        let tables = |plan: &RouterPlan| -> BTreeMap<u32, RouterDomain> {
            plan.domains.iter().map(|domain| (domain.table, domain.clone())).collect()
        };
        let (old, new) = (tables(before), tables(&self.plan));
        let is_other_speaker = before.speaker.is_some() != self.plan.speaker.is_some();
        let mut changed = BTreeSet::new();
        for (table, domain) in &new {
            match old.get(table) {
                None => {
                    let record = self.found(domain);
                    self.records.insert(*table, record);
                    changed.insert(*table);
                }
                Some(old) if old != domain || is_other_speaker => {
                    changed.insert(*table);
                }
                Some(_) => {}
            }
        }
        self.records.retain(|table, _| new.contains_key(table));
        if let Some(kernel) = &mut self.kernel {
            old.keys()
                .filter(|table| !new.contains_key(table))
                .for_each(|table| kernel.feed.forget(*table));
            new.keys()
                .filter(|table| !old.contains_key(table))
                .for_each(|table| kernel.feed.follow(*table));
        }
        {
            let mut board = self.shared.board();
            board.plan = Arc::clone(&self.plan);
            board.tables.retain(|table, _| new.contains_key(table));
            board.state.domains.retain(|table, _| new.contains_key(table));
            for (table, domain) in &new {
                let state = board.state.domains.entry(*table).or_default();
                state.name.clone_from(&domain.name);
            }
        }
        self.mark(&changed);
    }

    /// The record of a domain that is new to this engine.
    fn found(&self, domain: &RouterDomain) -> DomainRecord {
        let forwarding = self.shared.forwarding();
        let has_routes = domain.interfaces.iter().any(|it| forwarding.has_trees(it.index));
        let is_unsure = has_routes && self.namespace.is_new();
        DomainRecord {
            has_routes,
            hold_until: is_unsure.then(|| Instant::now() + self.settings.hold),
        }
    }
}

/// The interface that has each index, and its domain.
fn owners(plan: &RouterPlan) -> BTreeMap<u32, (&RouterDomain, &EngineInterface)> {
    plan.interfaces().map(|(domain, it)| (it.index, (domain, it))).collect()
}
