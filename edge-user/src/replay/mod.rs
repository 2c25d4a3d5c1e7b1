//! `edge replay`: a capture through the data plane, without any interface.

pub mod capture;
mod clock;
mod cut;
pub mod error;
pub mod host;
pub mod kernel;
mod reach;
mod report;
pub mod route_tables;
pub mod routes_file;
mod summary;
mod tags;
#[cfg(test)]
mod tests;

use std::io::Write;

use edge_common::{
    Action,
    abi::{
        counters::{Counted, PortCounters},
        outcome::Outcome,
    },
    host::HostRouter,
};

use self::{
    capture::{CaptureReader, CaptureWriter, CapturedFrame},
    cut::CapturedLen,
    error::{ReplayError, Result},
    reach::Reach,
    report::{ReplayedFrame, Reporter},
    tags::Tpids,
};
use crate::{
    kernel::UnmatchedCounts,
    plan::{Capacity, Plan, PortPlan},
};

pub use self::{
    clock::ReplayTime,
    host::{HostEngine, SentFrame},
    kernel::KernelEngine,
    report::{FrameReport, verdict},
    summary::{Summary, Unclaimed},
    tags::{ReceivedTag, Tpid},
};

/// The longest frame that a device of Linux receives: the largest MTU that there is, an Ethernet
/// header and two tags, in bytes.
pub const MAX_RECEIVED_BYTES: usize = 65_535 + 14 + 8;

/// The longest frame that `edge` is tested with: an MTU of 9,216, a header and two tags, in bytes.
pub const TESTED_RECEIVED_BYTES: usize = 9_216 + 14 + 8;

/// Something that takes frames along the path of one port.
pub trait PathEngine {
    /// Takes `frame` along the path at `now_ns`, and changes it to the frame that leaves.
    fn run(&mut self, frame: &mut Vec<u8>, now_ns: u64) -> Result<Outcome>;
    /// The counters of an attachment.
    fn counted(&self, attachment: u32) -> Result<Counted>;
    /// The counters of the port.
    fn port_counters(&self) -> Result<PortCounters>;
    /// Frames of the port that belong to no circuit, by their tags.
    fn unmatched(&self) -> Result<UnmatchedCounts>;
}

/// A frame that no interface could have received.
#[derive(Debug, thiserror::Error)]
#[error(
    "frame {frame} of the capture had {len_bytes} bytes, and no interface receives over \
     {MAX_RECEIVED_BYTES}; leave such frames out (`tcpdump -r IN -w OUT 'less {MAX_RECEIVED_BYTES}'`), or \
     capture with the host's offloads (GRO, LRO, TSO) off"
)]
pub struct TooLong {
    frame: u64,
    len_bytes: usize,
}

/// A replay of frames as received on one port.
pub struct Replay<'a> {
    engine: &'a mut dyn PathEngine,
    port: &'a PortPlan,
    reporter: Reporter<'a>,
    tpids: Tpids,
    reach: Reach<'a>,
    summary: Summary,
}

impl<'a> Replay<'a> {
    /// A replay by `engine`, which runs the path of `port` under `plan`.
    pub fn new(
        engine: &'a mut dyn PathEngine,
        plan: &'a Plan,
        port: &'a PortPlan,
        capacity: &'a Capacity,
    ) -> Self {
        Self {
            engine,
            port,
            reporter: Reporter::new(plan, port),
            tpids: Tpids::new(&port.tpids),
            reach: Reach::new(plan, port, capacity),
            summary: Summary::default(),
        }
    }

    /// Has the replay know that the engine routes frames by these tables: of a frame that was cut, these tell which bytes
    /// its path reads.
    pub fn route_by(&mut self, router: &'a HostRouter) {
        self.reach.route_by(router);
    }

    /// Runs every frame of `reader`, writes the frames that leave to `writer`, and a line for each
    /// frame to `lines`. Damage in the capture and a frame that is [`TooLong`] end the replay with
    /// an error, after the frames before it.
    pub fn run(
        &mut self,
        reader: &mut CaptureReader,
        mut writer: Option<&mut CaptureWriter<impl Write>>,
        mut lines: Option<&mut dyn Write>,
    ) -> Result<()> {
        for (frame, captured) in (1..).zip(reader) {
            let CapturedFrame { timestamp_ns, mut data, orig_len_bytes } = captured?;
            let arrived = CapturedLen::new(&data, orig_len_bytes);
            let len_bytes = arrived.len_bytes;
            if len_bytes > MAX_RECEIVED_BYTES {
                return Err(TooLong { frame, len_bytes }.into());
            }
            let tags = self.tpids.tags(&data);
            let now_ns = self.summary.time.of_frame(timestamp_ns);
            arrived.complete(&mut data);
            let is_certain = self.is_certain(arrived, &data, now_ns);

            let run = self.engine.run(&mut data, now_ns);
            let outcome = run.map_err(|error| error.at_frame(frame))?;
            let reason = outcome.reason().ok_or_else(ReplayError::unfinished)?;
            let left_bytes = arrived.cut(&mut data);
            self.summary.count(reason, &tags, len_bytes);
            if let Some(lines) = lines.as_mut() {
                let (tags, left) = (&tags[..], &data[..]);
                let told =
                    ReplayedFrame { frame, outcome, reason, tags, arrived, is_certain, left };
                serde_json::to_writer(&mut **lines, &self.reporter.report(&told))?;
                lines.write_all(b"\n")?;
            }
            let leaves = outcome.action(reason, self.port.unmatched) != Action::Drop;
            if let (Some(writer), true) = (writer.as_mut(), leaves) {
                let orig_len_bytes = u32::try_from(left_bytes)?;
                writer.write(&CapturedFrame { timestamp_ns, data, orig_len_bytes })?;
            }
        }
        Ok(())
    }

    /// The sums so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Whether all bytes that the path reads of the frame were captured.
    fn is_certain(&mut self, arrived: CapturedLen, frame: &[u8], now_ns: u64) -> bool {
        let is_certain =
            !arrived.is_cut() || self.reach.of(frame, now_ns) <= arrived.captured_bytes;
        self.summary.cut_frames += u64::from(arrived.is_cut());
        self.summary.uncertain_frames += u64::from(!is_certain);
        self.summary.long_frames += u64::from(arrived.len_bytes > TESTED_RECEIVED_BYTES);
        is_certain
    }
}
