//! The maps: the shared ones, of which `edge_common::abi::maps` has the list, and those of a replay.
//!
//! Sizes here are the smallest that load. The loader sets the real ones from the configuration.

use aya_ebpf::{
    btf_maps::{Array, DevMap, PerCpuArray},
    macros::btf_map,
};
use edge_common::{
    abi::{
        VidTable,
        attachment::Slot,
        counters::{Losses, PortCounters},
        outcome::Outcome,
        unmatched::{UNMATCHED_BUCKETS, UnmatchedBucket},
    },
    packet::vlan::Vid,
    shared_maps,
};

/// Userspace maps these and changes them by single stores (`BPF_F_MMAPABLE`).
const MMAPABLE: usize = 1 << 10;

macro_rules! statics {
    (
        mapped { $($(#[$mapped_doc:meta])* $_mf:ident $mapped:ident: $mapped_entry:ty, $_mn:ident;)* }
        per_cpu { $($(#[$cpu_doc:meta])* $_cf:ident $per_cpu:ident: $cpu_entry:ty, $_cn:ident;)* }
        of_programs { $($(#[$own_doc:meta])* $own:ident: $own_entry:ty, $_pn:ident;)* }
        devices { $($(#[$device_doc:meta])* $_df:ident $device:ident, $_dn:ident;)* }
    ) => {
        $(
            $(#[$mapped_doc])*
            #[btf_map]
            pub(crate) static $mapped: Array<$mapped_entry, 1, MMAPABLE> = Array::new();
        )*
        $(
            $(#[$cpu_doc])*
            #[btf_map]
            pub(crate) static $per_cpu: PerCpuArray<$cpu_entry, 1> = PerCpuArray::new();
        )*
        $(
            $(#[$own_doc])*
            #[btf_map]
            pub(crate) static $own: PerCpuArray<$own_entry, 1> = PerCpuArray::new();
        )*
        $(
            $(#[$device_doc])*
            #[btf_map]
            pub(crate) static $device: DevMap<1> = DevMap::new();
        )*
    };
}
shared_maps!(statics);

/// A replay's time in nanoseconds.
#[btf_map]
pub(crate) static REPLAY_NOW: Array<u64, 1, MMAPABLE> = Array::new();
/// The outcome of a replay's frame.
#[btf_map]
pub(crate) static REPLAY_OUTCOME: Array<Outcome, 1, MMAPABLE> = Array::new();

/// The maps as the path's tables, for a program with `xdp.frags` or one without.
pub(crate) struct Maps<const FRAGS: bool>;

/// This CPU's losses of an attachment.
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

/// This CPU's bucket of a port, for tags that no circuit claims.
#[inline(always)]
pub(crate) fn unmatched(port: u32, bucket: u32) -> Option<&'static mut UnmatchedBucket> {
    let bucket =
        UNMATCHED.get_ptr_mut(port.wrapping_mul(UNMATCHED_BUCKETS).wrapping_add(bucket))?;
    // SAFETY: this CPU's element, which nothing else writes while the program runs; no caller keeps the
    // reference.
    Some(unsafe { &mut *bucket })
}

/// A replay's time.
#[inline(always)]
pub(crate) fn replay_now_ns() -> u64 {
    REPLAY_NOW.get(0).copied().unwrap_or(0)
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
