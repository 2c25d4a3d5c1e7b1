//! Parts of the path that are global functions. The kernel's verifier checks a global function
//! once, for any arguments, and not again for each way to a call. So its arguments and results can
//! only be numbers and the context. A frame in one buffer that is paid from a lease calls none of
//! these.

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use edge_common::{
    abi::{policer::Bucket, qos::BurstShare},
    packet::{flow_hash as hash, ip::DsWord, transport as header, vlan::Tag},
    path::{mark, unmatched},
    policer::{bucket, fairness},
};

use crate::{buffers::NO_BYTES, clock, frame::XdpFrame, maps::Maps, port};

/// Calls [`bucket::buy`], and returns the bits of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn buy(policer: u32, rate: u32, share: u32, len_bytes: u32) -> u64 {
    let (own, share) = (Bucket { policer, rate }, BurstShare::new(share as u16));
    let features = port::config().features;
    bucket::buy(&mut Maps::<false>, features, own, share, len_bytes).to_bits()
}

/// Calls [`fairness::refresh`]. The result means nothing: a global function has to return a number.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn refresh_flows(policer: u32, rate: u32, flow_queues: u32) -> u64 {
    fairness::refresh(&mut Maps::<false>, Bucket { policer, rate }, flow_queues);
    0
}

/// Calls [`header::transport`] for the packet with these [`DsWord::to_bits`], and returns the bits
/// of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn transport(ctx: *mut xdp_md, offset: u32, word: u32) -> u64 {
    transport_of::<false>(ctx, offset, word)
}

/// Does the same as [`transport`] for a frame in several buffers. It is a separate function, as its
/// helpers exist only from Linux 5.18 on, and the kernel refuses a program with a call of a missing
/// helper.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn transport_frags(ctx: *mut xdp_md, offset: u32, word: u32) -> u64 {
    transport_of::<true>(ctx, offset, word)
}

#[inline(always)]
fn transport_of<const FRAGS: bool>(ctx: *mut xdp_md, offset: u32, word: u32) -> u64 {
    let ctx = XdpContext::new(ctx);
    let packet = DsWord::from_bits(0, word);
    header::transport(&XdpFrame::<FRAGS>::behind(&ctx, offset), &packet).to_bits()
}

/// Calls [`hash::flow_hash`] for the frame with this EtherType behind its tags.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn flow_hash(ctx: *mut xdp_md, ether_type: u32, offset: u32) -> u64 {
    flow_hash_of::<false>(ctx, ether_type, offset)
}

/// Does the same as [`flow_hash`] for a frame in several buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn flow_hash_frags(ctx: *mut xdp_md, ether_type: u32, offset: u32) -> u64 {
    flow_hash_of::<true>(ctx, ether_type, offset)
}

#[inline(always)]
fn flow_hash_of<const FRAGS: bool>(ctx: *mut xdp_md, ether_type: u32, offset: u32) -> u64 {
    let ctx = XdpContext::new(ctx);
    let last = Tag::before(ether_type as u16, 0);
    hash::flow_hash(&XdpFrame::<FRAGS>::behind(&ctx, offset), &last)
}

/// Calls [`mark::mark_congestion`] for the frame with this EtherType behind its tags; [`NO_BYTES`]:
/// the frame ends too early.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn mark_congestion(ctx: *mut xdp_md, ether_type: u32, offset: u32) -> u64 {
    mark_congestion_of::<false>(ctx, ether_type, offset)
}

/// Does the same as [`mark_congestion`] for a frame in several buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn mark_congestion_frags(
    ctx: *mut xdp_md,
    ether_type: u32,
    offset: u32,
) -> u64 {
    mark_congestion_of::<true>(ctx, ether_type, offset)
}

#[inline(always)]
fn mark_congestion_of<const FRAGS: bool>(ctx: *mut xdp_md, ether_type: u32, offset: u32) -> u64 {
    let ctx = XdpContext::new(ctx);
    let last = Tag::before(ether_type as u16, 0);
    match mark::mark_congestion(&mut XdpFrame::<FRAGS>::behind(&ctx, offset), &last) {
        Some(()) => 0,
        None => NO_BYTES,
    }
}

/// Calls [`unmatched::note`]. The result means nothing.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn note_unmatched(ctx: *mut xdp_md) -> u64 {
    note_unmatched_of::<false>(ctx)
}

/// Does the same as [`note_unmatched`] for a frame in several buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn note_unmatched_frags(ctx: *mut xdp_md) -> u64 {
    note_unmatched_of::<true>(ctx)
}

#[inline(always)]
fn note_unmatched_of<const FRAGS: bool>(ctx: *mut xdp_md) -> u64 {
    let ctx = XdpContext::new(ctx);
    unmatched::note(&XdpFrame::<FRAGS>::new(&ctx), &mut Maps::<FRAGS>, clock::coarse_ns());
    0
}
