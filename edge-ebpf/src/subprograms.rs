//! Parts of the path that are functions of their own: global ones, which the kernel's verifier
//! looks at once, for any arguments, and not again for each way that leads to a call of them.
//! So their arguments and results are numbers, and the context. The steps of a frame that is in one
//! buffer and paid from a lease are not among them.

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use edge_common::{
    abi::{policer::Bucket, qos::BurstShare},
    packet::{flow_hash as hash, ip::DsWord, transport as header, vlan::Tag},
    path::mark,
    policer::{bucket, fairness},
};

use crate::{
    frame::{NO_BYTES, XdpFrame},
    maps::Maps,
    port,
};

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
