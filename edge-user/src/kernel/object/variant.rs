//! The programs of the object by their names, and which of them is for which MTU.

/// The path's program for frames in one buffer.
pub const PROGRAM: &str = "edge";
/// The path's program for frames in several buffers.
pub const FRAGS_PROGRAM: &str = "edge_frags";
/// A program that drops every frame. It holds an interface, and is the benchmark's zero.
pub const EMPTY_PROGRAM: &str = "empty";
/// The program that drops every frame, for frames in several buffers.
pub(in crate::kernel) const EMPTY_FRAGS_PROGRAM: &str = "empty_frags";

/// Largest MTU at which every driver has a frame with its headers in one buffer: a page, less the
/// headroom and the part that the kernel keeps at its end.
pub const MAX_SINGLE_BUFFER_MTU_BYTES: u32 = 3000;

/// The program for frames from an interface with this MTU.
#[must_use]
pub fn program_for_mtu(mtu_bytes: u32) -> &'static str {
    if mtu_bytes <= MAX_SINGLE_BUFFER_MTU_BYTES { PROGRAM } else { FRAGS_PROGRAM }
}
