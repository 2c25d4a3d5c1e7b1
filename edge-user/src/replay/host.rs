//! The host engine: the path in this process, on tables in memory.

use std::cell::Cell;

use edge_common::{
    Reason,
    abi::{
        attachment::Attachment,
        counters::{Counted, Losses, Meter, PortCounters},
        outcome::Outcome,
        policer::{FlowQueues, Limits},
        port::PortConfig,
        qos::QosRow,
        rate::Rate,
        router::RouterInterface,
        routing::{LINK_UP, Mac, NextHop, NextHopGroup},
        unmatched::{UNMATCHED_BUCKETS, UnmatchedBucket},
    },
    env::{FrameCalls, Way},
    host::{BucketTables, Buffer, FixedClock, HostRouter, HostTables, fib::HostFib},
    packet::vlan::Vid,
};
use zerocopy::FromZeros as _;

use super::{PathEngine, error::Result};
use crate::{
    kernel::UnmatchedCounts,
    plan::{Capacity, Plan, PortPlan},
};

/// Room in front of a frame for two tags, or for the headers of an ICMP error.
pub(super) const HEADROOM_BYTES: usize = 56;

/// The path of one port, with the tables of a plan.
pub struct HostEngine {
    tables: HostTables,
}

impl HostEngine {
    /// The path of `port` under `plan`.
    #[must_use]
    pub fn new(plan: &Plan, port: &PortPlan, capacity: &Capacity) -> Self {
        let PortPlan { tpids, unmatched, features, .. } = *port;
        let port_config = PortConfig { tpids, unmatched, features };
        let table = |index| plan.s_tags.get(&index).cloned();
        let mut tables = HostTables {
            port: port_config,
            s_table: table(port.index).unwrap_or_else(|| Box::new([0; Vid::COUNT])),
            c_tables: plan.c_tags.clone(),
            attachments: entries(capacity.attachments, Attachment::default),
            qos_rows: entries(capacity.qos_rows, QosRow::new_zeroed),
            limits: entries(capacity.attachments, Limits::default),
            buckets: BucketTables {
                rates: entries(capacity.rates, Rate::new_zeroed),
                policers: entries(capacity.policers, Default::default),
                flow_queues: entries(capacity.flow_queues, FlowQueues::default),
                clock: FixedClock(0),
                features,
            },
            meters: entries(capacity.attachments, Meter::default),
            losses: entries(capacity.attachments, Losses::default),
            port_counters: PortCounters::default(),
            unmatched: entries(UNMATCHED_BUCKETS, UnmatchedBucket::default),
            has_egress: true,
            router: router(plan, capacity),
            is_routed: false,
            handed_over: Vec::new(),
            outcome: Cell::new(Outcome::unknown()),
        };
        for attachment in &plan.attachments {
            tables.attachments[attachment.index as usize] = attachment.value;
            tables.limits[attachment.index as usize] = attachment.limits;
        }
        for (index, row) in &plan.qos_rows {
            tables.qos_rows[*index as usize] = *row;
        }
        for (index, rate) in &plan.rates {
            tables.buckets.rates[*index as usize] = *rate;
        }
        Self { tables }
    }

    /// The router's tables: the plan's, until others take their place.
    #[must_use]
    pub fn router(&self) -> &HostRouter {
        &self.tables.router
    }

    /// Routes frames by these tables of the router, instead of the plan's.
    pub fn route_by(&mut self, router: HostRouter) {
        self.tables.router = router;
    }

    /// Takes one frame along the path, and tells its way out.
    pub fn send(&mut self, frame: &[u8]) -> SentFrame {
        let mut bytes = with_headroom(frame);
        let mut buffer = Buffer::new(&mut bytes, HEADROOM_BYTES);
        let outcome = self.process(&mut buffer, 0);
        let handed_over = self.tables.handed_over.last();
        SentFrame {
            reason: Reason::of_number(outcome.reason),
            way: handed_over.map(|(way, _)| *way),
            owner: handed_over.map_or(0, |(_, frame)| frame.attachment),
            bytes: buffer.as_bytes().to_vec(),
        }
    }

    /// Takes a frame of any kind along the path.
    pub(super) fn process(&mut self, frame: &mut impl FrameCalls, now_ns: u64) -> Outcome {
        self.tables.process(frame, now_ns)
    }
}

/// A frame at the end of its path.
#[derive(Clone, Debug)]
pub struct SentFrame {
    /// The end.
    pub reason: Reason,
    /// Its way out; `None`: it went nowhere.
    pub way: Option<Way>,
    /// The attachment that it belongs to; 0: none.
    pub owner: u32,
    /// The frame as it left.
    pub bytes: Vec<u8>,
}

impl SentFrame {
    /// Its source's MAC address.
    #[must_use]
    pub fn source(&self) -> Mac {
        let source = self.bytes.get(6..12).and_then(|bytes| bytes.try_into().ok());
        source.map_or(Mac::NONE, Mac::new)
    }
}

impl PathEngine for HostEngine {
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

    fn unmatched(&self) -> Result<UnmatchedCounts> {
        let mut counts = UnmatchedCounts::default();
        for bucket in &self.tables.unmatched {
            counts.add(bucket);
        }
        Ok(counts)
    }
}

/// The router's tables without any route, and without neighbours.
pub(super) fn router(plan: &Plan, capacity: &Capacity) -> HostRouter {
    let sizes = capacity.router;
    let mut router = HostRouter {
        interfaces: entries(sizes.interfaces, RouterInterface::default),
        roots: entries(sizes.roots, u64::default),
        fib: HostFib::default(),
        next_hops: entries(sizes.next_hops, NextHop::default),
        groups: entries(sizes.next_hop_groups, NextHopGroup::default),
        links: entries(sizes.links, || LINK_UP),
    };
    for interface in &plan.interfaces {
        router.interfaces[interface.index as usize] = interface.value;
        for (index, hop) in interface.places().next_hops().into_iter().zip(interface.next_hops) {
            router.next_hops[index as usize] = hop;
        }
    }
    router
}

/// The frame's bytes, behind [`HEADROOM_BYTES`].
pub(super) fn with_headroom(frame: &[u8]) -> Vec<u8> {
    [&[0; HEADROOM_BYTES], frame].concat()
}

/// As many entries as a table has.
fn entries<T>(count: u32, entry: impl Fn() -> T) -> Vec<T> {
    (0..count).map(|_| entry()).collect()
}
