//! Attachments, planned, and the tags that lead to them.

use std::collections::BTreeMap;

use edge_common::{
    abi::{
        attachment::{Attachment, Slot},
        policer::{Bucket, Limits},
        qos::QosRow,
        rate::Rate,
    },
    packet::vlan::Vid,
};

use super::{
    AttachmentKey, CTableKey, Plan, PolicerKey, Scope, VidTables, member::Member, retag,
    slots::SlotClaim,
};
use crate::{
    config::{CTags, RoutedKey, SideTags},
    model::DscpPolicy,
};

/// An attachment, planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachmentPlan {
    /// Index in the attachment tables.
    pub index: u32,
    /// Whether the index was another owner's before, or unused.
    pub is_new: bool,
    /// Its owner.
    pub key: AttachmentKey,
    /// The record that the path reads.
    pub value: Attachment,
    /// Its buckets inside the circuit's.
    pub limits: Limits,
    /// Earlier indices of the same peering on the same port, direction and link, with other classes
    /// or another billing. Their counters are shown as part of this one's.
    pub predecessors: Vec<(u32, Vec<String>)>,
}

impl AttachmentPlan {
    /// Whether one of its buckets grants the rate with this index.
    pub(super) fn has_rate(&self, rate: u32) -> bool {
        let Limits { peering, classes } = self.limits;
        let limits = classes.iter().chain([&peering]);
        self.value.rate == rate
            || limits.into_iter().any(|limit| limit.policer != 0 && limit.rate == rate)
    }
}

/// The indices that members refer to.
pub(super) struct Claims<'a> {
    pub(super) ports: &'a BTreeMap<String, SlotClaim>,
    pub(super) attachments: &'a BTreeMap<AttachmentKey, SlotClaim>,
    pub(super) rates: &'a BTreeMap<Rate, SlotClaim>,
    pub(super) rows: &'a BTreeMap<(&'a str, DscpPolicy), QosRow>,
    pub(super) qos_rows: &'a BTreeMap<QosRow, SlotClaim>,
    pub(super) interfaces: &'a BTreeMap<RoutedKey, SlotClaim>,
}

impl Claims<'_> {
    /// The bucket of a policer, if any, at a rate.
    pub(super) fn bucket(&self, plan: &Plan, policer: &PolicerKey, rate: &Rate) -> Bucket {
        Bucket {
            policer: plan.policers.get(policer).map_or(0, |policer| policer.index),
            rate: self.rates[rate].index,
        }
    }
}

impl Plan {
    /// Adds a member's attachment, and its tags.
    pub(super) fn attach(&mut self, member: &Member<'_>, claims: &Claims<'_>) {
        let key = member.key();
        let claim = claims.attachments[&key];
        let bucket = |policer: &PolicerKey, rate: &Rate| claims.bucket(self, policer, rate);
        let mut limits = Limits::default();
        let mut own = Bucket::NONE;
        for (policer, rate) in member.buckets() {
            match policer.scope {
                Scope::Purchased => own = bucket(&policer, &rate),
                Scope::Peering => limits.peering = bucket(&policer, &rate),
                Scope::Class(number) => {
                    limits.classes[usize::from(number)] = bucket(&policer, &rate);
                }
                // Those are an interface's.
                Scope::Punts | Scope::Answers => {}
            }
        }
        let queues = self.flow_queues.get(&member.policer()).filter(|_| member.is_fair());
        let interface = member.routed_key().map(|link| claims.interfaces[&link].index);
        let value = Attachment {
            policer: own.policer,
            rate: own.rate,
            qos_row: claims.qos_rows[&claims.rows[&member.qos()]].index,
            // The tags that routed frames leave with are their next hop's.
            retag: if interface.is_some() { 0 } else { retag::retag(member).to_bits() },
            len_adjust_bytes: member.len_adjust_bytes(),
            flags: member.flags(),
            reserved: 0,
            flow_queues: queues.map_or(0, |queues| queues.index),
            router_interface: interface.unwrap_or(0),
        };
        if member.has_tags() {
            let port = claims.ports[&member.port.name].index;
            self.publish(member.tags(), port, Slot::Attachment(claim.index));
        }
        self.attachments.push(AttachmentPlan {
            index: claim.index,
            is_new: claim.is_new,
            key,
            value,
            limits,
            predecessors: Vec::new(),
        });
    }

    /// Has frames with these tags on a port find their slot.
    pub(super) fn publish(&mut self, tags: SideTags, port: u32, slot: Slot) {
        let SideTags { s_vid, c_vids } = tags;
        match (s_vid, c_vids) {
            (Some(s_vid), Some(c_vids)) => {
                let c_table = self.c_tables[&CTableKey { port, s_vid }].index;
                publish(&mut self.s_tags, port, CTags::one(s_vid), Slot::CTable(c_table));
                publish(&mut self.c_tags, c_table, c_vids, slot);
            }
            (Some(vid), None) => publish(&mut self.s_tags, port, CTags::one(vid), slot),
            (None, Some(vids)) => publish(&mut self.s_tags, port, vids, slot),
            // The entry of frames without a tag.
            (None, None) => publish(&mut self.s_tags, port, CTags::one(0), slot),
        }
    }
}

fn publish(tables: &mut VidTables, index: u32, vids: CTags, slot: Slot) {
    let table = tables.entry(index).or_insert_with(|| Box::new([0; Vid::COUNT]));
    table[usize::from(vids.first)..=usize::from(vids.last)].fill(slot.to_bits());
}
