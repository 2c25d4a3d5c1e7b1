//! Parts of the path that are functions of their own: global ones, which the kernel's verifier
//! looks at once, for any arguments, and not again for each way that leads to a call of them.
//! So their arguments and results are numbers, and the context. What a frame passes that is in
//! one buffer and paid from a lease is not among them.

use aya_ebpf::{
    bindings::xdp_md,
    helpers::generated::{bpf_xdp_load_bytes, bpf_xdp_store_bytes},
    programs::XdpContext,
};
use edge_common::{
    abi::{policer::Bucket, qos::BurstShare},
    packet::{
        encapsulation, flow_hash as hash, ip::DsWord, ip_version::IpVersion, transport as header,
        vlan::Tag,
    },
    path::mark,
    policer::{bucket, fairness},
};

use crate::{frame::XdpFrame, port, tables::Maps};

/// [`bucket::buy`]; returns the bits of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn buy(policer: u32, rate: u32, share: u32, len_bytes: u32) -> u64 {
    let (own, share) = (Bucket { policer, rate }, BurstShare::new(share as u16));
    let features = port::config().features;
    bucket::buy(&mut Maps::<false>, features, own, share, len_bytes).to_bits()
}

/// [`fairness::refresh`]; returns nothing of use, as a global function has to return something.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn refresh_flows(policer: u32, rate: u32, flow_queues: u32) -> u64 {
    fairness::refresh(&mut Maps::<false>, Bucket { policer, rate }, flow_queues);
    0
}

/// [`header::transport`] of the packet that [`DsWord::to_bits`] tells; returns its bits.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn transport(ctx: *mut xdp_md, offset: u32, word: u32) -> u64 {
    transport_of::<false>(ctx, offset, word)
}

/// As [`transport`], for a frame in several buffers: a function of its own, as its helpers are
/// there from Linux 5.18 on, and a program that contains a call of them needs them.
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

/// [`hash::flow_hash`] of the frame whose tags are followed by this.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn flow_hash(ctx: *mut xdp_md, ether_type: u32, offset: u32) -> u64 {
    flow_hash_of::<false>(ctx, ether_type, offset)
}

/// As [`flow_hash`], for a frame in several buffers.
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

/// [`mark::mark_congestion`] of the frame whose tags are followed by this; [`NO_BYTES`] where it ends
/// too early.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn mark_congestion(ctx: *mut xdp_md, ether_type: u32, offset: u32) -> u64 {
    mark_congestion_of::<false>(ctx, ether_type, offset)
}

/// As [`mark_congestion`], for a frame in several buffers.
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

/// [`encapsulation::ip_version`] behind the eight bytes at `offset`; returns the bits of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn version_within(ctx: *mut xdp_md, ether_type: u32, offset: u32) -> u64 {
    version_within_of::<false>(ctx, ether_type, offset)
}

/// As [`version_within`], for a frame in several buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn version_within_frags(
    ctx: *mut xdp_md,
    ether_type: u32,
    offset: u32,
) -> u64 {
    version_within_of::<true>(ctx, ether_type, offset)
}

#[inline(always)]
fn version_within_of<const FRAGS: bool>(ctx: *mut xdp_md, ether_type: u32, offset: u32) -> u64 {
    let ctx = XdpContext::new(ctx);
    let frame = XdpFrame::<FRAGS>::behind(&ctx, offset);
    IpVersion::to_bits(encapsulation::ip_version(&frame, ether_type as u16, 0))
}

/// In place of bytes that the frame does not have.
pub(crate) const NO_BYTES: u64 = u64::MAX;

/// The `len_bytes`, two or four, at `offset` of the frame, or [`NO_BYTES`].
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn load(ctx: *mut xdp_md, offset: u32, len_bytes: u32) -> u64 {
    let mut bytes = 0u32;
    let to = (&raw mut bytes).cast();
    let len_bytes = if len_bytes == 2 { 2 } else { 4 };
    // SAFETY: the program's own context, and room for four bytes; the helper compares the end of
    // what is asked for with the frame's.
    let error = unsafe { bpf_xdp_load_bytes(ctx, offset, to, len_bytes) };
    if error == 0 { bytes.into() } else { NO_BYTES }
}

/// Overwrites the `len_bytes`, two or four, at `offset` of the frame; [`NO_BYTES`] where it does
/// not have them.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn store(ctx: *mut xdp_md, offset: u32, bytes: u32, len_bytes: u32) -> u64 {
    let from = (&raw const bytes).cast_mut().cast();
    let len_bytes = if len_bytes == 2 { 2 } else { 4 };
    // SAFETY: as in `load`; the helper reads from the bytes only.
    let error = unsafe { bpf_xdp_store_bytes(ctx, offset, from, len_bytes) };
    if error == 0 { 0 } else { NO_BYTES }
}
