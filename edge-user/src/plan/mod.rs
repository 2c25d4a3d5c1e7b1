//! From a configuration to the exact contents of the tables: pure, so that it is tested, and run
//! by `edge replay --engine host`, without a kernel.

mod marks;
mod rates;
pub mod slots;

use std::collections::{BTreeMap, BTreeSet};

use edge_common::{
    attachment::{Attachment, Slot},
    mark::MarkRow,
    rate::Rate,
    reason::UnmatchedPolicy,
};

use self::slots::{Claim, Table};
use crate::config::{
    Circuit, Config, Direction, Forward, Link, Peering, PeeringKind, Policing, Port, Side, XdpMode,
};

pub use self::slots::Full;

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

/// A C-table: that of an S-VID on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CTableKey {
    /// The port's index.
    pub port: u32,
    /// The S-VID.
    pub s_vid: u16,
}

/// The kernel's tables as they are: what to keep, and how much room there is.
#[derive(Clone, Debug)]
pub struct Occupancy {
    /// `S_TABLES`, `PORT_COUNTERS`, `TX_PORTS`, by port name.
    pub ports: Table<String>,
    /// `C_TABLES`.
    pub c_tables: Table<CTableKey>,
    /// `ATTACHMENTS`, `METERS`. Index 0 stands for none.
    pub attachments: Table<AttachmentKey>,
    /// `POLICERS`, `LEASES`. Index 0 stands for not policed.
    pub policers: Table<PolicerKey>,
    /// `RATES`.
    pub rates: Table<Rate>,
    /// `MARK_ROWS`.
    pub mark_rows: Table<MarkRow>,
}

/// Numbers of entries of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Ports.
    pub ports: u32,
    /// C-tables: S-VIDs on ports.
    pub c_tables: u32,
    /// Attachments and the unused entry 0.
    pub attachments: u32,
    /// Policers and the unused entry 0.
    pub policers: u32,
    /// Distinct rates.
    pub rates: u32,
    /// Distinct DSCP markings.
    pub mark_rows: u32,
}

impl Capacity {
    /// Room for `config` and as much again, so that reloads can add and replace.
    #[must_use]
    pub fn for_config(config: &Config) -> Self {
        let count = |n: usize, least: u32| {
            u32::try_from(2 * n + 1).unwrap_or(u32::MAX).max(least).next_power_of_two()
        };
        let attachments = config.circuits.iter().map(|c| c.ports.len() * c.peerings.len()).sum();
        let s_tags = config.circuits.iter().flat_map(|circuit| {
            circuit.ports.iter().filter_map(|port| Some((port, circuit.s_tag?)))
        });
        let s_tags: BTreeSet<_> = s_tags.collect();
        Self {
            ports: count(config.ports.len(), 16),
            c_tables: count(s_tags.len(), 64),
            attachments: count(attachments, 1024),
            policers: count(attachments, 1024),
            rates: count(config.circuits.len(), 256),
            mark_rows: count(3 * config.qos.len(), 64),
        }
    }

    /// Tables of this size that nobody has used.
    #[must_use]
    pub fn unused(&self) -> Occupancy {
        Occupancy {
            ports: Table::unused("ports", 0, self.ports),
            c_tables: Table::unused("S-tags on ports", 0, self.c_tables),
            attachments: Table::unused("peerings on ports", 1, self.attachments),
            policers: Table::unused("policers", 1, self.policers),
            rates: Table::unused("different bandwidths", 0, self.rates),
            mark_rows: Table::unused("DSCP markings", 0, self.mark_rows),
        }
    }
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

    /// The attachment with this index.
    #[must_use]
    pub fn attachment(&self, index: u32) -> Option<&AttachmentPlan> {
        self.attachments.iter().find(|attachment| attachment.index == index)
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

/// A peering of a circuit on one of its ports.
struct Member<'a> {
    config: &'a Config,
    circuit: &'a Circuit,
    peering: &'a Peering,
    port: &'a Port,
}

fn members(config: &Config) -> impl Iterator<Item = Member<'_>> {
    config.circuits.iter().flat_map(move |circuit| {
        let on_port = move |port: &'_ &Port| circuit.ports.contains(&port.name);
        circuit.peerings.iter().flat_map(move |peering| {
            let ports = config.ports.iter().filter(on_port);
            ports.map(move |port| Member { config, circuit, peering, port })
        })
    })
}

impl Member<'_> {
    fn key(&self) -> AttachmentKey {
        AttachmentKey {
            circuit: self.circuit.name.clone(),
            peering: self.peering.kind,
            port: self.port.name.clone(),
            classes: self.profile().classes.iter().map(|class| class.name.clone()).collect(),
        }
    }

    fn policer(&self) -> PolicerKey {
        PolicerKey {
            circuit: self.circuit.name.clone(),
            peering: match self.circuit.policing {
                Policing::CircuitLink => None,
                Policing::PeeringLink => Some(self.peering.kind),
            },
            direction: self.port.side.direction(),
            link: self.port.link,
        }
    }

    fn rate(&self) -> Rate {
        rates::rate(self.circuit)
    }

    fn mark_row(&self) -> MarkRow {
        marks::mark_row(self.profile(), self.peering.dscp)
    }

    fn profile(&self) -> &crate::config::QosProfile {
        &self.config.qos[&self.peering.qos]
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
