//! The host engine: the path in this process, on tables in memory.

use std::cell::Cell;

use anyhow::Result;
use edge_common::{
    Clock,
    abi::{
        attachment::{Attachment, Slot},
        class::Class,
        counters::{Counted, Losses, Meter, PortCounters},
        in_flight::HandedOver,
        outcome::Outcome,
        policer::{FlowQueues, Lease, Limits, Policer},
        port::{Features, PortConfig},
        qos::QosRow,
        rate::Rate,
    },
    env::{Buckets, Counters, Egress, FrameCalls, Lookup, Observer},
    host::{Buffer, HostBuckets},
    packet::{ip::Dscp, vlan::Vid},
    path,
};
use zerocopy::FromZeros as _;

use super::Engine;
use crate::plan::{Capacity, Plan, PortPlan, VidTables};

/// Room for two tags in front of a frame.
pub(super) const HEADROOM_BYTES: usize = 8;

/// The path of one port, with the tables of a plan.
pub struct HostEngine {
    port: PortConfig,
    tables: HostTables,
}

/// A plan's tables in memory.
struct HostTables {
    plan: Plan,
    port: u32,
    attachments: Vec<Attachment>,
    limits: Vec<Limits>,
    policers: Vec<(Policer<Cell<u64>>, Lease)>,
    flow_queues: Vec<FlowQueues<Cell<u64>>>,
    meters: Vec<Meter>,
    losses: Vec<Losses>,
    port_counters: PortCounters,
    outcome: Cell<Outcome>,
    features: Features,
    now_ns: u64,
}

/// A replay's time.
#[derive(Clone, Copy)]
struct ReplayClock(u64);

impl HostEngine {
    /// The path of `port` under `plan`.
    #[must_use]
    pub fn new(plan: &Plan, port: &PortPlan, capacity: &Capacity) -> Self {
        let mut attachments = vec![Attachment::default(); capacity.attachments as usize];
        let mut limits = vec![Limits::default(); capacity.attachments as usize];
        for attachment in &plan.attachments {
            attachments[attachment.index as usize] = attachment.value;
            limits[attachment.index as usize] = attachment.limits;
        }
        let policer = || (Policer::default(), Lease::new_zeroed());
        let tables = HostTables {
            plan: plan.clone(),
            port: port.index,
            meters: vec![Meter::default(); attachments.len()],
            losses: vec![Losses::default(); attachments.len()],
            attachments,
            limits,
            policers: (0..capacity.policers).map(|_| policer()).collect(),
            flow_queues: (0..capacity.flow_queues).map(|_| FlowQueues::default()).collect(),
            port_counters: PortCounters::default(),
            outcome: Cell::new(Outcome::unknown()),
            features: port.features,
            now_ns: 0,
        };
        let PortPlan { tpids, unmatched, features, .. } = *port;
        Self { port: PortConfig { tpids, unmatched, features }, tables }
    }

    /// Takes a frame of any kind along the path.
    pub(super) fn process(&mut self, frame: &mut impl FrameCalls, now_ns: u64) -> Outcome {
        self.tables.now_ns = now_ns;
        self.tables.outcome.set(Outcome::unknown());
        let reason = path::process(frame, &self.port, &mut self.tables);
        Outcome { reason: reason.number(), ..self.tables.outcome.get() }
    }
}

impl Engine for HostEngine {
    fn run(&mut self, frame: &mut Vec<u8>, now_ns: u64) -> Result<Outcome> {
        let mut bytes = with_headroom(frame);
        let mut buffer = Buffer::new(&mut bytes, HEADROOM_BYTES);
        let outcome = self.process(&mut buffer, now_ns);
        frame.clear();
        frame.extend_from_slice(buffer.as_bytes());
        Ok(outcome)
    }

    fn counted(&self, attachment: u32) -> Result<Counted> {
        let index = attachment as usize;
        Ok(Counted { meter: self.tables.meters[index], losses: self.tables.losses[index] })
    }

    fn port_counters(&self) -> Result<PortCounters> {
        Ok(self.tables.port_counters)
    }
}

impl Clock for ReplayClock {
    fn now_ns(&self) -> u64 {
        self.0
    }
}

impl Lookup for HostTables {
    fn s_tag(&self, vid: Vid) -> Slot {
        slot(&self.plan.s_tags, self.port, vid)
    }

    fn c_tag(&self, table: u32, vid: Vid) -> Slot {
        slot(&self.plan.c_tags, table, vid)
    }

    fn attachment(&self, index: u32) -> Option<&Attachment> {
        self.attachments.get(index as usize)
    }

    fn qos_row(&self, index: u32) -> Option<&QosRow> {
        self.plan.qos_rows.get(&index)
    }

    fn limits(&self, attachment: u32) -> Option<&Limits> {
        self.limits.get(attachment as usize)
    }
}

impl Buckets for HostTables {
    type Word = Cell<u64>;
    type Clock = ReplayClock;

    fn clock(&self) -> Self::Clock {
        ReplayClock(self.now_ns)
    }

    fn rate(&self, index: u32) -> Option<&Rate> {
        self.plan.rates.get(&index)
    }

    fn policer(&mut self, index: u32) -> Option<(&Policer<Cell<u64>>, &mut Lease)> {
        let (policer, lease) = self.policers.get_mut(index as usize)?;
        Some((policer, lease))
    }

    fn flow_queues(&self, index: u32) -> Option<&FlowQueues<Cell<u64>>> {
        self.flow_queues.get(index as usize)
    }
}

impl HostBuckets for HostTables {
    fn features(&self) -> Features {
        self.features
    }
}

impl Counters for HostTables {
    fn meter(&mut self, attachment: u32) -> Option<&mut Meter> {
        self.meters.get_mut(attachment as usize)
    }

    fn losses(&mut self, attachment: u32) -> Option<&mut Losses> {
        self.losses.get_mut(attachment as usize)
    }

    fn port_counters(&mut self) -> Option<&mut PortCounters> {
        Some(&mut self.port_counters)
    }
}

impl Egress for HostTables {
    fn forward(&mut self) -> bool {
        true
    }

    fn hand_over(&mut self, _frame: HandedOver) {
        // There is no device.
    }
}

impl Observer for HostTables {
    fn note_attachment(&self, index: u32) {
        self.outcome.set(Outcome { attachment: index, ..self.outcome.get() });
    }

    fn note_class(&self, class: Class) {
        self.outcome.set(Outcome { class: class.number(), ..self.outcome.get() });
    }

    fn note_dscp(&self, arriving: Dscp, leaving: Dscp) {
        let (dscp_in, dscp_out) = (arriving.bits(), leaving.bits());
        self.outcome.set(Outcome { dscp_in, dscp_out, ..self.outcome.get() });
    }

    fn note_len_bytes(&self, len_bytes: u32) {
        self.outcome.set(Outcome { len_bytes, ..self.outcome.get() });
    }
}

fn slot(tables: &VidTables, index: u32, vid: Vid) -> Slot {
    tables.get(&index).map_or(Slot::Empty, |table| Slot::from_bits(table[vid.index()]))
}

/// The frame's bytes, behind [`HEADROOM_BYTES`].
pub(super) fn with_headroom(frame: &[u8]) -> Vec<u8> {
    [&[0; HEADROOM_BYTES], frame].concat()
}
