//! The maps, and the path's view of them.
//!
//! Sizes here are the least that loads; the loader sets the real ones from the configuration.

use aya_ebpf::{
    btf_maps::{Array, DevMap, PerCpuArray},
    macros::btf_map,
};
use edge_common::{
    abi::{
        FlowQueuesWords, PolicerWords, VidTable,
        admission::Admission,
        attachment::{Attachment, Slot},
        books::{Books, Carried, CarriedPort},
        class::Class,
        counters::{Losses, Meter, PortCounters},
        in_flight::HandedOver,
        keys::{AttachmentKey, PolicerKey, PortKey},
        outcome::Outcome,
        policer::{Bucket, FlowQueues, Lease, Limits, Policer},
        qos::{BurstShare, QosRow},
        rate::Rate,
    },
    env::{BucketCalls, Buckets, Counters, Egress, Lookup, Observer},
    packet::{ip::Dscp, vlan::Vid},
};

use crate::{calls, clock::PortClock, egress, port, word::SharedWord};

/// Userspace maps these and changes them by single stores (`BPF_F_MMAPABLE`).
const MMAPABLE: usize = 1 << 10;

#[btf_map]
static S_TABLES: Array<VidTable, 1, MMAPABLE> = Array::new();
#[btf_map]
static C_TABLES: Array<VidTable, 1, MMAPABLE> = Array::new();
#[btf_map]
static ATTACHMENTS: Array<Attachment, 1, MMAPABLE> = Array::new();
#[btf_map]
static QOS_ROWS: Array<QosRow, 1, MMAPABLE> = Array::new();
#[btf_map]
static RATES: Array<Rate, 1, MMAPABLE> = Array::new();
#[btf_map]
static POLICERS: Array<PolicerWords, 1, MMAPABLE> = Array::new();
#[btf_map]
static LIMITS: Array<Limits, 1, MMAPABLE> = Array::new();
#[btf_map]
static FLOW_QUEUES: Array<FlowQueuesWords, 1, MMAPABLE> = Array::new();
#[btf_map]
static LEASES: PerCpuArray<Lease, 1> = PerCpuArray::new();
#[btf_map]
static METERS: PerCpuArray<Meter, 1> = PerCpuArray::new();
#[btf_map]
static LOSSES: PerCpuArray<Losses, 1> = PerCpuArray::new();
#[btf_map]
static PORT_COUNTERS: PerCpuArray<PortCounters, 1> = PerCpuArray::new();
#[btf_map]
static TX_PORTS: DevMap<1> = DevMap::new();
/// The same ports: the kernel lets a device map serve programs with `xdp.frags` or programs
/// without, not both.
#[btf_map]
static TX_PORTS_FRAGS: DevMap<1> = DevMap::new();
#[btf_map]
static PORT_KEYS: Array<PortKey, 1, MMAPABLE> = Array::new();
#[btf_map]
static ATTACHMENT_KEYS: Array<AttachmentKey, 1, MMAPABLE> = Array::new();
#[btf_map]
static POLICER_KEYS: Array<PolicerKey, 1, MMAPABLE> = Array::new();
/// The books' page; the path doesn't read it, nor the two after it.
#[btf_map]
static BOOKS: Array<Books, 1, MMAPABLE> = Array::new();
#[btf_map]
static CARRIED: Array<Carried, 1, MMAPABLE> = Array::new();
#[btf_map]
static CARRIED_PORTS: Array<CarriedPort, 1, MMAPABLE> = Array::new();
/// A replay's time in nanoseconds.
#[btf_map]
static REPLAY_NOW: Array<u64, 1, MMAPABLE> = Array::new();
/// What became of a replay's frame.
#[btf_map]
static REPLAY_OUTCOME: Array<Outcome, 1, MMAPABLE> = Array::new();

/// The maps as the path's tables, for a program with `xdp.frags` or one without.
pub(crate) struct Maps<const FRAGS: bool>;

impl<const FRAGS: bool> Lookup for Maps<FRAGS> {
    #[inline(always)]
    fn s_tag(&self, vid: Vid) -> Slot {
        slot(S_TABLES.get_ptr(port::index()), vid)
    }

    #[inline(always)]
    fn c_tag(&self, table: u32, vid: Vid) -> Slot {
        slot(C_TABLES.get_ptr(table), vid)
    }

    #[inline(always)]
    fn attachment(&self, index: u32) -> Option<&Attachment> {
        ATTACHMENTS.get(index)
    }

    #[inline(always)]
    fn qos_row(&self, index: u32) -> Option<&QosRow> {
        QOS_ROWS.get(index)
    }

    #[inline(always)]
    fn limits(&self, attachment: u32) -> Option<&Limits> {
        LIMITS.get(attachment)
    }
}

impl<const FRAGS: bool> Buckets for Maps<FRAGS> {
    type Word = SharedWord;
    type Clock = PortClock;

    #[inline(always)]
    fn clock(&self) -> PortClock {
        PortClock
    }

    #[inline(always)]
    fn rate(&self, index: u32) -> Option<&Rate> {
        RATES.get(index)
    }

    #[inline(always)]
    fn policer(&mut self, index: u32) -> Option<(&Policer<SharedWord>, &mut Lease)> {
        let policer = POLICERS.get_ptr(index)?.cast::<Policer<SharedWord>>();
        let lease = LEASES.get_ptr_mut(index)?;
        // SAFETY: array elements live as long as the map, and `PolicerWords` are as many 64-bit
        // words as a `Policer` has, each of which a `SharedWord` is.
        let policer = unsafe { &*policer };
        // SAFETY: this CPU's element, which nothing else writes while the program runs; the
        // path holds no other reference to it.
        let lease = unsafe { &mut *lease };
        Some((policer, lease))
    }

    #[inline(always)]
    fn flow_queues(&self, index: u32) -> Option<&FlowQueues<SharedWord>> {
        let queues = FLOW_QUEUES.get_ptr(index)?.cast::<FlowQueues<SharedWord>>();
        // SAFETY: array elements live as long as the map, and `FlowQueuesWords` are as many 64-bit
        // words as `FlowQueues` have, each of which a `SharedWord` is.
        Some(unsafe { &*queues })
    }
}

impl<const FRAGS: bool> BucketCalls for Maps<FRAGS> {
    #[inline(always)]
    fn buy(&mut self, bucket: Bucket, share: BurstShare, len_bytes: u32) -> Admission {
        Admission::from_bits(calls::buy(bucket.policer, bucket.rate, share.get().into(), len_bytes))
    }

    #[inline(always)]
    fn refresh_flows(&mut self, bucket: Bucket, flow_queues: u32) {
        calls::refresh_flows(bucket.policer, bucket.rate, flow_queues);
    }
}

impl<const FRAGS: bool> Counters for Maps<FRAGS> {
    #[inline(always)]
    fn meter(&mut self, attachment: u32) -> Option<&mut Meter> {
        let meter = METERS.get_ptr_mut(attachment)?;
        // SAFETY: this CPU's element, which nothing else writes while the program runs; the path holds no
        // other reference to it.
        Some(unsafe { &mut *meter })
    }

    #[inline(always)]
    fn losses(&mut self, attachment: u32) -> Option<&mut Losses> {
        losses(attachment)
    }

    #[inline(always)]
    fn port_counters(&mut self) -> Option<&mut PortCounters> {
        port_counters(port::index())
    }
}

impl<const FRAGS: bool> Egress for Maps<FRAGS> {
    #[inline(always)]
    fn forward(&mut self) -> bool {
        let tx_ports = if FRAGS { &TX_PORTS_FRAGS } else { &TX_PORTS };
        port::forwards_to_stack() || tx_ports.redirect(port::egress(), 0).is_ok()
    }

    #[inline(always)]
    fn hand_over(&mut self, frame: HandedOver) {
        if !port::forwards_to_stack() && !port::is_replay() {
            egress::hand_over(frame);
        }
    }
}

impl<const FRAGS: bool> Observer for Maps<FRAGS> {
    #[inline(always)]
    fn note_attachment(&self, index: u32) {
        note(|outcome| outcome.attachment = index);
    }

    #[inline(always)]
    fn note_class(&self, class: Class) {
        note(|outcome| outcome.class = class.number());
    }

    #[inline(always)]
    fn note_dscp(&self, arriving: Dscp, leaving: Dscp) {
        note(|outcome| {
            outcome.dscp_in = arriving.bits();
            outcome.dscp_out = leaving.bits();
        });
    }

    #[inline(always)]
    fn note_len_bytes(&self, len_bytes: u32) {
        note(|outcome| outcome.len_bytes = len_bytes);
    }
}

/// This CPU's counters of what an attachment lost.
#[inline(always)]
pub(crate) fn losses(attachment: u32) -> Option<&'static mut Losses> {
    let losses = LOSSES.get_ptr_mut(attachment)?;
    // SAFETY: this CPU's element, which nothing else writes while the program runs; no caller keeps the
    // reference.
    Some(unsafe { &mut *losses })
}

/// This CPU's counters of a port.
#[inline(always)]
pub(crate) fn port_counters(port: u32) -> Option<&'static mut PortCounters> {
    let counters = PORT_COUNTERS.get_ptr_mut(port)?;
    // SAFETY: this CPU's element, which nothing else writes while the program runs; no caller keeps the
    // reference.
    Some(unsafe { &mut *counters })
}

/// A replay's time.
#[inline(always)]
pub(crate) fn replay_now_ns() -> u64 {
    REPLAY_NOW.get(0).copied().unwrap_or(0)
}

/// Lets a replay know; nothing in a live program.
#[inline(always)]
pub(crate) fn note(change: impl FnOnce(&mut Outcome)) {
    if port::is_replay()
        && let Some(outcome) = REPLAY_OUTCOME.get_ptr_mut(0)
    {
        // SAFETY: a live, aligned map value, of which no other reference is around: a replay
        // runs one frame at a time, and reads between the runs.
        change(unsafe { &mut *outcome });
    }
}

#[inline(always)]
fn slot(table: Option<*const VidTable>, vid: Vid) -> Slot {
    let Some(table) = table else {
        return Slot::Empty;
    };
    let entry = table.cast::<u32>().wrapping_add(vid.index());
    // SAFETY: `Vid::index` is below the table's 4,096 entries. Volatile: userspace publishes and
    // retires entries by single stores while this reads.
    Slot::from_bits(unsafe { entry.read_volatile() })
}
