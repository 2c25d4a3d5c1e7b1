//! From a configuration to the exact contents of the tables: pure, so that it is tested, and run
//! by `edge replay --engine host`, without a kernel.

mod capacity;
mod marks;
mod member;
mod rates;
pub mod slots;

use std::collections::{BTreeMap, BTreeSet};

use edge_common::{
    attachment::{Attachment, Slot},
    mark::MarkRow,
    rate::Rate,
    reason::UnmatchedPolicy,
};

use self::{
    member::{Member, members},
    slots::Claim,
};
use crate::config::{Config, Direction, Forward, Link, PeeringKind, Port, Side, XdpMode};

pub use self::{
    capacity::{CTableKey, Capacity, Occupancy},
    slots::Full,
};

/// One port + S-VID + C-VID that a circuit's peering claims.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttachmentKey {
    /// The circuit's name.
    pub circuit: String,
    /// The peering.
    pub peering: PeeringKind,
    /// The port's name.
    pub port: String,
    /// Names of its classes, by number: counters of other classes are others.
    pub classes: Vec<String>,
}

/// What one bucket polices.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicerKey {
    /// The circuit's name.
    pub circuit: String,
    /// The peering, where each has a bucket of its own.
    pub peering: Option<PeeringKind>,
    /// The direction.
    pub direction: Direction,
    /// The link.
    pub link: Link,
}

/// A port, planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortPlan {
    /// Index in the port tables.
    pub index: u32,
    /// The index was somebody else's, or nobody's.
    pub is_new: bool,
    /// The port's name.
    pub name: String,
    /// The interface's.
    pub interface: String,
    /// The port it forwards to; `None`: the stack.
    pub egress: Option<u32>,
    /// Accepted outer TPIDs; 0: none.
    pub tpids: [u16; edge_common::port::MAX_TPIDS],
    /// What happens to frames of no circuit.
    pub unmatched: UnmatchedPolicy,
    /// How to attach.
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
    /// The index was somebody else's, or nobody's.
    pub is_new: bool,
    /// Whose it is.
    pub key: AttachmentKey,
    /// What the path reads.
    pub value: Attachment,
    /// Direction of the frames.
    pub direction: Direction,
    /// The port's link.
    pub link: Link,
    /// Indices that the same peering had on the same port with other classes, whose counters are
    /// part of its own.
    pub predecessors: Vec<(u32, Vec<String>)>,
}

/// The contents of every table.
#[derive(Clone, Debug)]
pub struct Plan {
    /// In configuration order.
    pub ports: Vec<PortPlan>,
    /// In configuration order.
    pub attachments: Vec<AttachmentPlan>,
    /// Policers, with what is policed.
    pub policers: BTreeMap<PolicerKey, Claim>,
    /// Rates by index.
    pub rates: BTreeMap<u32, Rate>,
    /// DSCP markings by index.
    pub mark_rows: BTreeMap<u32, MarkRow>,
    /// Published entries of S-tables, by port and VID.
    pub s_tags: BTreeMap<(u32, u16), Slot>,
    /// Published entries of C-tables, by table and VID.
    pub c_tags: BTreeMap<(u32, u16), Slot>,
    /// C-tables in use, and whether they were before.
    pub c_tables: BTreeMap<CTableKey, Claim>,
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
    /// The plan for `config` on tables as `occupied`.
    pub fn new(config: &Config, occupied: &Occupancy, police: Police) -> Result<Self, Full> {
        let ports = occupied.ports.assign(config.ports.iter().map(|port| port.name.clone()))?;
        let members: Vec<Member<'_>> = members(config).collect();
        let attachments = occupied.attachments.assign(members.iter().map(Member::key))?;
        let policers = match police {
            Police::Purchased => occupied.policers.assign(members.iter().map(Member::policer))?,
            Police::Off => BTreeMap::new(),
        };
        let rates = occupied.rates.assign(members.iter().map(Member::rate))?;
        let mark_rows = occupied.mark_rows.assign(members.iter().map(Member::mark_row))?;
        let c_tables = occupied.c_tables.assign(members.iter().filter_map(|member| {
            Some(CTableKey { port: ports[&member.port.name].index, s_vid: member.circuit.s_tag? })
        }))?;

        let mut plan = Self {
            ports: config.ports.iter().map(|port| plan_port(config, port, &ports)).collect(),
            attachments: Vec::new(),
            rates: by_index(&rates),
            mark_rows: by_index(&mark_rows),
            s_tags: BTreeMap::new(),
            c_tags: BTreeMap::new(),
            policers,
            c_tables,
        };
        for member in members {
            let claim = attachments[&member.key()];
            let value = Attachment {
                policer: plan.policers.get(&member.policer()).map_or(0, |policer| policer.index),
                rate: rates[&member.rate()].index,
                mark_row: mark_rows[&member.mark_row()].index,
                default_class: marks::default_class(member.profile()),
                flags: if member.circuit.enabled { 0 } else { Attachment::DISABLED },
                reserved: 0,
            };
            plan.publish(&member, ports[&member.port.name].index, claim.index);
            plan.attachments.push(AttachmentPlan {
                index: claim.index,
                is_new: claim.is_new,
                key: member.key(),
                value,
                direction: member.port.side.direction(),
                link: member.port.link,
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

    fn find_predecessors(&mut self, known: &BTreeMap<AttachmentKey, u32>) {
        let taken = self.attachment_indices();
        let place = |key: &AttachmentKey| (key.circuit.clone(), key.peering, key.port.clone());
        let mut predecessors: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (key, index) in known.iter().filter(|(_, index)| !taken.contains(index)) {
            predecessors.entry(place(key)).or_default().push((*index, key.classes.clone()));
        }
        for attachment in &mut self.attachments {
            attachment.predecessors =
                predecessors.remove(&place(&attachment.key)).unwrap_or_default();
        }
    }

    fn publish(&mut self, member: &Member<'_>, port: u32, attachment: u32) {
        let slot = Slot::Attachment(attachment);
        match member.circuit.s_tag {
            None => {
                self.s_tags.insert((port, member.peering.c_tag), slot);
            }
            Some(s_vid) => {
                let c_table = self.c_tables[&CTableKey { port, s_vid }].index;
                self.s_tags.insert((port, s_vid), Slot::CTable(c_table));
                self.c_tags.insert((c_table, member.peering.c_tag), slot);
            }
        }
    }
}

fn plan_port(config: &Config, port: &Port, claims: &BTreeMap<String, Claim>) -> PortPlan {
    let mut tpids = [0; edge_common::port::MAX_TPIDS];
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
        xdp_mode: port.xdp_mode,
        side: port.side,
        link: port.link,
    }
}

fn by_index<K: Copy>(claims: &BTreeMap<K, Claim>) -> BTreeMap<u32, K> {
    claims.iter().map(|(key, claim)| (claim.index, *key)).collect()
}
