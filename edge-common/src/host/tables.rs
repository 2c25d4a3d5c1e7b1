//! The kernel's tables in memory, as the surroundings of one port's path.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use core::cell::Cell;

use super::calls::HostBuckets;
use crate::{
    abi::{
        VidTable,
        attachment::{Attachment, Slot},
        class::Class,
        counters::{Losses, Meter, PortCounters},
        in_flight::HandedOver,
        outcome::Outcome,
        policer::{FlowQueues, Lease, Limits, Policer},
        port::{Features, PortConfig},
        qos::QosRow,
        rate::Rate,
    },
    env::{Buckets, Clock, CpuCounters, Egress, FrameCalls, Lookup, Observer, Word},
    packet::{ip::Dscp, vlan::Vid},
    path,
};

/// The tables of one port and one CPU, with the path's notes about the last frame.
pub struct HostTables {
    /// The port.
    pub port: PortConfig,
    /// Its S-table.
    pub s_table: Box<VidTable>,
    /// C-tables by index.
    pub c_tables: BTreeMap<u32, Box<VidTable>>,
    /// Attachments by index; 0 stands for none.
    pub attachments: Vec<Attachment>,
    /// Rows of QoS profiles by index.
    pub qos_rows: Vec<QosRow>,
    /// Limits by the attachment's index.
    pub limits: Vec<Limits>,
    /// The buckets.
    pub buckets: BucketTables<Cell<u64>, FixedClock>,
    /// Meters by the attachment's index.
    pub meters: Vec<Meter>,
    /// Losses by the attachment's index.
    pub losses: Vec<Losses>,
    /// The port's counters.
    pub port_counters: PortCounters,
    /// Whether the port that frames are forwarded to is there.
    pub has_egress: bool,
    /// The records of frames that were handed over.
    pub handed_over: Vec<HandedOver>,
    /// The outcome of the last frame.
    pub outcome: Cell<Outcome>,
}

/// Buckets, their rates, and their clock.
pub struct BucketTables<W, C> {
    /// Rates by index.
    pub rates: Vec<Rate>,
    /// Policers, and this CPU's leases, by index; 0 stands for none.
    pub policers: Vec<(Policer<W>, Lease)>,
    /// Queues of flows by index; 0 stands for none.
    pub flow_queues: Vec<FlowQueues<W>>,
    /// The clock.
    pub clock: C,
    /// The features of the port.
    pub features: Features,
}

/// A clock that stands still at this number of nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub u64);

impl HostTables {
    /// Takes a frame along the path at this time of a monotonic clock.
    pub fn process(&mut self, frame: &mut impl FrameCalls, now_ns: u64) -> Outcome {
        self.buckets.clock = FixedClock(now_ns);
        self.handed_over.clear();
        self.outcome.set(Outcome::unknown());
        let port = self.port;
        let reason = path::process(frame, &port, self);
        Outcome { reason: reason.number(), ..self.outcome.get() }
    }
}

impl Clock for FixedClock {
    fn now_ns(&self) -> u64 {
        self.0
    }
}

impl<W: Word, C: Clock + Copy> Buckets for BucketTables<W, C> {
    type Word = W;
    type Clock = C;

    fn clock(&self) -> C {
        self.clock
    }

    fn rate(&self, index: u32) -> Option<&Rate> {
        self.rates.get(index as usize)
    }

    fn policer(&mut self, index: u32) -> Option<(&Policer<W>, &mut Lease)> {
        let (policer, lease) = self.policers.get_mut(index as usize)?;
        Some((policer, lease))
    }

    fn flow_queues(&self, index: u32) -> Option<&FlowQueues<W>> {
        self.flow_queues.get(index as usize)
    }
}

impl<W: Word, C: Clock + Copy> HostBuckets for BucketTables<W, C> {
    fn features(&self) -> Features {
        self.features
    }
}

impl Lookup for HostTables {
    fn s_tag(&self, vid: Vid) -> Slot {
        Slot::from_bits(self.s_table[vid.index()])
    }

    fn c_tag(&self, table: u32, vid: Vid) -> Slot {
        self.c_tables.get(&table).map_or(Slot::Empty, |table| Slot::from_bits(table[vid.index()]))
    }

    fn attachment(&self, index: u32) -> Option<&Attachment> {
        self.attachments.get(index as usize)
    }

    fn qos_row(&self, index: u32) -> Option<&QosRow> {
        self.qos_rows.get(index as usize)
    }

    fn limits(&self, attachment: u32) -> Option<&Limits> {
        self.limits.get(attachment as usize)
    }
}

impl Buckets for HostTables {
    type Word = Cell<u64>;
    type Clock = FixedClock;

    fn clock(&self) -> FixedClock {
        self.buckets.clock()
    }

    fn rate(&self, index: u32) -> Option<&Rate> {
        self.buckets.rate(index)
    }

    fn policer(&mut self, index: u32) -> Option<(&Policer<Cell<u64>>, &mut Lease)> {
        self.buckets.policer(index)
    }

    fn flow_queues(&self, index: u32) -> Option<&FlowQueues<Cell<u64>>> {
        self.buckets.flow_queues(index)
    }
}

impl HostBuckets for HostTables {
    fn features(&self) -> Features {
        self.port.features
    }
}

impl CpuCounters for HostTables {
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
        self.has_egress
    }

    fn hand_over(&mut self, frame: HandedOver) {
        self.handed_over.push(frame);
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
