//! `edge bench policer`: whether circuits get the rate that was purchased, from the loaded
//! program by the real clock.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "bytes and frames of minutes are exact as `f64`, and what is negative is to be 0"
)]

mod offer;
mod window;

use std::time::Duration;

use anyhow::{Context as _, Result};
use aya::programs::{Xdp, XdpMode};
use serde::Serialize;

use self::window::{MeasuredCircuit, measure};
use crate::{
    bench::{LoadedPort, edge, load, online_cpus},
    config::sample::{self, Sample},
    kernel::object::{
        program::program,
        variant::{FRAGS_PROGRAM, PROGRAM},
    },
    lab::NetNs,
    replay::kernel::LOOPBACK_IFINDEX,
};

/// Rates at which known policers fail are among these: whole bytes a microsecond (5 to 10 Gbps),
/// refills that round to nothing (50 Mbps), `NSEC / rate` of 0 (above 1 Gbps).
const RATES_BPS: [u64; 12] = [
    50_000_000,
    100_000_000,
    123_456_789,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    3_700_000_000,
    5_000_000_000,
    10_000_000_000,
    40_000_000_000,
    100_000_000_000,
];
/// S-VID of the first circuit; the others' follow.
const FIRST_S_VID: u16 = 100;

/// Lengths of the frames that are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// One length, tags included and without FCS.
    Bytes(u16),
    /// Seven of 64 bytes, four of 570, one of 1,518.
    Imix,
}

/// The rate at which frames are offered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    /// So many times the purchased rate, paced.
    Times(f64),
    /// As fast as it goes.
    Flat,
}

/// The conditions of one measurement.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// The purchased rate in bit/s.
    pub rate_bps: u64,
    /// The frames.
    pub size: Size,
    /// CPUs that offer them.
    pub cpus: usize,
    /// The load that they offer.
    pub load: Load,
}

/// The result of a measurement.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Measured {
    /// Time that was measured, by the monotonic clock.
    pub seconds: f64,
    /// Frames that were offered in it.
    pub offered_frames: u64,
    /// Their bytes.
    pub offered_bytes: u64,
    /// Bytes that the meter says left.
    pub delivered_bytes: u64,
    /// Frames that the meter says were above the rate.
    pub dropped_frames: u64,
    /// Uncertainty of the time, and the time's worth of leases that CPUs may hold, together as a
    /// part of `seconds`.
    pub resolution: f64,
}

/// A cell and its measurement.
#[derive(Debug, Serialize)]
pub struct MeasuredCell {
    /// The cell.
    #[serde(flatten)]
    pub cell: Cell,
    /// Its measurement.
    #[serde(flatten)]
    pub measured: Measured,
    /// Bytes delivered over bytes purchased; `None`: not enough was offered to tell.
    pub delivered_ratio: Option<f64>,
}

/// The output of `edge bench policer --json`.
#[derive(Debug, Serialize)]
pub struct PolicerReport {
    /// Each cell of the table.
    pub rows: Vec<MeasuredCell>,
}

/// Circuits of different rates on one port.
pub struct Bench {
    loaded: LoadedPort,
    circuits: Vec<MeasuredCircuit>,
    cpus: Vec<u32>,
    /// See [`keep_dispatched`].
    _elsewhere: [NetNs; 2],
}

impl Load {
    /// Just below the rate: nothing may be lost.
    pub const WITHIN: Self = Self::Times(0.999);

    /// The offered rate in bit/s at the purchased `rate_bps`, where that is known before.
    pub fn offered_bps(self, rate_bps: u64) -> Option<f64> {
        match self {
            Self::Times(times) => Some(times * rate_bps as f64),
            Self::Flat => None,
        }
    }

    /// The least rate that should be offered, in bit/s.
    pub fn wanted_bps(self, rate_bps: u64) -> f64 {
        self.offered_bps(rate_bps).unwrap_or(rate_bps as f64)
    }
}

impl MeasuredCell {
    fn new(cell: Cell, measured: Measured) -> Self {
        let purchased_bytes = cell.rate_bps as f64 / 8.0 * measured.seconds;
        let offered_ratio = measured.offered_bytes as f64 / purchased_bytes;
        // Frames are whole on each CPU, and the last batch may be late.
        let short_ratio = 0.02 + measured.resolution * cell.cpus as f64;
        let is_offered = match cell.load {
            Load::Times(times) => offered_ratio > times - short_ratio,
            Load::Flat => measured.dropped_frames != 0 && offered_ratio > 1.01,
        };
        let delivered_ratio = measured.delivered_bytes as f64 / purchased_bytes;
        Self { cell, measured, delivered_ratio: is_offered.then_some(delivered_ratio) }
    }

    /// The error of the delivery, as a part: for loads above the rate against the rate, for loads
    /// below it against what was offered.
    pub fn error(&self) -> Option<f64> {
        let ratio = self.delivered_ratio?;
        if self.cell.load == Load::WITHIN {
            let Measured { delivered_bytes, offered_bytes, .. } = self.measured;
            return Some(delivered_bytes as f64 / offered_bytes as f64 - 1.0);
        }
        Some(ratio - 1.0)
    }

    /// The rate that was offered, in bit/s.
    pub fn offered_bps(&self) -> f64 {
        self.measured.offered_bytes as f64 * 8.0 / self.measured.seconds
    }
}

impl Bench {
    /// Loads the programs, with a circuit for each rate.
    pub fn load(rates_bps: &[u64]) -> Result<Self> {
        let mut loaded = load(&config(rates_bps))?;
        let elsewhere = [
            keep_dispatched(program(&mut loaded.ebpf, PROGRAM)?)?,
            keep_dispatched(program(&mut loaded.ebpf, FRAGS_PROGRAM)?)?,
        ];
        let circuits = rates_bps
            .iter()
            .zip(FIRST_S_VID..)
            .map(|(rate_bps, s_vid)| MeasuredCircuit::new(&loaded, *rate_bps, s_vid));
        let circuits = circuits.collect::<Result<_>>()?;
        Ok(Self { loaded, circuits, cpus: online_cpus()?, _elsewhere: elsewhere })
    }

    /// CPUs there are.
    pub fn cpus(&self) -> usize {
        self.cpus.len()
    }

    /// Offers for `duration`, after the burst is gone, and counts what is delivered.
    ///
    /// # Panics
    ///
    /// Where the cell's rate is none of those that were loaded.
    pub fn measure(&self, cell: Cell, duration: Duration) -> Result<MeasuredCell> {
        let circuit = self
            .circuits
            .iter()
            .find(|circuit| circuit.rate_bps == cell.rate_bps)
            .expect("a rate that was loaded");
        let cpus = &self.cpus[..cell.cpus];
        let measured = measure(&self.loaded, circuit, cell, cpus, duration)?;
        Ok(MeasuredCell::new(cell, measured))
    }
}

/// The whole table, each cell for `duration`; tells `progress` each row.
pub fn bench(duration: Duration, mut progress: impl FnMut(&MeasuredCell)) -> Result<PolicerReport> {
    let bench = Bench::load(&RATES_BPS)?;
    let sizes = [64, 512, 1518, 9000].map(Size::Bytes).into_iter().chain([Size::Imix]);
    let mut cpus = vec![1, bench.cpus()];
    cpus.dedup();
    let mut rows = Vec::new();
    for rate_bps in RATES_BPS {
        for size in sizes.clone() {
            for &cpus in &cpus {
                for load in [Load::WITHIN, Load::Times(1.05), Load::Times(2.0), Load::Flat] {
                    let row = bench.measure(Cell { rate_bps, size, cpus, load }, duration)?;
                    progress(&row);
                    rows.push(row);
                }
            }
        }
    }
    Ok(PolicerReport { rows })
}

impl PolicerReport {
    /// The cell above the rate that is furthest from it.
    pub fn worst_above(&self) -> Option<&MeasuredCell> {
        let rows = self.rows.iter().filter(|row| row.cell.load != Load::WITHIN);
        let error = |row: &&MeasuredCell| row.error().map_or(-1.0, f64::abs);
        rows.max_by(|a, b| error(a).total_cmp(&error(b)))
    }

    /// The cell below the rate that lost most, whether all of its load was offered or not.
    pub fn worst_within(&self) -> Option<&MeasuredCell> {
        let rows = self.rows.iter().filter(|row| row.cell.load == Load::WITHIN);
        rows.max_by_key(|row| row.measured.dropped_frames)
    }
}

/// Attaches `program` to the loopback interface of a namespace where there is no traffic.
///
/// A test run of a program that is attached nowhere has the kernel patch its XDP dispatcher, and
/// wait for all CPUs, before and after (`bpf_prog_change_xdp` in `bpf_prog_test_run_xdp`,
/// `net/bpf/test_run.c`): 20 ms, in which no frame is offered.
fn keep_dispatched(program: &mut Xdp) -> Result<NetNs> {
    let namespace = NetNs::new()?;
    namespace.run(|| {
        program.attach_to_if_index(LOOPBACK_IFINDEX, XdpMode::Skb).context("attaching to lo")?;
        Ok(())
    })?;
    Ok(namespace)
}

/// A circuit for each rate, named after it.
fn config(rates_bps: &[u64]) -> Sample {
    let circuits = rates_bps.iter().zip(FIRST_S_VID..).map(|(rate_bps, s_vid)| {
        sample::SampleCircuit::new(rate_bps.to_string(), *rate_bps)
            .s_tag(s_vid)
            .peering("microsoft", 10)
    });
    edge().circuits(circuits)
}
