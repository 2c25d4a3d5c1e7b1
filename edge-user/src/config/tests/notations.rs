//! Notations of rates, sizes and times: what each is, or what to write instead.

use std::time::Duration;

use super::super::{
    Burst,
    rates::{bandwidth_bps, rate_bps},
    units::{burst, duration},
};

/// A text, and its value or words of its refusal.
type Case<T> = (&'static str, Result<T, &'static str>);

fn check<T: PartialEq + std::fmt::Debug>(cases: &[Case<T>], read: fn(&str) -> Result<T, String>) {
    for (text, expected) in cases {
        match (read(text), expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, *expected, "{text:?}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{text:?}: {found}"),
            (found, _) => panic!("{text:?}: {found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn rates_are_bits_by_a_small_b_or_by_the_word() {
    const M: u64 = 1_000_000;
    check(
        &[
            ("50 Mbps", Ok(50 * M)),
            ("1Gbps", Ok(1_000 * M)),
            ("1\u{a0}Gbps", Ok(1_000 * M)),
            ("2.5 Gbps", Ok(2_500 * M)),
            ("0.1 Gbps", Ok(100 * M)),
            ("64kbps", Ok(64_000)),
            ("64 Kbps", Ok(64_000)),
            ("100 mbps", Ok(100 * M)),
            ("1 gbps", Ok(1_000 * M)),
            ("0.8 Tbps", Ok(800_000 * M)),
            ("64000 bps", Ok(64_000)),
            (" 1.000 kbps ", Ok(1_000)),
            ("1.0000000000000000000000000 kbps", Ok(1_000)),
            ("10 Mbit/s", Ok(10 * M)),
            ("50 MBit/s", Ok(50 * M)),
            ("50 MBIT/S", Ok(50 * M)),
            ("50 mbit/s", Ok(50 * M)),
            ("50 Mbits/s", Ok(50 * M)),
            ("1 Gb/s", Ok(1_000 * M)),
            ("1gbit", Ok(1_000 * M)),
            ("1 GBit", Ok(1_000 * M)),
            ("8 bit/s", Ok(8)),
            // Bytes, to most.
            (
                "1 GBps",
                Err("capital B reads as bytes; write \"1 Gbps\" if bits are meant, or \"8 Gbps\""),
            ),
            ("50 MBPS", Err("write \"50 Mbps\" if bits are meant, or \"400 Mbps\" if bytes are")),
            ("64 KBPS", Err("write \"64 kbps\" if bits")),
            ("1 GB/s", Err("\"8 Gbps\"")),
            ("1 gB/S", Err("\"8 Gbps\"")),
            ("1 Mbyte/s", Err("\"8 Mbps\"")),
            ("1 GiB/s", Err("or \"8.589934592 Gbps\" if bytes are")),
            // No rates, or not decimal ones.
            ("1G", Err("is no rate; write \"1 Gbps\"")),
            ("1000M", Err("write \"1 Gbps\"")),
            ("1 Gb", Err("write \"1 Gbps\"")),
            ("1 GB", Err("write \"1 Gbps\"")),
            ("1 Gibit/s", Err("\"Gi\", and rates are decimal; write \"1.073741824 Gbps\"")),
            ("50 Mibps", Err("write \"52.4288 Mbps\"")),
            // No numbers.
            ("1,000 Mbps", Err("without separators, and with a dot")),
            ("1,5 Gbps", Err("\"1.5\"")),
            ("1_000 Mbps", Err("without separators")),
            ("1'000 Mbps", Err("without separators")),
            ("1e9", Err("write the number out")),
            ("1e9 bps", Err("write the number out")),
            ("1E+9 bps", Err("write the number out")),
            ("unlimited", Err("which is a `billing`")),
            ("1000000000", Err("or an integer in bit/s without quotes")),
            ("", Err("doesn't start with a number")),
            (" ", Err("doesn't start with a number")),
            ("fast", Err("doesn't start with a number")),
            ("Mbps", Err("doesn't start with a number")),
            ("+1 Gbps", Err("doesn't start with a number")),
            (".5 Gbps", Err("not a number")),
            ("1. Gbps", Err("not a number")),
            ("1.2.3 Gbps", Err("not a number")),
            ("-5 Mbps", Err("negative")),
            ("1.5 bps", Err("whole number of bit/s")),
            ("1.0001 kbps", Err("whole number of bit/s")),
            ("1 Pbps", Err("unknown unit \"Pbps\"")),
            ("50 Mbps 3", Err("unknown unit")),
            ("1 iB/s", Err("unknown unit")),
            ("1 é", Err("unknown unit")),
            ("1 kébps", Err("unknown unit")),
            ("5\u{0}0 Mbps", Err("unknown unit")),
            ("99999999999999999999 bps", Err("too large")),
            ("99999999999 Gbps", Err("too large")),
            ("99999999999 GBps", Err("write a rate")),
            ("0.0000000000000000000000001 Gbps", Err("too fine")),
        ],
        rate_bps,
    );
}

#[test]
fn spelling_in_another_case_is_never_another_rate() {
    for unit in ["bps", "kbps", "Mbit/s", "gb/s", "tbit", "Mbits/s", "MBps", "GB/s"] {
        let found: Vec<u64> = [unit.to_owned(), unit.to_lowercase(), unit.to_uppercase()]
            .iter()
            .filter_map(|unit| rate_bps(&format!("8 {unit}")).ok())
            .collect();
        assert!(found.iter().all(|bps| *bps == found[0]), "{unit}: {found:?}");
    }
}

#[test]
fn bandwidths_have_bounds_and_may_be_plain() {
    check(
        &[
            ("1000000", Ok(1_000_000)),
            ("64 kbps", Ok(64_000)),
            ("800 Gbps", Ok(800_000_000_000)),
            ("63.999 kbps", Err("give 64 kbps to 800 Gbps")),
            ("800.000000001 Gbps", Err("give 64 kbps to 800 Gbps")),
            ("0", Err("give 64 kbps")),
            ("0 bps", Err("give 64 kbps")),
            ("100", Err("give 64 kbps")),
            ("1e9", Err("write the number out")),
        ],
        bandwidth_bps,
    );
    // A rate can be typed back as it is printed.
    for bps in [64_000, 64_001, 1_125_000, 123_456_789, 1_000_000_000, 799_999_999_999] {
        assert_eq!(rate_bps(&crate::units::bit_rate(bps)), Ok(bps));
    }
}

#[test]
fn bursts_are_times_or_sizes_in_bytes() {
    let (time, size) = (|ns| Ok(Burst::Time { ns }), |bytes| Ok(Burst::Size { bytes }));
    check(
        &[
            ("10ms", time(10_000_000)),
            ("10 ms", time(10_000_000)),
            ("10s", time(10_000_000_000)),
            ("500us", time(500_000)),
            ("500 µs", time(500_000)),
            ("1.5ms", time(1_500_000)),
            ("7ns", time(7)),
            ("64 KiB", size(65_536)),
            ("128 KB", size(128_000)),
            ("128kB", size(128_000)),
            ("9 MB", size(9_000_000)),
            ("1 MiB", size(1_048_576)),
            ("1.5 KiB", size(1_536)),
            ("1 GB", size(1_000_000_000)),
            ("4096 B", size(4_096)),
            (
                "64kb",
                Err("small b reads as bits; write \"64 KB\" for thousands of bytes, or \"64 KiB\""),
            ),
            ("64 Kb", Err("or \"64 KiB\"")),
            ("64 kib", Err("or \"64 KiB\"")),
            ("1 Gb", Err("write \"1 GB\"")),
            ("64K", Err("unknown unit")),
            ("1 KB/s", Err("unknown unit")),
            ("1 Mbit", Err("unknown unit")),
            ("1,5 MB", Err("without separators")),
            ("25 MS", Err("write \"25ms\"")),
            ("25 msec", Err("write \"25ms\"")),
            ("1 S", Err("write \"1s\"")),
            ("25 m", Err("unknown unit")),
            ("5 min", Err("unknown unit")),
            ("25", Err("without a unit")),
            ("1.5 B", Err("whole number of bytes")),
            ("0.5ns", Err("whole number of nanoseconds")),
            ("-1ms", Err("negative")),
            ("", Err("doesn't start with a number")),
        ],
        burst,
    );
}

#[test]
fn durations_are_in_one_unit() {
    check(
        &[
            ("10ms", Ok(Duration::from_millis(10))),
            ("10s", Ok(Duration::from_secs(10))),
            ("1.5 s", Ok(Duration::from_millis(1_500))),
            ("5min", Ok(Duration::from_mins(5))),
            ("1h", Ok(Duration::from_hours(1))),
            ("0.5 h", Ok(Duration::from_mins(30))),
            ("400d", Ok(Duration::from_hours(400 * 24))),
            ("5 m", Err("minutes or months; write \"5min\"")),
            ("5 minutes", Err("write \"5min\"")),
            ("1 H", Err("write \"1h\"")),
            ("10 sec", Err("write \"10s\"")),
            ("10 S", Err("write \"10s\"")),
            ("2 days", Err("write \"2d\"")),
            ("1 week", Err("unknown unit")),
            ("1h30min", Err("unknown unit")),
            ("10", Err("without a unit")),
            ("-1s", Err("negative")),
            ("1e3s", Err("write the number out")),
            ("64 KiB", Err("unknown unit")),
            ("300000d", Err("too large")),
        ],
        duration,
    );
}
