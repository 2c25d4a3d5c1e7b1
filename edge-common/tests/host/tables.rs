//! One port with a QinQ circuit (S 100, C 10, marked by a row of the test's choice) and a Dot1Q
//! circuit (C 20, disabled), in memory.

use std::cell::Cell;

use edge_common::{
    Reason,
    abi::{
        attachment::{Attachment, Slot},
        class::Class,
        counters::{Losses, Meter, PortCounters},
        outcome::Outcome,
        policer::{FlowQueues, Limits},
        port::{Features, PortConfig},
        qos::{AS_IT_CAME, MAX_RULES, Marking, QosRow, Rule},
        rate::Rate,
        unmatched::{UNMATCHED_BUCKETS, UnmatchedBucket},
    },
    host::{BucketTables, Buffer, FixedClock, HostRouter, HostTables},
    packet::{ip::Dscp, vlan::Vid},
    reason::UnmatchedPolicy,
};

pub(crate) const QINQ: u32 = 1;
pub(crate) const DOT1Q_DISABLED: u32 = 2;
pub(crate) const DOT1Q: u32 = 3;
const C_TABLE: u32 = 7;

pub(crate) const PORT: PortConfig = PortConfig {
    tpids: [0x8100, 0x88a8, 0, 0],
    unmatched: UnmatchedPolicy::Drop,
    features: Features::RULES.with(Features::LIMITS).with(Features::FAIRNESS).with(Features::ECN),
};

/// Each code point its own class modulo 8, and leaving as `leaving` says.
pub(crate) fn qos_row(leaving: impl Fn(u8) -> u8) -> QosRow {
    let marking = |arriving: usize| {
        let arriving = u8::try_from(arriving).unwrap();
        Marking { class: Class::new(arriving), dscp: Dscp::new(leaving(arriving)) }.to_bits()
    };
    QosRow {
        markings: std::array::from_fn(marking),
        burst_shares: [1024; 8],
        pcp_classes: [5, 5, 5, 5, 5, 5, 6, 7],
        pcp_marks: [AS_IT_CAME; 8],
        rule_dscps: [AS_IT_CAME; 8],
        rule_count: 0,
        reserved: [0; 7],
        rules: [Rule::default(); MAX_RULES],
    }
}

/// The port's tables, with one bucket, which has a rate, and no limits.
pub(crate) fn sample(qos_row: &QosRow) -> HostTables {
    let enabled = Attachment::default();
    let disabled = Attachment { flags: Attachment::DISABLED, ..enabled };
    let mut s_table = Box::new([0; Vid::COUNT]);
    let slots = [
        (100, Slot::CTable(C_TABLE)),
        (20, Slot::Attachment(DOT1Q_DISABLED)),
        (21, Slot::Attachment(DOT1Q)),
        (4000, Slot::Attachment(99)),
    ];
    for (vid, slot) in slots {
        s_table[vid] = slot.to_bits();
    }
    let mut c_table = Box::new([0; Vid::COUNT]);
    c_table[10] = Slot::Attachment(QINQ).to_bits();
    HostTables {
        port: PORT,
        s_table,
        c_tables: [(C_TABLE, c_table)].into(),
        attachments: vec![Attachment::default(), enabled, disabled, enabled],
        qos_rows: vec![*qos_row],
        limits: vec![Limits::default(); 4],
        buckets: BucketTables {
            rates: vec![Rate::new(1_000_000_000, 128_000).unwrap()],
            policers: vec![Default::default(), Default::default()],
            flow_queues: vec![FlowQueues::default(), FlowQueues::default()],
            clock: FixedClock(1),
            features: PORT.features,
        },
        meters: vec![Meter::default(); 4],
        losses: vec![Losses::default(); 4],
        port_counters: PortCounters::default(),
        unmatched: vec![UnmatchedBucket::default(); UNMATCHED_BUCKETS as usize],
        router: HostRouter::default(),
        has_egress: true,
        is_routed: false,
        handed_over: Vec::new(),
        outcome: Cell::new(Outcome::unknown()),
    }
}

/// Has the Dot1Q circuit claim frames without a tag.
pub(crate) fn claim_untagged(tables: &mut HostTables) {
    tables.s_table[0] = Slot::Attachment(DOT1Q).to_bits();
}

/// Takes a frame of bytes along the path.
pub(crate) trait Run {
    /// At the time that it is, with room for two tags.
    fn run(&mut self, frame: &mut Vec<u8>) -> Reason;
    /// At this time.
    fn run_at(&mut self, frame: &mut Vec<u8>, now_ns: u64) -> Reason;
    /// With so many bytes of room in front of it.
    fn run_with_headroom(&mut self, frame: &mut Vec<u8>, headroom: usize) -> Reason;
}

impl Run for HostTables {
    fn run(&mut self, frame: &mut Vec<u8>) -> Reason {
        self.run_with_headroom(frame, 8)
    }

    fn run_at(&mut self, frame: &mut Vec<u8>, now_ns: u64) -> Reason {
        self.buckets.clock = FixedClock(now_ns);
        self.run(frame)
    }

    fn run_with_headroom(&mut self, frame: &mut Vec<u8>, headroom: usize) -> Reason {
        let mut bytes = [&vec![0xee; headroom], frame.as_slice()].concat();
        let mut buffer = Buffer::new(&mut bytes, headroom);
        let FixedClock(now_ns) = self.buckets.clock;
        let outcome = self.process(&mut buffer, now_ns);
        *frame = buffer.as_bytes().to_vec();
        Reason::from_number(outcome.reason).unwrap()
    }
}
