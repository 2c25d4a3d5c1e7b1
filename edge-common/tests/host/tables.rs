//! One port with a QinQ circuit (S 100, C 10, marked by a row of the test's choice) and a Dot1Q
//! circuit (C 20, disabled), in memory.

use std::cell::Cell;

use edge_common::{
    Clock, Reason, Tables,
    abi::Outcome,
    attachment::{Attachment, Slot},
    class::{Class, Dscp},
    mark::{MarkRow, Marking},
    meter::{Meter, PortCounters},
    path,
    police::Lease,
    port::PortConfig,
    rate::Rate,
    reason::UnmatchedPolicy,
    tags::Vid,
};

pub(crate) const QINQ: u32 = 1;
pub(crate) const DOT1Q_DISABLED: u32 = 2;
pub(crate) const DOT1Q: u32 = 3;

pub(crate) const PORT: PortConfig =
    PortConfig { tpids: [0x8100, 0x88a8, 0, 0], unmatched: UnmatchedPolicy::Drop };

pub(crate) struct FakeTables {
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) mark_row: MarkRow,
    pub(crate) rate: Rate,
    pub(crate) policer: (Cell<u64>, Lease),
    pub(crate) meters: [Meter; 4],
    pub(crate) port_counters: PortCounters,
    pub(crate) egress_is_there: bool,
    pub(crate) outcome: Cell<Outcome>,
}

pub(crate) struct FixedClock(pub u64);

impl Clock for FixedClock {
    fn now_ns(&self) -> u64 {
        self.0
    }
}

/// Each code point its own class modulo 8, and leaving as `leaving` says.
pub(crate) fn mark_row(leaving: impl Fn(u8) -> u8) -> MarkRow {
    let marking = |arriving: usize| {
        let arriving = u8::try_from(arriving).unwrap();
        Marking { class: Class::new(arriving), dscp: Dscp::new(leaving(arriving)) }.to_bits()
    };
    MarkRow { markings: std::array::from_fn(marking), burst_shares: [1024; 8] }
}

impl FakeTables {
    pub(crate) fn new(mark_row: MarkRow) -> Self {
        let enabled = Attachment { default_class: 5, ..Attachment::default() };
        let disabled = Attachment { flags: Attachment::DISABLED, ..enabled };
        Self {
            attachments: vec![Attachment::default(), enabled, disabled, enabled],
            mark_row,
            rate: Rate::new(1_000_000_000, 128_000).unwrap(),
            policer: (Cell::new(0), Lease::default()),
            meters: [Meter::default(); 4],
            port_counters: PortCounters::default(),
            egress_is_there: true,
            outcome: Cell::new(Outcome::unknown()),
        }
    }

    pub(crate) fn run(&mut self, frame: &mut [u8]) -> Reason {
        self.outcome.set(Outcome::unknown());
        path::process(&mut &mut *frame, &PORT, self, &FixedClock(1))
    }
}

impl Tables for FakeTables {
    type Word = Cell<u64>;

    fn s_tag(&self, vid: Vid) -> Slot {
        match vid.index() {
            100 => Slot::CTable(7),
            20 => Slot::Attachment(DOT1Q_DISABLED),
            21 => Slot::Attachment(DOT1Q),
            4000 => Slot::Attachment(99),
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

    fn mark_row(&self, index: u32) -> Option<&MarkRow> {
        (index == 0).then_some(&self.mark_row)
    }

    fn rate(&self, index: u32) -> Option<&Rate> {
        (index == 0).then_some(&self.rate)
    }

    fn policer(&mut self, index: u32) -> Option<(&Cell<u64>, &mut Lease)> {
        let (word, lease) = &mut self.policer;
        (index == 1).then_some((word, lease))
    }

    fn meter(&mut self, attachment: u32) -> Option<&mut Meter> {
        self.meters.get_mut(attachment as usize)
    }

    fn port_counters(&mut self) -> Option<&mut PortCounters> {
        Some(&mut self.port_counters)
    }

    fn forward(&mut self) -> bool {
        self.egress_is_there
    }

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
}
