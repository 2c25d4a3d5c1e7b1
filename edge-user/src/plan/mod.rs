//! From a configuration to the exact contents of the tables. The module is pure: tests and `edge
//! replay
//! --engine host` use it without a kernel.

mod capacity;
mod keys;
mod member;
mod not_yet;
mod predecessors;
mod qos;
mod rate_change;
mod rates;
mod retag;
pub mod slots;

use std::collections::{BTreeMap, BTreeSet};

use edge_common::{
    abi::{
        VidTable,
        attachment::{Attachment, Slot},
        policer::{Bucket, Limits},
        port::Features,
        qos::QosRow,
        rate::Rate,
    },
    packet::vlan::Vid,
    reason::UnmatchedPolicy,
};

use self::{
    member::{Member, members},
    slots::SlotClaim,
};
use crate::{
    config::{CTags, Config, Forward, Port, SideTags},
    model::{Link, Side, XdpMode},
};

pub use self::{
    capacity::{CTableKey, Capacity, Occupancy, RouterCapacity},
    keys::{AttachmentKey, PolicerKey, Scope},
    not_yet::forwardable,
    rate_change::{LimitChange, RateChange},
    slots::Full,
};

/// A port, planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortPlan {
    /// Index in the port tables.
    pub index: u32,
    /// Whether the index was another port's before, or unused.
    pub is_new: bool,
    /// The port's name.
    pub name: String,
    /// The interface's name.
    pub interface: String,
    /// The port it forwards to; `None`: the stack.
    pub egress: Option<u32>,
    /// Accepted outer TPIDs; 0: none.
    pub tpids: [u16; edge_common::abi::port::MAX_TPIDS],
    /// The verdict on frames of no circuit.
    pub unmatched: UnmatchedPolicy,
    /// Features that its circuits use beyond the plain path.
    pub features: Features,
    /// The mode in which the program is to be attached.
    pub xdp_mode: XdpMode,
    /// Customer or core.
    pub side: Side,
    /// Primary or secondary.
    pub link: Link,
}

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
    fn has_rate(&self, rate: u32) -> bool {
        let Limits { peering, classes } = self.limits;
        let limits = classes.iter().chain([&peering]);
        self.value.rate == rate
            || limits.into_iter().any(|limit| limit.policer != 0 && limit.rate == rate)
    }
}

/// Tables by VID, by index. A whole range of VIDs may belong to one peering.
pub type VidTables = BTreeMap<u32, Box<VidTable>>;

/// The contents of every table.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Ports, in configuration order.
    pub ports: Vec<PortPlan>,
    /// Attachments, in configuration order.
    pub attachments: Vec<AttachmentPlan>,
    /// Policers, by the traffic that they police.
    pub policers: BTreeMap<PolicerKey, SlotClaim>,
    /// Queues of flows, by the circuit's policer.
    pub flow_queues: BTreeMap<PolicerKey, SlotClaim>,
    /// Rates by index.
    pub rates: BTreeMap<u32, Rate>,
    /// Rows of QoS profiles by index.
    pub qos_rows: BTreeMap<u32, QosRow>,
    /// Published entries of each port, by its index.
    pub s_tags: VidTables,
    /// Published entries of each C-table, by its index.
    pub c_tags: VidTables,
    /// C-tables in use, and whether they were before.
    pub c_tables: BTreeMap<CTableKey, SlotClaim>,
}

/// Whether circuits are policed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Police {
    /// At their purchased bandwidth.
    Purchased,
    /// Not at all (`edge replay --no-police`).
    Off,
}

impl Plan {
    /// The plan for `config` on tables with the contents `occupied`.
    pub fn new(config: &Config, occupied: &Occupancy, police: Police) -> Result<Self, Full> {
        let ports = occupied.ports.assign(config.ports.iter().map(|port| port.name.clone()))?;
        let members: Vec<Member<'_>> = members(config).collect();
        let attachments = occupied.attachments.assign(members.iter().map(Member::key))?;
        let (policers, rates): (Vec<_>, Vec<_>) = members.iter().flat_map(Member::buckets).unzip();
        let policers = match police {
            Police::Purchased => occupied.policers.assign(policers)?,
            Police::Off => BTreeMap::new(),
        };
        let flow_queues = match police {
            Police::Purchased => {
                let fair = members.iter().filter(|member| member.is_fair());
                occupied.flow_queues.assign(fair.map(Member::policer))?
            }
            Police::Off => BTreeMap::new(),
        };
        let rates = occupied.rates.assign(rates)?;
        // There are few different rows, and many members.
        let mut rows = BTreeMap::new();
        for member in &members {
            rows.entry(member.qos()).or_insert_with(|| member.qos_row());
        }
        let qos_rows = occupied.qos_rows.assign(rows.values().copied())?;
        let c_tables = occupied.c_tables.assign(members.iter().filter_map(|member| {
            let s_vid = member.c_table_s_vid()?;
            Some(CTableKey { port: ports[&member.port.name].index, s_vid })
        }))?;

        let mut plan = Self {
            ports: config.ports.iter().map(|port| plan_port(config, port, &ports)).collect(),
            attachments: Vec::new(),
            rates: by_index(&rates),
            qos_rows: by_index(&qos_rows),
            s_tags: VidTables::new(),
            c_tags: VidTables::new(),
            policers,
            flow_queues,
            c_tables,
        };
        for member in members {
            let claim = attachments[&member.key()];
            let bucket = |policer: &PolicerKey, rate: &Rate| Bucket {
                policer: plan.policers.get(policer).map_or(0, |policer| policer.index),
                rate: rates[rate].index,
            };
            let Bucket { policer, rate } = bucket(&member.policer(), &member.rate());
            let queues = plan.flow_queues.get(&member.policer()).filter(|_| member.is_fair());
            let value = Attachment {
                policer,
                rate,
                qos_row: qos_rows[&rows[&member.qos()]].index,
                retag: retag::retag(&member).to_bits(),
                len_adjust_bytes: member.len_adjust_bytes(),
                flags: member.flags(),
                reserved: 0,
                flow_queues: queues.map_or(0, |queues| queues.index),
                router_interface: 0,
            };
            let mut limits = Limits::default();
            for (policer, rate) in member.limits() {
                match policer.scope {
                    Scope::Purchased => {}
                    Scope::Peering => limits.peering = bucket(&policer, &rate),
                    Scope::Class(number) => {
                        limits.classes[usize::from(number)] = bucket(&policer, &rate);
                    }
                }
            }
            plan.publish(&member, ports[&member.port.name].index, claim.index);
            plan.attachments.push(AttachmentPlan {
                index: claim.index,
                is_new: claim.is_new,
                key: member.key(),
                value,
                limits,
                predecessors: Vec::new(),
            });
        }
        plan.find_predecessors(&occupied.attachments.known);
        Ok(plan)
    }

    fn attachment_indices(&self) -> BTreeSet<u32> {
        self.attachments.iter().map(|attachment| attachment.index).collect()
    }

    /// The port with this name.
    #[must_use]
    pub fn port(&self, name: &str) -> Option<&PortPlan> {
        self.ports.iter().find(|port| port.name == name)
    }

    fn publish(&mut self, member: &Member<'_>, port: u32, attachment: u32) {
        let slot = Slot::Attachment(attachment);
        let SideTags { s_vid, c_vids } = member.tags();
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

fn plan_port(config: &Config, port: &Port, claims: &BTreeMap<String, SlotClaim>) -> PortPlan {
    let mut tpids = [0; edge_common::abi::port::MAX_TPIDS];
    for (place, tpid) in tpids.iter_mut().zip(&port.tpids) {
        *place = *tpid;
    }
    PortPlan {
        index: claims[&port.name].index,
        is_new: claims[&port.name].is_new,
        name: port.name.clone(),
        interface: port.interface.clone(),
        egress: match &port.forward {
            Forward::Stack => None,
            Forward::Port(name) => Some(claims[name].index),
        },
        tpids,
        unmatched: config.edge.unmatched,
        features: members(config)
            .filter(|member| member.port.name == port.name)
            .fold(Features::NONE, |features, member| features.with(member.features())),
        xdp_mode: port.xdp_mode,
        side: port.side,
        link: port.link,
    }
}

fn by_index<K: Copy>(claims: &BTreeMap<K, SlotClaim>) -> BTreeMap<u32, K> {
    claims.iter().map(|(key, claim)| (claim.index, *key)).collect()
}
