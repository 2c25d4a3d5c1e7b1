//! The programs of the object by their names, and which of them is for which port.

use edge_common::abi::port::Features;

/// The path's program for frames in one buffer, on ports without routed circuits.
pub const PROGRAM: &str = "edge";
/// The path's program for frames in several buffers, on ports without routed circuits.
pub const FRAGS_PROGRAM: &str = "edge_frags";
/// The path's program for frames in one buffer, on ports with routed circuits.
const ROUTED_PROGRAM: &str = "edge_routed";
/// The path's program for frames in several buffers, on ports with routed circuits.
const ROUTED_FRAGS_PROGRAM: &str = "edge_routed_frags";
/// The program for frames that leave the router.
pub const FROM_ROUTER_PROGRAM: &str = "edge_from_router";
/// A program that drops every frame. It holds an interface, and is the benchmark's zero.
pub const EMPTY_PROGRAM: &str = "empty";
/// The program that drops every frame, for frames in several buffers.
pub(in crate::kernel) const EMPTY_FRAGS_PROGRAM: &str = "empty_frags";

/// Largest MTU at which every driver has a frame with its headers in one buffer: a page, less the
/// headroom and the part that the kernel keeps at its end.
pub const MAX_SINGLE_BUFFER_MTU_BYTES: u32 = 3000;

/// The program of a port with these features, for frames from an interface with this MTU.
#[must_use]
pub fn program_for_mtu(mtu_bytes: u32, features: Features) -> &'static str {
    if may_split(mtu_bytes) { several_buffers(features) } else { single_buffer(features) }
}

/// Whether frames from an interface with this MTU may come in several buffers.
#[must_use]
pub fn may_split(mtu_bytes: u32) -> bool {
    mtu_bytes > MAX_SINGLE_BUFFER_MTU_BYTES
}

/// The program of a port with these features, for frames in one buffer.
#[must_use]
pub fn single_buffer(features: Features) -> &'static str {
    if features.has(Features::ROUTED) { ROUTED_PROGRAM } else { PROGRAM }
}

/// The program of a port with these features, for frames in several buffers.
#[must_use]
pub fn several_buffers(features: Features) -> &'static str {
    if features.has(Features::ROUTED) { ROUTED_FRAGS_PROGRAM } else { FRAGS_PROGRAM }
}

/// Whether the program with this name is for frames in several buffers.
#[must_use]
pub(in crate::kernel) fn takes_several_buffers(name: &str) -> bool {
    name == FRAGS_PROGRAM || name == ROUTED_FRAGS_PROGRAM
}
