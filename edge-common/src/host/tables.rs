//! The kernel's tables in memory, as the surroundings of one port's path.

use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use core::cell::Cell;

use super::{
    calls::{HostBuckets, HostRouting},
    fib::HostFib,
};
use crate::{
    abi::{
        VidTable,
        attachment::{Attachment, Slot},
        class::Class,
        counters::{Losses, Meter, PortCounters},
        fib::{FibLine, Tree},
        in_flight::HandedOver,
        outcome::Outcome,
        policer::{FlowQueues, Lease, Limits, Policer},
        port::{Features, PortConfig},
        qos::QosRow,
        rate::Rate,
        router::RouterInterface,
        routing::{LINK_UP, Mac, NextHop, NextHopGroup},
        unmatched::UnmatchedBucket,
    },
    env::{Buckets, Clock, CpuCounters, Egress, FrameCalls, Lookup, Observer, Routing, Way, Word},
    fib::Lines,
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
    /// The port's buckets for tags that no circuit claims.
    pub unmatched: Vec<UnmatchedBucket>,
    /// The router's tables.
    pub router: HostRouter,
    /// Whether the port that frames are forwarded to is there.
    pub has_egress: bool,
    /// The records of frames that were handed over, and their ways.
    pub handed_over: Vec<(Way, HandedOver)>,
    /// Whether the path chose the last frame's way itself.
    pub is_routed: bool,
    /// The outcome of the last frame.
    pub outcome: Cell<Outcome>,
}

/// The router's tables.
#[derive(Clone, Debug, Default)]
pub struct HostRouter {
    /// Interfaces by index; 0 stands for none.
    pub interfaces: Vec<RouterInterface>,
    /// Numbers of trees by the root's index; 0 stands for none.
    pub roots: Vec<u64>,
    /// Trees and their lines.
    pub fib: HostFib,
    /// Next hops by index; 0 stands for none.
    pub next_hops: Vec<NextHop>,
    /// Groups of next hops by index.
    pub groups: Vec<NextHopGroup>,
    /// Words of links by index.
    pub links: Vec<u64>,
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
        let ended = path::process(frame, &port, self);
        self.is_routed = ended.is_routed;
        let is_routed = u32::from(ended.is_routed);
        Outcome { reason: ended.reason.number(), is_routed, ..self.outcome.get() }
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

impl Lines for HostTables {
    fn line(&self, index: u32) -> Option<&FibLine> {
        self.router.fib.line(index)
    }

    fn tree(&self, index: u32) -> Option<&Tree> {
        self.router.fib.tree(index)
    }
}

impl Routing for HostTables {
    fn router_interface(&self, index: u32) -> Option<&RouterInterface> {
        self.router.interfaces.get(index as usize)
    }

    fn root(&self, index: u32) -> Option<&Tree> {
        let tree = u32::try_from(*self.router.roots.get(index as usize)?).ok()?;
        self.tree(tree).filter(|_| tree != 0)
    }

    fn next_hop(&self, index: u32) -> Option<&NextHop> {
        self.router.next_hops.get(index as usize)
    }

    fn neighbour(&self, next_hop: u32) -> Mac {
        self.next_hop(next_hop).map_or(Mac::NONE, |hop| Mac::from_bits(hop.neighbour))
    }

    fn next_hop_group(&self, index: u32) -> Option<&NextHopGroup> {
        self.router.groups.get(index as usize)
    }

    fn is_link_up(&self, link: u32) -> bool {
        self.router.links.get(link as usize) == Some(&LINK_UP)
    }
}

impl HostRouting for HostTables {}

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

    fn unmatched(&mut self, bucket: u32) -> Option<&mut UnmatchedBucket> {
        self.unmatched.get_mut(bucket as usize)
    }
}

impl Egress for HostTables {
    fn forward(&mut self, _way: Way) -> bool {
        self.has_egress
    }

    fn hand_over(&mut self, way: Way, frame: HandedOver) {
        self.handed_over.push((way, frame));
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
