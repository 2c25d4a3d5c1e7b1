//! One port with a QinQ circuit (S 100, C 10, marked by a row of the test's choice) and a Dot1Q
//! circuit (C 20, disabled), in memory.

use std::cell::Cell;

use edge_common::{
    Clock, Reason,
    abi::{
        attachment::{Attachment, Slot},
        class::Class,
        counters::{Losses, Meter, PortCounters},
        in_flight::HandedOver,
        outcome::Outcome,
        policer::{FlowQueues, Lease, Limits, Policer},
        port::{Features, PortConfig},
        qos::{AS_IT_CAME, MAX_RULES, Marking, QosRow, Rule},
        rate::Rate,
    },
    env::{Buckets, Counters, Egress, Lookup, Observer},
    host::{Buffer, HostBuckets},
    packet::{ip::Dscp, vlan::Vid},
    path,
    reason::UnmatchedPolicy,
};

pub(crate) const QINQ: u32 = 1;
pub(crate) const DOT1Q_DISABLED: u32 = 2;
pub(crate) const DOT1Q: u32 = 3;

pub(crate) const PORT: PortConfig = PortConfig {
    tpids: [0x8100, 0x88a8, 0, 0],
    unmatched: UnmatchedPolicy::Drop,
    features: Features::RULES.with(Features::LIMITS).with(Features::FAIRNESS).with(Features::ECN),
};

pub(crate) struct FakeTables {
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) qos_row: QosRow,
    /// By index.
    pub(crate) rates: Vec<Rate>,
    /// By index; 0 is none.
    pub(crate) policers: Vec<(Policer<Cell<u64>>, Lease)>,
    pub(crate) limits: Limits,
    pub(crate) flow_queues: FlowQueues<Cell<u64>>,
    pub(crate) meters: [Meter; 4],
    pub(crate) losses: [Losses; 4],
    /// Every frame that was handed over.
    pub(crate) handed_over: Vec<HandedOver>,
    pub(crate) port_counters: PortCounters,
    pub(crate) egress_is_there: bool,
    /// Whether the Dot1Q circuit claims frames without a tag.
    pub(crate) claims_untagged: bool,
    pub(crate) now_ns: u64,
    pub(crate) outcome: Cell<Outcome>,
}

#[derive(Clone, Copy)]
pub(crate) struct FixedClock(pub u64);

impl Clock for FixedClock {
    fn now_ns(&self) -> u64 {
        self.0
    }
}

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

impl FakeTables {
    pub(crate) fn new(qos_row: &QosRow) -> Self {
        let enabled = Attachment::default();
        let disabled = Attachment { flags: Attachment::DISABLED, ..enabled };
        Self {
            attachments: vec![Attachment::default(), enabled, disabled, enabled],
            qos_row: *qos_row,
            rates: vec![Rate::new(1_000_000_000, 128_000).unwrap()],
            policers: vec![Default::default(), Default::default()],
            limits: Limits::default(),
            flow_queues: FlowQueues::default(),
            meters: [Meter::default(); 4],
            losses: [Losses::default(); 4],
            handed_over: Vec::new(),
            port_counters: PortCounters::default(),
            egress_is_there: true,
            claims_untagged: false,
            now_ns: 1,
            outcome: Cell::new(Outcome::unknown()),
        }
    }

    pub(crate) fn run(&mut self, frame: &mut Vec<u8>) -> Reason {
        self.run_with_headroom(frame, 8)
    }

    /// Runs the path on `frame` at this time.
    pub(crate) fn run_at(&mut self, frame: &mut Vec<u8>, now_ns: u64) -> Reason {
        self.now_ns = now_ns;
        self.run(frame)
    }

    /// Runs the path on `frame` with so many bytes of room in front of it.
    pub(crate) fn run_with_headroom(&mut self, frame: &mut Vec<u8>, headroom: usize) -> Reason {
        self.outcome.set(Outcome::unknown());
        let mut bytes = [&vec![0xee; headroom], frame.as_slice()].concat();
        let mut buffer = Buffer::new(&mut bytes, headroom);
        let reason = path::process(&mut buffer, &PORT, self);
        *frame = buffer.as_bytes().to_vec();
        reason
    }
}

impl Lookup for FakeTables {
    fn s_tag(&self, vid: Vid) -> Slot {
        match vid.index() {
            100 => Slot::CTable(7),
            20 => Slot::Attachment(DOT1Q_DISABLED),
            21 => Slot::Attachment(DOT1Q),
            4000 => Slot::Attachment(99),
            0 if self.claims_untagged => Slot::Attachment(DOT1Q),
            _ => Slot::Empty,
        }
    }

    fn c_tag(&self, table: u32, vid: Vid) -> Slot {
        assert_eq!(table, 7);
        if vid.index() == 10 { Slot::Attachment(QINQ) } else { Slot::Empty }
    }

    fn attachment(&self, index: u32) -> Option<&Attachment> {
        self.attachments.get(index as usize)
    }

    fn qos_row(&self, index: u32) -> Option<&QosRow> {
        (index == 0).then_some(&self.qos_row)
    }

    fn limits(&self, attachment: u32) -> Option<&Limits> {
        (attachment == QINQ).then_some(&self.limits)
    }
}

impl Buckets for FakeTables {
    type Word = Cell<u64>;
    type Clock = FixedClock;

    fn clock(&self) -> Self::Clock {
        FixedClock(self.now_ns)
    }

    fn rate(&self, index: u32) -> Option<&Rate> {
        self.rates.get(index as usize)
    }

    fn policer(&mut self, index: u32) -> Option<(&Policer<Cell<u64>>, &mut Lease)> {
        let (policer, lease) = self.policers.get_mut(index as usize)?;
        Some((policer, lease))
    }

    fn flow_queues(&self, index: u32) -> Option<&FlowQueues<Cell<u64>>> {
        (index == 1).then_some(&self.flow_queues)
    }
}

impl HostBuckets for FakeTables {
    fn features(&self) -> Features {
        PORT.features
    }
}

impl Counters for FakeTables {
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

impl Egress for FakeTables {
    fn forward(&mut self) -> bool {
        self.egress_is_there
    }

    fn hand_over(&mut self, frame: HandedOver) {
        self.handed_over.push(frame);
    }
}

impl Observer for FakeTables {
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
