//! A trace: frames that somebody looks for go into a ring, with the end of their path and their bytes as received.

use aya_ebpf::{
    EbpfContext as _,
    bindings::{BPF_RB_NO_WAKEUP, xdp_md},
    btf_maps::{Array, PerCpuArray, RingBuf},
    helpers::generated::{bpf_get_prandom_u32, bpf_xdp_get_buff_len, bpf_xdp_load_bytes},
    macros::btf_map,
    programs::XdpContext,
};
use edge_common::{
    Action, Clock as _,
    abi::{
        outcome::Outcome,
        trace::{
            EVERY_FRAME, HEAD_BYTES, LEFT_TAGS_BYTES, LEFT_TAGS_OFFSET, MAX_CAPTURED_BYTES,
            ToldFrame, TraceCpu, TraceFilter, WantedFrames,
        },
    },
    policer::cap,
};

use edge_bound::below;

use crate::{clock::PortClock, port, word::SharedWord};

/// Userspace maps these and changes them by single stores (`BPF_F_MMAPABLE`).
const MMAPABLE: usize = 1 << 10;
/// Bytes behind a frame's beginning in the three kinds of records, of which the smallest has no use for them. Verifiers want
/// powers of two.
const NO_REST: usize = 8;
const MIDDLE_REST: usize = 2_048;
const LONGEST_REST: usize = MAX_CAPTURED_BYTES - HEAD_BYTES;
/// Set in the argument of [`trace_end`] for a frame that the path has made an answer.
const IS_ANSWER: u32 = 1;

/// The frames that are looked for.
#[btf_map]
static TRACE_FILTER: Array<TraceFilter, 1, MMAPABLE> = Array::new();
/// The frames of each attachment that are looked for; at 0, frames of no circuit.
#[btf_map]
static TRACE_WANTED: Array<WantedFrames, 1, MMAPABLE> = Array::new();
/// The time at which the next frame is due.
#[btf_map]
static TRACE_DUE: Array<u64, 1> = Array::new();
/// Notes and counts of each CPU.
#[btf_map]
static TRACE_CPUS: PerCpuArray<TraceCpu, 1> = PerCpuArray::new();
/// Frames, as records of [`RingRecord`]'s kind.
#[btf_map]
static TRACE_FRAMES: RingBuf<u64, 4096> = RingBuf::new();

/// A record in the ring. Verifiers want its length to be a constant.
#[repr(C)]
struct RingRecord<const REST: usize> {
    told: ToldFrame,
    head: [u8; HEAD_BYTES],
    rest: [u8; REST],
}

/// Begins the trace of a frame.
#[inline(always)]
pub(crate) fn begin(ctx: &XdpContext) {
    trace_begin(ctx.as_ptr().cast());
}

/// Ends it.
#[inline(always)]
pub(crate) fn end(ctx: &XdpContext, action: Action) {
    trace_end(ctx.as_ptr().cast(), if action == Action::Answer { IS_ANSWER } else { 0 });
}

/// Notes a part of the outcome.
#[inline(always)]
pub(crate) fn note(change: impl FnOnce(&mut Outcome)) {
    if let Some(cpu) = this_cpu() {
        change(&mut cpu.told.outcome);
    }
}

/// Notes the device that the frame leaves by.
#[inline(always)]
pub(crate) fn note_egress(tx_port: impl FnOnce() -> u32) {
    if let Some(cpu) = this_cpu() {
        cpu.told.egress = tx_port();
    }
}

/// Looks at a frame that has come, unless it is one that chance leaves out. The result of this and other global functions means
/// nothing: one has to return a number.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn trace_begin(ctx: *mut xdp_md) -> u64 {
    let Some((filter, cpu)) = TRACE_FILTER.get(0).zip(this_cpu()) else { return 0 };
    let now_ns = PortClock.now_ns();
    cpu.told.at_ns = 0;
    if now_ns >= filter.until_ns {
        return 0;
    }
    if filter.chance < EVERY_FRAME {
        // SAFETY: takes no argument and touches no memory of ours.
        let random = unsafe { bpf_get_prandom_u32() };
        if u64::from(random as u32) >= filter.chance {
            return 0;
        }
    }
    let len_bytes = len_bytes(ctx);
    cpu.told.begin(now_ns, port::index(), len_bytes);
    if len_bytes > 0 {
        let last = len_bytes.min(HEAD_BYTES as u32) - 1;
        let head_bytes = below::<HEAD_BYTES>(last as usize) as u32 + 1;
        load(ctx, 0, cpu.head.as_mut_ptr(), head_bytes);
    }
    0
}

/// Puts the frame at the end of its path into the ring, if it is looked for.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn trace_end(ctx: *mut xdp_md, flags: u32) -> u64 {
    let Some((filter, cpu)) = TRACE_FILTER.get(0).zip(this_cpu()) else { return 0 };
    if cpu.told.at_ns == 0 {
        return 0;
    }
    let wanted = TRACE_WANTED.get(cpu.told.outcome.attachment).copied();
    if !filter.wants(wanted.unwrap_or(WantedFrames::NONE), &cpu.told.outcome) {
        return 0;
    }
    cpu.matched += 1;
    let Some(due) = TRACE_DUE.get_ptr(0) else { return 0 };
    // SAFETY: an array's element lives as long as the map, and a `SharedWord` is a 64-bit word.
    let due = unsafe { &*due.cast::<SharedWord>() };
    if !cap::is_within(due, cpu.told.at_ns, filter.interval_ns) {
        cpu.capped += 1;
        return 0;
    }
    let left_len_bytes = len_bytes(ctx);
    cpu.told.left_len_bytes = left_len_bytes;
    load(ctx, LEFT_TAGS_OFFSET as u32, cpu.told.left_tags.as_mut_ptr(), LEFT_TAGS_BYTES as u32);
    let mut captured_bytes = cpu.told.len_bytes.min(filter.snap_bytes);
    if flags & IS_ANSWER != 0 {
        // Behind its beginning, the received frame is gone.
        captured_bytes = captured_bytes.min(HEAD_BYTES as u32);
    }
    let is_told = if captured_bytes <= HEAD_BYTES as u32 {
        tell::<NO_REST>(ctx, cpu, captured_bytes)
    } else if captured_bytes <= (HEAD_BYTES + MIDDLE_REST) as u32 {
        tell::<MIDDLE_REST>(ctx, cpu, captured_bytes)
    } else {
        tell::<LONGEST_REST>(ctx, cpu, captured_bytes.min(MAX_CAPTURED_BYTES as u32))
    };
    if !is_told {
        cpu.lost += 1;
    }
    0
}

/// Puts a record with this part of the frame into the ring, if there is room.
#[inline(always)]
fn tell<const REST: usize>(ctx: *mut xdp_md, cpu: &mut TraceCpu, captured_bytes: u32) -> bool {
    let Some(mut entry) = TRACE_FRAMES.reserve_untyped::<RingRecord<REST>>(0) else { return false };
    cpu.told.captured_bytes = captured_bytes;
    // SAFETY: the ring has reserved a record, which nothing else refers to; any bytes are one.
    let record = unsafe { entry.assume_init_mut() };
    if REST > NO_REST {
        // The path moves the start of a frame, and changes nothing behind its beginning.
        let moved = cpu.told.left_len_bytes.wrapping_sub(cpu.told.len_bytes);
        let last = captured_bytes.wrapping_sub(HEAD_BYTES as u32 + 1);
        let rest_bytes = below::<REST>(last as usize) as u32 + 1;
        let offset = moved.wrapping_add(HEAD_BYTES as u32);
        if !load(ctx, offset, record.rest.as_mut_ptr(), rest_bytes) {
            cpu.told.captured_bytes = HEAD_BYTES as u32;
        }
    }
    record.told = cpu.told;
    record.head = cpu.head;
    entry.submit(BPF_RB_NO_WAKEUP.into());
    true
}

/// Copies bytes of the frame, from any of its buffers; false: it does not have them.
#[inline(always)]
fn load(ctx: *mut xdp_md, offset: u32, to: *mut u8, len_bytes: u32) -> bool {
    // SAFETY: the program's own context, and room for so many bytes, which the verifier checks; the helper compares the end of
    // what is asked for with the frame's.
    let error = unsafe { bpf_xdp_load_bytes(ctx, offset, to.cast(), len_bytes) };
    error == 0
}

#[inline(always)]
fn len_bytes(ctx: *mut xdp_md) -> u32 {
    // SAFETY: the helper wants the program's own context.
    let len_bytes = unsafe { bpf_xdp_get_buff_len(ctx) };
    // The helper's signature has a u64 because of its calling convention.
    len_bytes as u32
}

#[inline(always)]
fn this_cpu() -> Option<&'static mut TraceCpu> {
    let cpu = TRACE_CPUS.get_ptr_mut(0)?;
    // SAFETY: this CPU's element, which nothing else writes while the program runs; no caller keeps the reference while another
    // has one.
    Some(unsafe { &mut *cpu })
}
