//! One measurement: what a circuit delivers while more, or just less, than its rate is offered.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use edge_common::abi::counters::ClassCounters;

use super::{
    Cell, Load, Measured, Size,
    offer::{FrameSource, Mix, Pace},
};
use crate::{bench::LoadedPort, config::default_burst_bytes, replay::kernel::move_to_cpu};

/// Frames in a batch: short, so that drops show when they happen, and long against what a test
/// run costs besides.
const BATCH_FRAMES: u32 = 1024;
/// In a batch at the ends of a slice.
const EDGE_BATCH_FRAMES: u32 = 64;
/// A slice is at least this long.
const SLICE: Duration = Duration::from_millis(5);
/// The time of each end of a slice must be known to within this.
const EDGE: Duration = Duration::from_micros(200);
/// Time that a CPU leases at once.
const LEASE: Duration = Duration::from_micros(16);

/// A circuit to measure.
pub(super) struct MeasuredCircuit {
    pub(super) rate_bps: u64,
    s_vid: u16,
    attachment: u32,
    burst: Duration,
}

/// A moment at which the circuit was saturated, and its counters then.
#[derive(Clone, Copy)]
struct WindowEdge {
    at: Instant,
    counters: ClassCounters,
}

impl MeasuredCircuit {
    pub(super) fn new(loaded: &LoadedPort, rate_bps: u64, s_vid: u16) -> Result<Self> {
        let name = rate_bps.to_string();
        let attachments = &loaded.plan.attachments;
        let attachment = attachments
            .iter()
            .find(|one| one.key.circuit == name && one.key.port == "customer0")
            .context("the circuit's attachment")?;
        let burst_s = default_burst_bytes(rate_bps) as f64 * 8.0 / rate_bps as f64;
        let burst = Duration::from_secs_f64(burst_s);
        Ok(Self { rate_bps, s_vid, attachment: attachment.index, burst })
    }

    /// All classes' counters.
    fn counters(&self, loaded: &LoadedPort) -> Result<ClassCounters> {
        let mut sum = ClassCounters::default();
        for class in loaded.tables.meter(self.attachment)?.classes {
            sum.forwarded_frames += class.forwarded_frames;
            sum.forwarded_bytes += class.forwarded_bytes;
            sum.dropped_frames += class.dropped_frames;
            sum.dropped_bytes += class.dropped_bytes;
        }
        Ok(sum)
    }
}

/// Measures `cell` for about `duration` on these CPUs.
pub(super) fn measure(
    loaded: &LoadedPort,
    circuit: &MeasuredCircuit,
    cell: Cell,
    cpus: &[u32],
    duration: Duration,
) -> Result<Measured> {
    let lengths: &[(usize, u32)] = match cell.size {
        Size::Bytes(len_bytes) => &[(usize::from(len_bytes), 1)],
        Size::Imix => &[(64, 7), (570, 4), (1518, 1)],
    };
    let mix = Mix::new(&loaded.ebpf, circuit.s_vid, lengths)?;
    let is_within = cell.load == Load::WITHIN;
    let pace = cell.load.offered_bps(cell.rate_bps).map_or(Pace::Unpaced, |bps| {
        let patience = is_within.then_some(circuit.burst / 4);
        Pace::At { bytes_per_s: bps / 8.0 / cpus.len() as f64, patience }
    });
    if is_within {
        // Until the burst is there again.
        thread::sleep(circuit.burst * 2);
    } else {
        drain(loaded, circuit)?;
    }

    let (stop, paused) = (AtomicBool::new(false), AtomicBool::new(false));
    let start = Barrier::new(cpus.len());
    thread::scope(|scope| {
        let (first, others) = cpus.split_first().context("no CPU")?;
        let threads: Vec<_> = others
            .iter()
            .map(|&cpu| {
                let (mix, start, stop, paused) = (&mix, &start, &stop, &paused);
                scope.spawn(move || -> Result<()> {
                    let moved = move_to_cpu(cpu as usize);
                    // A thread that can't move must not keep the others waiting.
                    start.wait();
                    moved?;
                    let mut source = FrameSource::new(mix, pace);
                    while !stop.load(Ordering::Relaxed) {
                        source.step(BATCH_FRAMES)?;
                        if source.take_longest_gap() > circuit.burst / 2 {
                            paused.store(true, Ordering::Relaxed);
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        let moved = move_to_cpu(*first as usize);
        start.wait();
        let mut watch =
            Watch { loaded, circuit, source: FrameSource::new(&mix, pace), paused: &paused };
        let measured = moved.map_err(anyhow::Error::from).and_then(|()| {
            if is_within { watch.within(duration) } else { watch.saturated(duration) }
        });
        stop.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        let mut measured = measured?;
        let longest = lengths.iter().map(|(len_bytes, _)| *len_bytes).max().unwrap_or(0);
        let frame_s = longest as f64 * 8.0 / cell.rate_bps as f64;
        let held_s = LEASE.as_secs_f64() * (cpus.len() + 1) as f64;
        measured.resolution = (frame_s + held_s + EDGE.as_secs_f64()) / measured.seconds;
        Ok(measured)
    })
}

/// Offers long frames until the burst is gone.
fn drain(loaded: &LoadedPort, circuit: &MeasuredCircuit) -> Result<()> {
    let mix = Mix::new(&loaded.ebpf, circuit.s_vid, &[(9000, 1)])?;
    let mut source = FrameSource::new(&mix, Pace::Unpaced);
    let (before, started) = (circuit.counters(loaded)?, Instant::now());
    // Where this machine can't drain the burst, the measurement will say that its load was not
    // offered.
    while started.elapsed() < Duration::from_millis(500)
        && circuit.counters(loaded)?.dropped_frames == before.dropped_frames
    {
        source.step(BATCH_FRAMES)?;
    }
    Ok(())
}

/// The CPU that offers and measures.
struct Watch<'a> {
    loaded: &'a LoadedPort,
    circuit: &'a MeasuredCircuit,
    source: FrameSource<'a>,
    /// Another CPU paused for so long that the circuit may have been idle.
    paused: &'a AtomicBool,
}

impl Watch<'_> {
    /// Just below the rate: all there is to it is counting.
    fn within(&mut self, duration: Duration) -> Result<Measured> {
        let (before, started) = (self.circuit.counters(self.loaded)?, Instant::now());
        while started.elapsed() < duration {
            self.source.step(BATCH_FRAMES)?;
        }
        let mut measured = Measured::default();
        let after = self.circuit.counters(self.loaded)?;
        measured.add(started.elapsed(), &before, &after);
        Ok(measured)
    }

    /// Above the rate, in slices that begin and end with a drop: between those, a policer must
    /// have delivered its rate, whatever its burst. Slices in which a CPU was away for so long
    /// that the burst may have filled up are left out: that rate was not asked for.
    fn saturated(&mut self, duration: Duration) -> Result<Measured> {
        let (started, before) = (Instant::now(), self.circuit.counters(self.loaded)?);
        let mut measured = Measured::default();
        let mut last: Option<WindowEdge> = None;
        while measured.seconds < duration.as_secs_f64() && started.elapsed() < duration * 4 {
            let since = last.map_or(started, |edge| edge.at);
            while since.elapsed() < SLICE {
                self.source.step(BATCH_FRAMES)?;
            }
            let Some(edge) = self.edge()? else {
                if last.is_none() && started.elapsed() > duration {
                    break;
                }
                continue;
            };
            let was_away = self.source.take_longest_gap() > self.circuit.burst / 2
                || self.paused.swap(false, Ordering::Relaxed);
            if let Some(last) = last
                && !was_away
            {
                measured.add(edge.at - last.at, &last.counters, &edge.counters);
            }
            last = Some(edge);
        }
        if measured.seconds == 0.0 {
            measured.add(started.elapsed(), &before, &self.circuit.counters(self.loaded)?);
        }
        Ok(measured)
    }

    /// Offers a little; `None` where nothing of it was dropped, or it took too long to say when.
    fn edge(&mut self) -> Result<Option<WindowEdge>> {
        let begun = Instant::now();
        let before = self.circuit.counters(self.loaded)?;
        self.source.step(EDGE_BATCH_FRAMES)?;
        let counters = self.circuit.counters(self.loaded)?;
        let took = begun.elapsed();
        let is_saturated = counters.dropped_frames != before.dropped_frames;
        Ok((is_saturated && took <= EDGE).then_some(WindowEdge { at: begun + took / 2, counters }))
    }
}

impl Measured {
    /// Adds what was counted in `time`.
    fn add(&mut self, time: Duration, from: &ClassCounters, to: &ClassCounters) {
        let delivered_bytes = to.forwarded_bytes - from.forwarded_bytes;
        let dropped_frames = to.dropped_frames - from.dropped_frames;
        self.seconds += time.as_secs_f64();
        self.offered_frames += to.forwarded_frames - from.forwarded_frames + dropped_frames;
        self.offered_bytes += delivered_bytes + to.dropped_bytes - from.dropped_bytes;
        self.delivered_bytes += delivered_bytes;
        self.dropped_frames += dropped_frames;
    }
}
