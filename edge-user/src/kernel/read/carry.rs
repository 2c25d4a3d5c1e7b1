//! Counters of tables that are gone, carried over for status and metrics: these go on growing over
//! a change of layout. Bills don't use carried counts, as the ledger books each set of tables by
//! itself.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use edge_common::abi::{
    books::CARRIED_EPOCHS,
    counters::{Counted, PortCounters},
};

use crate::{
    kernel::{error::Result, read::books::Books, tables::kernel_tables::KernelTables},
    plan::AttachmentKey,
};

/// Adds the counts of `old`, in which no program counts any more, to the counters of the same
/// owners here. One store does it for all owners at once. From then on the old tables are without
/// use.
///
/// A process that is killed before that store leaves all counters as they were.
pub fn carry(tables: &mut KernelTables, old: &Books) -> Result<()> {
    if is_carried(tables, old) {
        return Ok(());
    }
    let epoch = old.epoch().id.into_bytes();
    let side = tables.carried_side();
    let epochs = tables.books.get(0).carried_from[side];
    give_slots(tables, [old], |_| true)?;
    give_port_slots(tables, old)?;
    let (owners, ports) = (tables.owners(), tables.port_names());
    let to = 1 - side;
    for index in owners.values() {
        let mut carried = tables.carried.get(*index);
        carried.sides[to] = carried.sides[side];
        tables.carried.set(*index, &carried);
    }
    for index in ports.values() {
        let mut carried = tables.carried_ports.get(*index);
        carried.sides[to] = carried.sides[side];
        tables.carried_ports.set(*index, &carried);
    }
    // An owner without a slot here has its counters shown with those of the same peering and port.
    let mut by_place = BTreeMap::new();
    for (key, index) in &owners {
        by_place.entry((key.place(), &key.classes)).or_insert(*index);
    }
    for slot in old.slots() {
        let of_place = || by_place.get(&(slot.key.place(), &slot.key.classes));
        let Some(index) = owners.get(&slot.key).or_else(of_place) else { continue };
        let mut carried = tables.carried.get(*index);
        carried.sides[to].add(&old.counted(slot.index)?);
        tables.carried.set(*index, &carried);
    }
    for (_, name, counters) in old.ports()? {
        let Some(index) = ports.get(&name) else { continue };
        let mut carried = tables.carried_ports.get(*index);
        carried.sides[to].add(&counters);
        tables.carried_ports.set(*index, &carried);
    }
    let mut with_old = [[0; 16]; CARRIED_EPOCHS];
    with_old[0] = epoch;
    with_old[1..].copy_from_slice(&epochs[..CARRIED_EPOCHS - 1]);
    tables.turn_to(to, &with_old);
    Ok(())
}

/// Gives a slot here to each owner in `old` that `is_of_interest` and has none, as long as there
/// are slots that no owner has had.
pub fn give_slots<'a>(
    tables: &mut KernelTables,
    old: impl IntoIterator<Item = &'a Books>,
    is_of_interest: impl Fn(&AttachmentKey) -> bool,
) -> Result<()> {
    let mut known = tables.owners();
    let used: BTreeSet<u32> = known.values().copied().collect();
    let mut free = (1..tables.attachments.len()).filter(|index| !used.contains(index));
    for slot in old.into_iter().flat_map(Books::slots).filter(|slot| is_of_interest(&slot.key)) {
        if let Entry::Vacant(entry) = known.entry(slot.key) {
            let Some(index) = free.next() else { break };
            tables.give(index, entry.key())?;
            entry.insert(index);
        }
    }
    Ok(())
}

/// Whether [`carry()`] was done before.
fn is_carried(tables: &KernelTables, old: &Books) -> bool {
    let side = tables.carried_side();
    tables.books.get(0).carried_from[side].contains(&old.epoch().id.into_bytes())
}

/// Counters of tables that are still there beside ours.
#[derive(Default)]
pub struct BesideOurs {
    /// By circuit, owners and what they have counted there.
    pub owners: BTreeMap<String, Vec<(AttachmentKey, Counted)>>,
    /// By port's name.
    pub ports: BTreeMap<String, PortCounters>,
}

impl BesideOurs {
    /// Reads them.
    pub fn read<'a>(others: impl IntoIterator<Item = &'a Books>) -> Result<Self> {
        let mut beside = Self::default();
        for other in others {
            for slot in other.slots() {
                let counted = other.counted(slot.index)?;
                let owners = beside.owners.entry(slot.key.circuit.clone()).or_default();
                owners.push((slot.key, counted));
            }
            for (_, name, counters) in other.ports()? {
                beside.ports.entry(name).or_default().add(&counters);
            }
        }
        Ok(beside)
    }
}

fn give_port_slots(tables: &mut KernelTables, old: &Books) -> Result<()> {
    let known = tables.port_names();
    let used: BTreeSet<u32> = known.values().copied().collect();
    let mut free = (0..tables.port_keys.len()).filter(|index| !used.contains(index));
    for (_, name, _) in old.ports()?.into_iter().filter(|port| !known.contains_key(&port.1)) {
        let Some(index) = free.next() else { break };
        tables.give_port(index, &name)?;
    }
    Ok(())
}
