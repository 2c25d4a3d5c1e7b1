//! Frames for one circuit, offered by test runs: as they fall due, or as fast as it goes.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use aya::{Ebpf, programs::Xdp};

use edge_common::abi::port::Features;

use crate::{
    bench::{test_run, udp},
    kernel::object::variant::program_for_mtu,
};

/// Voice: the class that may use the whole burst.
const DSCP: u8 = 46;
/// Longest that a source which is ahead of its time sleeps: its batches are no larger.
const NAP: Duration = Duration::from_micros(100);

/// Frames that come again and again, in this order and in these proportions.
pub(super) struct Mix<'a> {
    parts: Vec<MixPart<'a>>,
    frames: u32,
    len_bytes: u64,
}

struct MixPart<'a> {
    program: &'a Xdp,
    frame: Vec<u8>,
    times: u32,
}

impl<'a> Mix<'a> {
    /// Frames of these lengths, each so many times, for the circuit with this S-VID.
    pub(super) fn new(ebpf: &'a Ebpf, s_vid: u16, lengths: &[(usize, u32)]) -> Result<Self> {
        let part = |&(len_bytes, times): &(usize, u32)| {
            let name = program_for_mtu(u32::try_from(len_bytes)?, Features::NONE);
            let program = ebpf.program(name).with_context(|| format!("no program {name}"))?;
            let frame = udp(DSCP, s_vid, 10, len_bytes)?;
            Ok(MixPart { program: program.try_into()?, frame, times })
        };
        let bytes = lengths.iter().map(|&(len_bytes, times)| len_bytes as u64 * u64::from(times));
        Ok(Self {
            parts: lengths.iter().map(part).collect::<Result<_>>()?,
            frames: lengths.iter().map(|(_, times)| times).sum(),
            len_bytes: bytes.sum(),
        })
    }

    /// Offers all of it, so many times; each part's frames in one run.
    fn offer(&self, times: u32) -> Result<()> {
        for part in &self.parts {
            test_run(part.program, &part.frame, part.times * times)?;
        }
        Ok(())
    }
}

/// When frames are due.
#[derive(Clone, Copy)]
pub(super) enum Pace {
    /// At this rate. A source that is behind by more than `patience` leaves out the excess;
    /// `None`: it makes up for all of it.
    At { bytes_per_s: f64, patience: Option<Duration> },
    /// At once.
    Unpaced,
}

/// The source of the frames that one CPU offers.
pub(super) struct FrameSource<'a> {
    mix: &'a Mix<'a>,
    pace: Pace,
    /// From when on `offered_bytes` count.
    started: Instant,
    offered_bytes: u64,
    /// When a batch ended last, and the longest time between two ends since somebody asked.
    last: Instant,
    longest_gap: Duration,
}

impl<'a> FrameSource<'a> {
    pub(super) fn new(mix: &'a Mix<'a>, pace: Pace) -> Self {
        let now = Instant::now();
        Self { mix, pace, started: now, offered_bytes: 0, last: now, longest_gap: Duration::ZERO }
    }

    /// Offers what is due, at most about `frames` frames, or waits a little. Whether it offered
    /// any.
    pub(super) fn step(&mut self, frames: u32) -> Result<bool> {
        let most = (frames / self.mix.frames).max(1);
        let times = match self.pace {
            Pace::Unpaced => most,
            Pace::At { bytes_per_s, patience } => self.due(bytes_per_s, patience).min(most),
        };
        if times == 0 {
            thread::sleep(NAP);
            return Ok(false);
        }
        self.mix.offer(times)?;
        self.offered_bytes += u64::from(times) * self.mix.len_bytes;
        let now = Instant::now();
        self.longest_gap = self.longest_gap.max(now - self.last);
        self.last = now;
        Ok(true)
    }

    /// The longest time between two batches since this was asked last.
    pub(super) fn take_longest_gap(&mut self) -> Duration {
        std::mem::take(&mut self.longest_gap)
    }

    /// Number of times that the mix is due.
    fn due(&mut self, bytes_per_s: f64, patience: Option<Duration>) -> u32 {
        let due_bytes =
            self.started.elapsed().as_secs_f64() * bytes_per_s - self.offered_bytes as f64;
        let behind_s = due_bytes / bytes_per_s;
        if let Some(patience) = patience
            && behind_s > patience.as_secs_f64()
        {
            self.started += Duration::from_secs_f64(behind_s - patience.as_secs_f64());
            return self.due(bytes_per_s, None);
        }
        // Negative becomes 0.
        (due_bytes / self.mix.len_bytes as f64) as u32
    }
}
