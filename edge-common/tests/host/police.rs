//! The policer on the host: the purchased rate, its bound, and the order of classes.

use crate::tables::{qos_row, sample};
use edge_common::{
    abi::{
        policer::{Bucket, Lease},
        qos::BurstShare,
        rate::Rate,
    },
    host::{FixedClock, HostTables},
    policer::bucket,
};
use proptest::prelude::*;

/// Shares of the burst, in 1,024ths.
const VOICE: u16 = 1024;
const DEFAULT: u16 = 614;

/// CPUs that share a policer, each with a clock of its own.
struct Cpus {
    tables: HostTables,
    leases: Vec<Lease>,
}

impl Cpus {
    fn new(cpus: usize, rate: Rate) -> Self {
        let mut tables = sample(&qos_row(|arriving| arriving));
        tables.buckets.rates = vec![rate];
        Self { tables, leases: vec![Lease::default(); cpus] }
    }

    fn admit(&mut self, cpu: usize, now_ns: u64, share: u16, len_bytes: u32) -> bool {
        let own = Bucket { policer: 1, rate: 0 };
        let share = BurstShare::new(share);
        self.tables.buckets.policers[1].1 = self.leases[cpu];
        self.tables.buckets.clock = FixedClock(now_ns);
        let admission = bucket::admit(&mut self.tables, own, share, len_bytes).unwrap();
        self.leases[cpu] = self.tables.buckets.policers[1].1;
        admission.is_within()
    }
}

/// Bytes admitted in `duration_ns` after the burst is gone, of an offer of `overload` times the
/// rate in frames of `len_bytes` over `cpus`.
fn delivered(rate_bps: u64, len_bytes: u32, overload: f64, cpus: usize, duration_ns: u64) -> u64 {
    let burst_bytes = (rate_bps / 8 / 40).clamp(128_000, 64_000_000);
    let mut policed = Cpus::new(cpus, Rate::new(rate_bps, burst_bytes).unwrap());
    // Once, so that the used part of the burst is in its steady state from the start.
    policed.tables.buckets.policers[1].0.tat_ticks.set(u64::MAX >> 1);
    let start_ns = 1_000_000_000;
    while policed.admit(0, start_ns, VOICE, len_bytes) {}
    let gap_ns = f64::from(len_bytes) * 8e9 / (rate_bps as f64 * overload);
    let frames = (duration_ns as f64 / gap_ns) as u64;
    let mut bytes = 0;
    for frame in 1..=frames {
        let now_ns = start_ns + (frame as f64 * gap_ns) as u64;
        let cpu = (frame % cpus as u64) as usize;
        if policed.admit(cpu, now_ns, VOICE, len_bytes) {
            bytes += u64::from(len_bytes);
        }
    }
    bytes
}

/// Rates at which known policers fail are among these: whole bytes a microsecond (5 to 10 Gbps),
/// refills that round to nothing (50 Mbps), `NSEC / rate` of 0 (above 1 Gbps).
#[test]
fn the_purchased_rate_is_delivered_within_a_thousandth() {
    for (rate_bps, duration_ns) in [
        (50_000_000, 10_000_000_000),
        (123_456_789, 4_000_000_000),
        (1_000_000_000, 1_000_000_000),
        (3_700_000_000, 300_000_000),
        (5_000_000_000, 300_000_000),
        (10_000_000_000, 200_000_000),
        (40_000_000_000, 60_000_000),
        (100_000_000_000, 60_000_000),
    ] {
        for (len_bytes, overload, cpus) in
            [(1518, 1.05, 1), (1518, 3.0, 4), (64, 2.0, 2), (9000, 2.0, 1)]
        {
            let purchased = rate_bps as f64 / 8e9 * duration_ns as f64;
            let delivered = delivered(rate_bps, len_bytes, overload, cpus, duration_ns) as f64;
            // Bytes that the CPUs may hold or have used ahead at the two ends of the window.
            let slack = cpus as f64 * (rate_bps as f64 * 16e-6 / 8.0 + f64::from(len_bytes));
            assert!(
                (delivered - purchased).abs() <= 0.001 * purchased + 2.0 * slack,
                "{rate_bps} bit/s, {len_bytes} bytes, {overload} times, {cpus} CPUs: \
                 {delivered} of {purchased}",
            );
        }
    }
}

#[test]
fn a_stream_just_below_the_rate_loses_nothing() {
    for rate_bps in [50_000_000u64, 1_000_000_000, 3_700_000_000] {
        let mut policed = Cpus::new(2, Rate::new(rate_bps, 128_000).unwrap());
        for frame in 0..200_000u64 {
            let now_ns = (frame as f64 * 1518.0 * 8e9 / (rate_bps as f64 * 0.999)) as u64;
            assert!(policed.admit((frame % 2) as usize, now_ns, VOICE, 1518), "frame {frame}");
        }
    }
}

#[test]
fn voice_loses_nothing_while_default_is_at_three_times_the_rate() {
    let rate_bps = 100_000_000u64;
    let mut policed = Cpus::new(2, Rate::new(rate_bps, 128_000).unwrap());
    let (mut voice_lost, mut default_lost) = (0, 0);
    // 200-byte voice frames at 20 % of the rate, 1,500-byte default frames at 300 %.
    let (mut voice_ns, mut default_ns) = (0u64, 0u64);
    while default_ns < 2_000_000_000 {
        if voice_ns <= default_ns {
            voice_lost += u32::from(!policed.admit(0, voice_ns, VOICE, 200));
            voice_ns += 80_000;
        } else {
            default_lost += u32::from(!policed.admit(1, default_ns, DEFAULT, 1500));
            default_ns += 40_000;
        }
    }
    assert_eq!(voice_lost, 0);
    assert!(default_lost > 30_000, "{default_lost}");
}

#[test]
fn a_new_rate_does_not_honour_credit_bought_at_the_old_one() {
    let mut policed = Cpus::new(1, Rate::new(10_000_000_000, 1_000_000).unwrap());
    assert!(policed.admit(0, 1, VOICE, 64));
    assert!(policed.leases[0].credit_bytes[7] > 0);
    policed.leases[0].rate = 7;
    assert!(policed.admit(0, 1, VOICE, 64));
    assert_eq!(policed.leases[0].leases, 2);
}

/// The clock's 52 bits of nanoseconds wrap around after 52 days. A word that was never written is
/// then ahead of it, for a moment by little.
#[test]
fn an_idle_policer_is_full_again_when_the_clock_comes_round() {
    for before_ns in [0, 1_000_000_000, 20_000_000_000] {
        let mut policed = Cpus::new(1, Rate::new(1_000_000_000, 3_125_000).unwrap());
        for frame in 0..2_000 {
            assert!(policed.admit(0, (1 << 52) - before_ns, VOICE, 1518), "{before_ns} {frame}");
        }
    }
}

proptest! {
    /// In any window of any interleaving with clocks that differ, no more passes than rate times
    /// time, plus the burst, plus the CPUs' leases.
    #[test]
    fn no_window_admits_more_than_its_bound(
        rate_bps in 64_000u64..100_000_000_000,
        frames in prop::collection::vec((0usize..4, 0u64..100_000, 0u64..200, 60u32..9000), 1..400),
        window in (0usize..400, 0usize..400),
    ) {
        let burst_bytes = (rate_bps / 8 / 40).clamp(128_000, 64_000_000);
        let Ok(rate) = Rate::new(rate_bps, burst_bytes) else { return Ok(()) };
        let mut policed = Cpus::new(4, rate);
        let mut admitted = Vec::new();
        let mut time_ns = 1_000_000;
        for (cpu, gap_ns, skew_ns, len_bytes) in frames {
            time_ns += gap_ns;
            if policed.admit(cpu, time_ns - skew_ns, VOICE, len_bytes) {
                admitted.push((time_ns, u64::from(len_bytes)));
            }
        }
        let from = window.0.min(window.1).min(admitted.len());
        let to = window.0.max(window.1).min(admitted.len());
        let Some(span) = admitted[from..to].first().zip(admitted[from..to].last()) else {
            return Ok(());
        };
        let time_ns = span.1.0 - span.0.0 + 2 * 200;
        let bytes: u64 = admitted[from..to].iter().map(|(_, bytes)| bytes).sum();
        let lease_bytes = rate_bps as f64 * 16e-6 / 8.0;
        let bound = rate_bps as f64 / 8e9 * time_ns as f64
            + burst_bytes as f64
            + 5.0 * lease_bytes
            + 9000.0;
        prop_assert!(bytes as f64 <= bound, "{} of {}", bytes, bound);
    }
}
