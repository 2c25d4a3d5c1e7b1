//! The object without a trace: nothing is noted.

use aya_ebpf::programs::XdpContext;
use edge_common::{Action, abi::outcome::Outcome};

/// Begins the trace of a frame.
#[inline(always)]
pub(crate) fn begin(_ctx: &XdpContext) {}

/// Ends it.
#[inline(always)]
pub(crate) fn end(_ctx: &XdpContext, _action: Action) {}

/// Notes a part of the outcome.
#[inline(always)]
pub(crate) fn note(_change: impl FnOnce(&mut Outcome)) {}

/// Notes the device that the frame leaves by.
#[inline(always)]
pub(crate) fn note_egress(_tx_port: impl FnOnce() -> u32) {}
