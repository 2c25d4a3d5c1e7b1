//! The maps.
//!
//! Sizes here are the least that loads; the loader sets the real ones from the configuration.

use aya_ebpf::{
    btf_maps::{Array, DevMap, PerCpuArray},
    macros::btf_map,
};
use edge_common::{
    abi::{
        FlowQueuesWords, PolicerWords, VidTable,
        attachment::{Attachment, Slot},
        books::{Books, Carried, CarriedPort},
        counters::{Losses, Meter, PortCounters},
        keys::{AttachmentKey, PolicerKey, PortKey},
        outcome::Outcome,
        policer::{Lease, Limits},
        qos::QosRow,
        rate::Rate,
    },
    packet::vlan::Vid,
};

use crate::port;

/// Userspace maps these and changes them by single stores (`BPF_F_MMAPABLE`).
const MMAPABLE: usize = 1 << 10;

#[btf_map]
pub(crate) static S_TABLES: Array<VidTable, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static C_TABLES: Array<VidTable, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static ATTACHMENTS: Array<Attachment, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static QOS_ROWS: Array<QosRow, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static RATES: Array<Rate, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static POLICERS: Array<PolicerWords, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static LIMITS: Array<Limits, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static FLOW_QUEUES: Array<FlowQueuesWords, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static LEASES: PerCpuArray<Lease, 1> = PerCpuArray::new();
#[btf_map]
pub(crate) static METERS: PerCpuArray<Meter, 1> = PerCpuArray::new();
#[btf_map]
pub(crate) static LOSSES: PerCpuArray<Losses, 1> = PerCpuArray::new();
#[btf_map]
pub(crate) static PORT_COUNTERS: PerCpuArray<PortCounters, 1> = PerCpuArray::new();
#[btf_map]
pub(crate) static TX_PORTS: DevMap<1> = DevMap::new();
/// The same ports: the kernel lets a device map serve programs with `xdp.frags` or programs
/// without, not both.
#[btf_map]
pub(crate) static TX_PORTS_FRAGS: DevMap<1> = DevMap::new();
#[btf_map]
pub(crate) static PORT_KEYS: Array<PortKey, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static ATTACHMENT_KEYS: Array<AttachmentKey, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static POLICER_KEYS: Array<PolicerKey, 1, MMAPABLE> = Array::new();
/// The books' page; the path doesn't read it, nor the two after it.
#[btf_map]
pub(crate) static BOOKS: Array<Books, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static CARRIED: Array<Carried, 1, MMAPABLE> = Array::new();
#[btf_map]
pub(crate) static CARRIED_PORTS: Array<CarriedPort, 1, MMAPABLE> = Array::new();
/// A replay's time in nanoseconds.
#[btf_map]
pub(crate) static REPLAY_NOW: Array<u64, 1, MMAPABLE> = Array::new();
/// What became of a replay's frame.
#[btf_map]
pub(crate) static REPLAY_OUTCOME: Array<Outcome, 1, MMAPABLE> = Array::new();

/// The maps as the path's tables, for a program with `xdp.frags` or one without.
pub(crate) struct Maps<const FRAGS: bool>;

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
pub(crate) fn slot(table: Option<*const VidTable>, vid: Vid) -> Slot {
    let Some(table) = table else {
        return Slot::Empty;
    };
    let entry = table.cast::<u32>().wrapping_add(vid.index());
    // SAFETY: `Vid::index` is below the table's 4,096 entries. Volatile: userspace publishes and
    // retires entries by single stores while this reads.
    Slot::from_bits(unsafe { entry.read_volatile() })
}
