//! The XDP program of a port: packet access, maps, clock and atomics around [`edge_common`],
//! which holds the path itself.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![expect(
    clippy::inline_always,
    clippy::cast_possible_truncation,
    clippy::needless_pass_by_value,
    reason = "as in edge-common; and an entry point takes its context by value"
)]

mod buckets;
mod buffers;
mod clock;
mod egress;
mod env;
mod frame;
mod maps;
mod port;
mod router;
mod routing;
mod subprograms;
mod word;

use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
use edge_common::{Action, Env, Reason, abi::port::Features, env::FrameCalls, path};

use crate::{frame::XdpFrame, maps::Maps};

/// Takes one received frame along the path, on ports without routed circuits whose frames fit into one buffer.
#[xdp]
pub(crate) fn edge(ctx: XdpContext) -> u32 {
    run::<false>(XdpFrame::<false>::new(&ctx), Maps::<false>)
}

/// Does the same on ports with jumbo frames, which come in several buffers.
#[xdp(frags)]
pub(crate) fn edge_frags(ctx: XdpContext) -> u32 {
    run::<false>(XdpFrame::<true>::new(&ctx), Maps::<true>)
}

/// Does the same on ports with routed circuits. It is a program of its own, as the compiler gives the path of a wire fewer
/// registers where that of a routed frame is beside it.
#[xdp]
pub(crate) fn edge_routed(ctx: XdpContext) -> u32 {
    run::<true>(XdpFrame::<false>::new(&ctx), Maps::<false>)
}

/// Does the same on ports with routed circuits and jumbo frames.
#[xdp(frags)]
pub(crate) fn edge_routed_frags(ctx: XdpContext) -> u32 {
    run::<true>(XdpFrame::<true>::new(&ctx), Maps::<true>)
}

#[inline(always)]
fn run<const ROUTED: bool>(mut frame: impl FrameCalls, mut maps: impl Env) -> u32 {
    let mut port = port::config();
    if !ROUTED {
        port.features = port.features.without(Features::ROUTED);
    }
    let ended = path::process(&mut frame, &port, &mut maps);
    maps::note(|outcome| {
        outcome.reason = ended.reason.number();
        outcome.is_routed = ended.is_routed.into();
    });
    match ended.action(port.unmatched) {
        Action::Forward if !ended.is_routed && port::forwards_to_stack() => xdp_action::XDP_PASS,
        Action::Forward | Action::Punt | Action::Answer => xdp_action::XDP_REDIRECT,
        Action::Pass => xdp_action::XDP_PASS,
        Action::Drop => xdp_action::XDP_DROP,
    }
}

/// Takes a frame of the router to the port that its interface is on.
#[xdp]
pub(crate) fn edge_from_router(ctx: XdpContext) -> u32 {
    let reason = path::process_from_router(&mut XdpFrame::<false>::new(&ctx), &mut Maps::<false>);
    if reason == Reason::Ok { xdp_action::XDP_REDIRECT } else { xdp_action::XDP_DROP }
}

/// Drops every frame. Its cost is that of a frame before the path begins: the benchmark's zero. It
/// also holds an interface until the tables of the port's program are ready.
#[xdp]
pub(crate) fn empty(_ctx: XdpContext) -> u32 {
    xdp_action::XDP_DROP
}

/// Holds an interface with jumbo frames.
#[xdp(frags)]
pub(crate) fn empty_frags(_ctx: XdpContext) -> u32 {
    xdp_action::XDP_DROP
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // The path has no reachable panic; the verifier refuses the object if it gets one.
    loop {}
}

/// Helpers that are open to GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
