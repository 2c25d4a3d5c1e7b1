//! Brings the kernel's tables to a plan while programs run. The order keeps every tag's way
//! complete: fill entries, publish them, retire those that the plan lacks. The next plan uses
//! retired entries again.

use std::collections::{BTreeMap, BTreeSet};

use edge_common::abi::{
    FlowQueuesWords, PolicerWords, VidTable, attachment::Slot, policer::Bucket,
};
use zerocopy::FromZeros as _;

use crate::{
    kernel::{
        error::{Context as _, Result},
        read::occupancy::slots,
        tables::{kernel_tables::KernelTables, keys, mapped::MappedArray},
        write::{
            change_rate::change_rate,
            interfaces::{
                prepare_interface, retire_interfaces, router_rate_changes, store_interfaces,
            },
        },
    },
    plan::{LimitChange, Plan, RateChange},
};

/// Brings tables that no port uses to `plan`, for test runs. `ifindexes` are those of the plan's
/// ports, in their order.
pub fn apply(tables: &mut KernelTables, plan: &Plan, ifindexes: &[u32]) -> Result<()> {
    prepare(tables, plan)?;
    for (port, ifindex) in plan.ports.iter().zip(ifindexes) {
        tables.set_egress(port.index, *ifindex)?;
    }
    store(tables, plan);
    Ok(())
}

/// Prepares the entries of `plan` that nothing refers to yet: slots, indices and tables of new
/// owners. This is the part that can fail. A plan that is given up after it leaves only entries
/// without use, and the ledger never hears of their owners.
pub fn prepare(tables: &KernelTables, plan: &Plan) -> Result<()> {
    let prepared = || -> Result<()> {
        for (key, claim) in plan.policers.iter().filter(|(_, claim)| claim.is_new) {
            // An entry that was never used is zero.
            if keys::policer_key(&tables.policer_keys.get(claim.index)).is_some() {
                tables.policers.set(claim.index, &PolicerWords::new_zeroed());
                tables.leases.clear(claim.index)?;
            }
            tables.policer_keys.set(claim.index, &keys::policer_record(key));
        }
        for claim in plan.flow_queues.values().filter(|claim| claim.is_new) {
            tables.flow_queues.set(claim.index, &FlowQueuesWords::new_zeroed());
        }
        for port in plan.ports.iter().filter(|port| port.is_new) {
            tables.give_port(port.index, &port.name)?;
        }
        for claim in plan.c_tables.values().filter(|claim| claim.is_new) {
            tables.c_tables.set(claim.index, &VidTable::new_zeroed());
        }
        for attachment in plan.attachments.iter().filter(|attachment| attachment.is_new) {
            tables.clear(attachment.index)?;
        }
        for interface in &plan.interfaces {
            prepare_interface(tables, interface);
        }
        Ok(())
    };
    prepared().context("preparing the tables")
}

/// Stores `plan` in tables that are prepared for it, beside their present contents. This can't
/// fail.
///
/// The rate, the marking and the state of a published attachment change by one store each. A bucket
/// whose rate changes keeps the part of its burst that is used.
pub fn store(tables: &KernelTables, plan: &Plan) {
    // Before a rate that nothing refers to any more is overwritten.
    let mut rate_changes = rate_changes(tables, plan);
    rate_changes.extend(router_rate_changes(tables, plan));
    for (index, rate) in &plan.rates {
        tables.rates.set(*index, rate);
    }
    for (index, row) in &plan.qos_rows {
        tables.qos_rows.set(*index, row);
    }
    for change in &rate_changes {
        change_rate(tables, change);
    }
    for attachment in &plan.attachments {
        if attachment.is_new {
            tables.own(attachment.index, &attachment.key);
        }
        // The entries that an attachment's flags lead to come before the flags.
        tables.limits.set(attachment.index, &attachment.limits);
        tables.attachments.set(attachment.index, &attachment.value);
    }
    // The owners that next hops lead to come before them, and these before the first tag that leads to an interface.
    store_interfaces(tables, plan);
    publish(tables, plan);
}

/// The policers whose rate changes with `plan`, and the attachments and limits that they police.
fn rate_changes(tables: &KernelTables, plan: &Plan) -> Vec<RateChange> {
    let change = |old: Bucket, new: Bucket| RateChange {
        index: new.rate,
        rate: plan.rates[&new.rate],
        old_index: old.rate,
        old_rate: tables.rates.get(old.rate),
        attachments: Vec::new(),
        limits: Vec::new(),
        policers: BTreeSet::from([new.policer]),
    };
    let mut changes = BTreeMap::new();
    for attachment in plan.attachments.iter().filter(|attachment| !attachment.is_new) {
        let (index, value) = (attachment.index, attachment.value);
        let (old, new) = (tables.attachments.get(index).bucket(), value.bucket());
        if old.policer != 0 && old.policer == new.policer && old.rate != new.rate {
            let change = changes.entry(new.policer).or_insert_with(|| change(old, new));
            change.attachments.push((index, value));
        }
        for (old, limit) in LimitChange::all(index, &tables.limits.get(index), &attachment.limits) {
            let policer = limit.bucket.policer;
            let change = changes.entry(policer).or_insert_with(|| change(old, limit.bucket));
            change.limits.push(limit);
        }
    }
    changes.into_values().collect()
}

/// Publishes: C-tables first, so that an S-tag never leads to one that is not ready.
fn publish(tables: &KernelTables, plan: &Plan) {
    for (index, wanted) in &plan.c_tags {
        publish_entries(&tables.c_tables, *index, wanted);
    }
    for (index, wanted) in &plan.s_tags {
        publish_entries(&tables.s_tables, *index, wanted);
    }
}

fn publish_entries(tables: &MappedArray<VidTable>, index: u32, wanted: &VidTable) {
    for (vid, bits) in wanted.iter().enumerate() {
        if *bits != EMPTY {
            tables.store_u32(index, vid, *bits);
        }
    }
}

/// Retires the entries that `plan` lacks. In tables in use, this comes after every interface has
/// the plan's program; in new tables, before the first program turns to them.
pub fn retire(tables: &KernelTables, plan: &Plan) {
    for port in 0..tables.s_tables.len() {
        retire_entries(&tables.s_tables, port, plan.s_tags.get(&port).map(|wanted| &**wanted));
    }
    for claim in plan.c_tables.values() {
        retire_entries(
            &tables.c_tables,
            claim.index,
            plan.c_tags.get(&claim.index).map(|wanted| &**wanted),
        );
    }
    retire_interfaces(tables, plan);
}

fn retire_entries(tables: &MappedArray<VidTable>, index: u32, wanted: Option<&VidTable>) {
    for (vid, _) in slots(tables, index) {
        let vid = usize::from(vid);
        if wanted.is_none_or(|wanted| wanted[vid] == EMPTY) {
            tables.store_u32(index, vid, EMPTY);
        }
    }
}

/// An entry that leads nowhere.
const EMPTY: u32 = Slot::Empty.to_bits();
