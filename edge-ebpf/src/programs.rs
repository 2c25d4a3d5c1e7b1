//! The programs of the object: a port's, the router's device's, and those that hold an interface.

use aya_ebpf::{bindings::xdp_action, macros::xdp, programs::XdpContext};
use edge_common::{Action, Env, Reason, abi::port::Features, env::FrameCalls, path};

use crate::{frame::XdpFrame, maps::Maps, notes, port, trace};

/// Takes one received frame along the path, on ports without routed circuits whose frames fit into one buffer.
#[xdp]
pub(crate) fn edge(ctx: XdpContext) -> u32 {
    run::<false>(&ctx, XdpFrame::<false>::new(&ctx), Maps::<false>)
}

/// Does the same on ports with jumbo frames, which come in several buffers.
#[xdp(frags)]
pub(crate) fn edge_frags(ctx: XdpContext) -> u32 {
    run::<false>(&ctx, XdpFrame::<true>::new(&ctx), Maps::<true>)
}

/// Does the same on ports with routed circuits. It is a program of its own, as the compiler gives the path of a wire fewer
/// registers where that of a routed frame is beside it.
#[xdp]
pub(crate) fn edge_routed(ctx: XdpContext) -> u32 {
    run::<true>(&ctx, XdpFrame::<false>::new(&ctx), Maps::<false>)
}

/// Does the same on ports with routed circuits and jumbo frames.
#[xdp(frags)]
pub(crate) fn edge_routed_frags(ctx: XdpContext) -> u32 {
    run::<true>(&ctx, XdpFrame::<true>::new(&ctx), Maps::<true>)
}

#[inline(always)]
fn run<const ROUTED: bool>(
    ctx: &XdpContext,
    mut frame: impl FrameCalls,
    mut maps: impl Env,
) -> u32 {
    trace::begin(ctx);
    let mut port = port::config();
    if !ROUTED {
        port.features = port.features.without(Features::ROUTED);
    }
    let ended = path::process(&mut frame, &port, &mut maps);
    notes::note(|outcome| {
        outcome.reason = ended.reason.number();
        outcome.is_routed = ended.is_routed.into();
    });
    let action = ended.action(port.unmatched);
    trace::end(ctx, action);
    match action {
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
