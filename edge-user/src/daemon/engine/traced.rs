//! The ports that run programs with a trace.

use std::collections::BTreeMap;

use super::super::trace::TraceEnding;
use crate::kernel::PortProgram;

/// The ports of a trace that runs, or that still have its programs.
pub(super) struct TracedPorts {
    /// The user who has asked for it.
    pub(super) user: Option<String>,
    pub(super) ending: TraceEnding,
    /// By port: the id of its program with a trace, and its own program.
    pub(super) ports: BTreeMap<String, (u32, PortProgram)>,
}
