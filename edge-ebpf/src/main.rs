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
mod clock;
mod egress;
mod env;
mod frame;
mod maps;
mod port;
mod subprograms;
mod word;

use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
use edge_common::{Action, Env, env::FrameCalls, path};

use crate::{frame::XdpFrame, maps::Maps};

/// Takes one received frame along the path, on ports whose frames fit into one buffer.
#[xdp]
pub(crate) fn edge(ctx: XdpContext) -> u32 {
    run(XdpFrame::<false>::new(&ctx), Maps::<false>)
}

/// Does the same on ports with jumbo frames, which come in several buffers.
#[xdp(frags)]
pub(crate) fn edge_frags(ctx: XdpContext) -> u32 {
    run(XdpFrame::<true>::new(&ctx), Maps::<true>)
}

#[inline(always)]
fn run(mut frame: impl FrameCalls, mut maps: impl Env) -> u32 {
    let port = port::config();
    let reason = path::process(&mut frame, &port, &mut maps);
    maps::note(|outcome| outcome.reason = reason.number());
    match reason.action(port.unmatched) {
        Action::Forward if port::forwards_to_stack() => xdp_action::XDP_PASS,
        Action::Forward => xdp_action::XDP_REDIRECT,
        Action::Pass => xdp_action::XDP_PASS,
        Action::Drop => xdp_action::XDP_DROP,
    }
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
