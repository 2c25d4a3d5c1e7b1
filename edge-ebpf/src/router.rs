//! The router's look into frames, and its answers: global functions, which the verifier checks once.

use aya_ebpf::{bindings::xdp_md, programs::XdpContext};
use edge_common::{
    Reason,
    abi::{
        admission::Admission,
        policer::Bucket,
        qos::BurstShare,
        routed::{Addressed, IcmpAnswer, Routed},
    },
    packet::{ip::DsWord, ipv4_header, vlan::Tag},
    path::{address, route, router::answer},
    policer::bucket,
};

use crate::{
    buffers::NO_BYTES,
    frame::{ANYWHERE, BY_HELPER, XdpFrame},
    maps::{Maps, NEXT_HOP_GROUPS, ROUTER_INTERFACES},
};

/// An interface that is not there.
const DANGLING: Addressed = Addressed::Ended(Reason::DanglingTable);

/// An offset behind two tags at most, with the bound that the verifier wants.
#[inline(always)]
fn at(offset: u32) -> usize {
    (offset & 31) as usize
}

/// Calls [`ipv4_header::fault`], and returns the number of the reason; 0: none.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn ipv4_header_fault(ctx: *mut xdp_md, offset: u32) -> u64 {
    ipv4_header_fault_of::<false>(ctx, offset)
}

/// Does the same as [`ipv4_header_fault`] for a frame in several buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn ipv4_header_fault_frags(ctx: *mut xdp_md, offset: u32) -> u64 {
    ipv4_header_fault_of::<true>(ctx, offset)
}

#[inline(always)]
fn ipv4_header_fault_of<const FRAGS: bool>(ctx: *mut xdp_md, offset: u32) -> u64 {
    let ctx = XdpContext::new(ctx);
    let frame = XdpFrame::<FRAGS, BY_HELPER>::new(&ctx);
    match ipv4_header::fault(&frame, at(offset)) {
        Some(fault) => fault.number().into(),
        None => 0,
    }
}

/// Calls [`address::of_packet`] for the packet with these [`DsWord::to_bits`], and returns the bits of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn address(ctx: *mut xdp_md, offset: u32, word: u32, interface: u32) -> u64 {
    address_of::<false>(ctx, offset, word, interface)
}

/// Does the same as [`address`] for a frame in several buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn address_frags(
    ctx: *mut xdp_md,
    offset: u32,
    word: u32,
    interface: u32,
) -> u64 {
    address_of::<true>(ctx, offset, word, interface)
}

#[inline(always)]
fn address_of<const FRAGS: bool>(ctx: *mut xdp_md, offset: u32, word: u32, interface: u32) -> u64 {
    let Some(interface) = ROUTER_INTERFACES.get(interface) else { return DANGLING.to_bits() };
    let (ctx, packet) = (XdpContext::new(ctx), DsWord::from_bits(at(offset) as u32, word));
    address::of_packet(&XdpFrame::<FRAGS, ANYWHERE>::new(&ctx), interface, &packet).to_bits()
}

/// Calls [`address::of_no_packet`] for the frame with this EtherType behind its tags, and returns the bits of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn address_no_ip(
    ctx: *mut xdp_md,
    offset: u32,
    ether_type: u32,
    interface: u32,
) -> u64 {
    address_no_ip_of::<false>(ctx, offset, ether_type, interface)
}

/// Does the same as [`address_no_ip`] for a frame in several buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn address_no_ip_frags(
    ctx: *mut xdp_md,
    offset: u32,
    ether_type: u32,
    interface: u32,
) -> u64 {
    address_no_ip_of::<true>(ctx, offset, ether_type, interface)
}

#[inline(always)]
fn address_no_ip_of<const FRAGS: bool>(
    ctx: *mut xdp_md,
    offset: u32,
    ether_type: u32,
    interface: u32,
) -> u64 {
    let Some(interface) = ROUTER_INTERFACES.get(interface) else { return DANGLING.to_bits() };
    let (ctx, last) = (XdpContext::new(ctx), Tag::before(ether_type as u16, at(offset)));
    address::of_no_packet(&XdpFrame::<FRAGS, BY_HELPER>::new(&ctx), interface, &last).to_bits()
}

/// Calls [`route::route`] for the packet with these [`DsWord::to_bits`], and returns the bits of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn route(ctx: *mut xdp_md, offset: u32, word: u32, interface: u32) -> u64 {
    route_of::<false>(ctx, offset, word, interface)
}

/// Does the same as [`route`] for a frame in several buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn route_frags(
    ctx: *mut xdp_md,
    offset: u32,
    word: u32,
    interface: u32,
) -> u64 {
    route_of::<true>(ctx, offset, word, interface)
}

#[inline(always)]
fn route_of<const FRAGS: bool>(ctx: *mut xdp_md, offset: u32, word: u32, interface: u32) -> u64 {
    let Some(interface) = ROUTER_INTERFACES.get(interface) else {
        return Routed::none(Reason::DanglingTable).to_bits();
    };
    let (ctx, packet) = (XdpContext::new(ctx), DsWord::from_bits(at(offset) as u32, word));
    let frame = XdpFrame::<FRAGS, ANYWHERE>::new(&ctx);
    route::route(&frame, &Maps::<FRAGS>, interface, &packet).to_bits()
}

/// Calls [`answer::make`] for the packet with these [`DsWord::to_bits`]; [`NO_BYTES`]: there is no room for the answer.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn answer(
    ctx: *mut xdp_md,
    offset: u32,
    word: u32,
    interface: u32,
    kind: u32,
) -> u64 {
    answer_of::<false>(ctx, offset, word, interface, kind)
}

/// Does the same as [`answer`] for a frame in several buffers.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn answer_frags(
    ctx: *mut xdp_md,
    offset: u32,
    word: u32,
    interface: u32,
    kind: u32,
) -> u64 {
    answer_of::<true>(ctx, offset, word, interface, kind)
}

#[inline(always)]
fn answer_of<const FRAGS: bool>(
    ctx: *mut xdp_md,
    offset: u32,
    word: u32,
    interface: u32,
    kind: u32,
) -> u64 {
    let Some(interface) = ROUTER_INTERFACES.get(interface) else { return NO_BYTES };
    let (ctx, packet) = (XdpContext::new(ctx), DsWord::from_bits(at(offset) as u32, word));
    let mut frame = XdpFrame::<FRAGS, BY_HELPER>::new(&ctx);
    match answer::make(&mut frame, interface, &packet, IcmpAnswer::from_bits(kind)) {
        Some(()) => 0,
        None => NO_BYTES,
    }
}

/// Calls [`route::member`] for the group with this index, and returns the bits of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn member(group: u32, hash: u64) -> u64 {
    match NEXT_HOP_GROUPS.get(group) {
        Some(group) => route::member(&Maps::<false>, group, hash).to_bits(),
        None => Routed::none(Reason::DanglingTable).to_bits(),
    }
}

/// Calls [`route::find_v4`], and returns the bits of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn find_v4(root: u32, address: u32) -> u64 {
    route::find_v4(&Maps::<false>, root, address).to_bits()
}

/// Calls [`route::find_v6`], and returns the bits of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn find_v6(root: u32, upper: u64, lower: u64) -> u64 {
    route::find_v6(&Maps::<false>, root, [upper, lower]).to_bits()
}

/// Calls [`bucket::admit`] for a frame of the router, and returns the bits of its result.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn pay(policer: u32, rate: u32, len_bytes: u32) -> u64 {
    let own = Bucket { policer, rate };
    match bucket::admit(&mut Maps::<false>, own, BurstShare::WHOLE, len_bytes) {
        Ok(admission) => admission.to_bits(),
        Err(_) => Admission::DANGLING.to_bits(),
    }
}
