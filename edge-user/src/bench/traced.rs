//! Ports whose frames somebody traces.

use anyhow::Result;
use aya::Ebpf;
use edge_common::abi::trace::{EVERY_FRAME, TraceFilter, WantedFrames};

use super::load_by;
use crate::{
    config::sample::Sample,
    kernel::{PortProgram, TraceMaps},
};

/// Time between two frames that are told.
const INTERVAL_NS: u64 = 1_000_000;

/// A port that is traced.
pub(super) struct TracedStage {
    pub(super) stage: &'static str,
    pub(super) ebpf: Ebpf,
    /// The ring, which has to be there.
    _maps: TraceMaps,
}

impl TracedStage {
    /// One whose trace looks for other frames, and one whose trace tells 1,000 frames a second.
    pub(super) fn all(sample: &Sample) -> Result<[Self; 2]> {
        let none = WantedFrames::NONE;
        Ok([
            Self::new("whole path, IPv4, a trace looks for others", sample, none)?,
            Self::new("whole path, IPv4, traced, 1,000 a second", sample, WantedFrames::ALL)?,
        ])
    }

    fn new(stage: &'static str, sample: &Sample, wanted: WantedFrames) -> Result<Self> {
        let mut loaded = load_by(sample, PortProgram::load_traced_for_bench)?;
        let maps = TraceMaps::take(&mut loaded.ebpf)?;
        for attachment in &loaded.plan.attachments {
            maps.want(attachment.index, wanted);
        }
        maps.begin(&TraceFilter {
            until_ns: u64::MAX,
            chance: EVERY_FRAME,
            reasons: TraceFilter::EVERY_REASON,
            interval_ns: INTERVAL_NS,
            snap_bytes: 128,
            reserved: 0,
        });
        Ok(Self { stage, ebpf: loaded.ebpf, _maps: maps })
    }
}
