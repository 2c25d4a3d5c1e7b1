//! The rebuild of a domain's forwarding tables from the kernel's table.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    domain_tables::DomainTables,
    events::EngineEvent,
    plan::{RouterDomain, RouterPlan, ServiceCustomer, ServicePart},
    shared::EngineShared,
    state::DomainState,
    tables::RouterTables,
};
use crate::routing::{
    bird::model::DomainSide,
    devices::{RoutingNamespace, error::DevicesError},
    feed::{schedule::RebuildEnd, tables::TableDump},
    store::StoreError,
};

/// Programs whose routes are followed where BIRD is the speaker, by `rtm_protocol` of linux/rtnetlink.h: `RTPROT_STATIC`
/// and `RTPROT_BIRD`.
pub(super) const FOLLOWED_PROTOCOLS: [u8; 2] = [4, 12];

/// The engine's memory of a domain between two rebuilds.
#[derive(Clone, Debug, Default)]
pub(super) struct DomainRecord {
    /// Whether its forwarding tables have routes of the kernel's.
    pub(super) has_routes: bool,
    /// The time until which an empty table of the kernel's is not believed, after the namespace was made anew.
    pub(super) hold_until: Option<Instant>,
}

/// All that a rebuild takes.
pub(super) struct Rebuilder<'a, T: RouterTables> {
    pub(super) shared: &'a EngineShared<T>,
    pub(super) plan: &'a RouterPlan,
    /// Indices of interfaces, by the kernel's indices of their devices.
    pub(super) devices: &'a BTreeMap<u32, u32>,
    pub(super) records: &'a mut BTreeMap<u32, DomainRecord>,
    pub(super) namespace: &'a RoutingNamespace,
    pub(super) hold: Duration,
    /// Set where the namespace turns out to be gone.
    pub(super) is_namespace_gone: &'a mut bool,
}

impl<T: RouterTables> Rebuilder<'_, T> {
    /// Has the forwarding tables of a domain as the kernel's table is.
    pub(super) fn rebuild(&mut self, table: u32, mut dump: TableDump) -> RebuildEnd {
        let Some(domain) = self.plan.domain(table) else { return RebuildEnd::Rebuilt };
        if self.plan.speaker.is_some() {
            dump.keep_protocols(&FOLLOWED_PROTOCOLS);
        }
        let has_routes = !dump.v4.is_empty() || !dump.v6.is_empty();
        if !has_routes && self.is_held(table) {
            self.note(domain, |state| {
                state.is_held = true;
                state.is_read = true;
            });
            return RebuildEnd::Rebuilt;
        }
        let mut tables = DomainTables::new(domain, self.devices, &dump);
        if let ServicePart::Shared(customers) = &domain.services
            && self.share(customers, &mut tables).is_none()
        {
            // Each of them has this table rebuilt when its own is.
            return RebuildEnd::Rebuilt;
        }
        if let Some(error) = beyond_limit(domain, &tables) {
            // Another try would find the same routes.
            self.refuse(domain, error);
            return RebuildEnd::Rebuilt;
        }
        match self.swap(domain, &tables) {
            Ok(is_changed) => {
                *self.records.entry(table).or_default() =
                    DomainRecord { has_routes, hold_until: None };
                self.finish(domain, tables, is_changed, dump.is_moving);
                RebuildEnd::Rebuilt
            }
            Err(error @ StoreError::Full(_)) => {
                self.refuse(domain, error.to_string());
                RebuildEnd::Failed
            }
            Err(error) => {
                self.refuse(domain, error.to_string());
                RebuildEnd::Rebuilt
            }
        }
    }

    /// Adds the routes to customers of public services; `None`: the tables of one are yet to be read, and until then those from
    /// before, with its routes, are better.
    fn share(&self, customers: &[ServiceCustomer], tables: &mut DomainTables) -> Option<()> {
        for customer in customers {
            let Some(domain) = self.plan.domain(customer.table) else { continue };
            let of_customer = {
                let board = self.shared.board();
                let state = board.state.domains.get(&customer.table);
                let of_customer = board.tables.get(&customer.table).cloned();
                if of_customer.is_none() && state.is_none_or(|it| !it.is_read || it.is_held) {
                    return None;
                }
                of_customer
            };
            if let Some(of_customer) = of_customer {
                tables.share(customer, domain, &of_customer);
            }
        }
        tables.end_sharing();
        Some(())
    }

    /// Whether an empty table is not to be believed: with a namespace that was removed, its routes went, too.
    fn is_held(&mut self, table: u32) -> bool {
        let record = self.records.entry(table).or_default();
        if !record.has_routes {
            return false;
        }
        if record.hold_until.is_none()
            && matches!(self.namespace.look(), Err(DevicesError::Gone(_)))
        {
            *self.is_namespace_gone = true;
            record.hold_until = Some(Instant::now() + self.hold);
        }
        record.hold_until.is_some_and(|until| Instant::now() < until)
    }

    fn swap(&self, domain: &RouterDomain, tables: &DomainTables) -> Result<bool, StoreError> {
        let mut forwarding = self.shared.forwarding();
        match forwarding.swap(domain, tables) {
            Err(error) if forwarding.make_room(&error) => forwarding.swap(domain, tables),
            swapped => swapped,
        }
    }

    fn finish(
        &self,
        domain: &RouterDomain,
        tables: DomainTables,
        is_changed: bool,
        is_moving: bool,
    ) {
        let (now, tree_lines) = (Instant::now(), self.shared.forwarding().lines_of(domain));
        self.note(domain, |state| {
            state.tree_lines = tree_lines;
            state.customer = tables.customer.counts;
            state.cloud = tables.cloud.counts;
            state.foreign = tables.foreign;
            if is_changed {
                state.generation += 1;
                state.swapped = Some(now);
            }
            // Routes that moved while they were read come once more.
            state.dirty_since = state.dirty_since.filter(|_| is_moving);
            state.error = None;
            state.is_held = false;
            state.is_read = true;
        });
        self.shared.board().tables.insert(domain.table, Arc::new(tables));
    }

    fn refuse(&self, domain: &RouterDomain, error: String) {
        self.note(domain, |state| {
            state.dirty_since.get_or_insert_with(Instant::now);
            state.error = Some(error);
            state.is_held = false;
            state.is_read = true;
        });
    }

    /// Changes a domain's state, and tells of an error that is new, or over.
    fn note(&self, domain: &RouterDomain, change: impl FnOnce(&mut DomainState)) {
        let (before, after) = {
            let mut board = self.shared.board();
            let state = board.state.domains.entry(domain.table).or_default();
            let before = state.error.clone();
            change(state);
            (before, state.error.clone())
        };
        if before.is_some() != after.is_some() {
            let name = domain.name.clone();
            self.shared.tell(EngineEvent::Domain { name, error: after });
        }
    }
}

/// Notes that tables may have changed in the kernel.
pub(super) fn note_dirty<T: RouterTables>(shared: &EngineShared<T>, tables: &BTreeSet<u32>) {
    if tables.is_empty() {
        return;
    }
    let now = Instant::now();
    let mut board = shared.board();
    for table in tables {
        if let Some(state) = board.state.domains.get_mut(table) {
            state.dirty_since.get_or_insert(now);
        }
    }
}

/// The limit that a domain's routes are beyond.
fn beyond_limit(domain: &RouterDomain, tables: &DomainTables) -> Option<String> {
    [DomainSide::Customer, DomainSide::Cloud].into_iter().find_map(|side| {
        let (counts, limits) = (tables.side(side).counts, domain.limits.of(side));
        let towards = match side {
            DomainSide::Customer => "its customer",
            DomainSide::Cloud => "its networks",
        };
        let families = [("IPv4", counts.v4, limits.v4), ("IPv6", counts.v6, limits.v6)];
        let beyond = families.into_iter().find(|(_, count, limit)| count > limit);
        beyond.map(|(family, count, limit)| {
            format!(
                "it has {count} {family} routes towards {towards}, and its limit is {limit}; withdraw some, or raise the \
                 limit"
            )
        })
    })
}
