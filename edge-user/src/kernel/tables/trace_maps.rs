//! The maps that a trace shares with the programs of traced ports.

use aya::{
    Ebpf,
    maps::{Map, MapData, RingBuf},
};
use edge_common::abi::trace::{ToldFrame, TraceCpu, TraceFilter, WantedFrames};
use zerocopy::FromBytes as _;

use crate::kernel::{
    error::{Context as _, Result},
    object::{loader::take_map, traced::TraceMapData},
    tables::{mapped::MappedArray, raw_map::RawPerCpu},
};

/// The maps of a trace.
pub struct TraceMaps {
    filter: MappedArray<TraceFilter>,
    wanted: MappedArray<WantedFrames>,
    cpus: RawPerCpu,
    frames: RingBuf<MapData>,
}

/// Frames that a trace has looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TraceCounted {
    /// Frames that the filter wanted.
    pub matched: u64,
    /// Wanted frames that came too fast to be told.
    pub capped: u64,
    /// Wanted frames that the ring had no room for.
    pub lost: u64,
}

impl TraceMaps {
    /// Takes them out of an object.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self> {
        Self::new(TraceMapData::open(|name| take_map(ebpf, name))?)
    }

    /// Maps them into memory.
    pub fn new(maps: TraceMapData) -> Result<Self> {
        let TraceMapData { filter, wanted, cpus, frames } = maps;
        Ok(Self {
            filter: MappedArray::new(&filter)?,
            wanted: MappedArray::new(&wanted)?,
            cpus: RawPerCpu::new(cpus, size_of::<TraceCpu>())?,
            frames: RingBuf::try_from(Map::RingBuf(frames))
                .context("mapping a ring into memory")?,
        })
    }

    /// Has programs look for the frames of the attachment with this index; with 0, for frames of no circuit.
    pub fn want(&self, attachment: u32, frames: WantedFrames) {
        self.wanted.set(attachment, &frames);
    }

    /// Has programs look for frames from now on. The time at which they stop comes last.
    pub fn begin(&self, filter: &TraceFilter) {
        self.filter.set(0, &TraceFilter { until_ns: 0, ..*filter });
        self.filter.set(0, filter);
    }

    /// Sets the time at which programs stop; 0: at once.
    pub fn set_until(&self, until_ns: u64) {
        self.filter.swap(0, 0, until_ns);
    }

    /// The next frame, and its bytes as received, as far as they were captured.
    pub fn next_frame(&mut self) -> Option<(ToldFrame, Vec<u8>)> {
        let record = self.frames.next()?;
        let (told, bytes) = ToldFrame::read_from_prefix(&record).ok()?;
        let captured = usize::try_from(told.captured_bytes).ok()?;
        Some((told, bytes.get(..captured)?.to_vec()))
    }

    /// Counts so far.
    pub fn counted(&self) -> Result<TraceCounted> {
        let sums = self.cpus.sum(0)?;
        let [matched, capped, lost] = [0, 1, 2].map(|word| sums.get(word).copied().unwrap_or(0));
        Ok(TraceCounted { matched, capped, lost })
    }
}
