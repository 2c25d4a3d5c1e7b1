//! Numbers with units: rates, sizes and durations, in decimal and without rounding.

use std::time::Duration;

use edge_common::rate::Rate;

/// What a value means in the unit it is kept in, or what is wrong with it and what to write.
type Parsed<T> = Result<T, String>;

const RATE_HELP: &str = "write a rate such as \"50 Mbps\" or \"2.5 Gbps\", or an integer in bit/s";
pub(super) const DURATION_HELP: &str = "give a time such as \"10s\", \"5min\", \"1h\" or \"400d\"";
const BURST_HELP: &str =
    "write a time such as \"25ms\", a size such as \"256 KiB\", or an integer in bytes";

/// Units of time in nanoseconds; case matters.
const TIMES: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
];

/// Those, and longer ones: bursts have none of these.
const LONG_TIMES: [(&str, u64); 3] =
    [("min", 60_000_000_000), ("h", 3_600_000_000_000), ("d", 86_400_000_000_000)];

/// A committed burst, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burst {
    /// As time at the circuit's rate.
    Time {
        /// In nanoseconds.
        ns: u64,
    },
    /// As it is.
    Size {
        /// In bytes.
        bytes: u64,
    },
}

/// A bandwidth as a person types it, in bit/s: `"50 Mbps"` or a whole number of bit/s, within
/// what can be policed.
pub fn bandwidth_bps(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let is_integer = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let rate_bps = if is_integer { scaled(text, 1, RATE_HELP)? } else { rate_bps(text)? };
    in_range_bps(rate_bps)
}

/// A rate with a unit, in bit/s.
pub(super) fn rate_bps(text: &str) -> Parsed<u64> {
    let (number, unit) = split(text, RATE_HELP)?;
    // Case is free, but "MB" is bytes to everyone, and eight times as much.
    if unit.contains('B') && unit.contains(|c: char| c.is_ascii_lowercase()) {
        return Err(format!("has the unit {unit:?}, which reads as bytes; {RATE_HELP}"));
    }
    let lower = unit.to_ascii_lowercase();
    let prefix = lower.strip_suffix("bps").or_else(|| lower.strip_suffix("bit/s"));
    let bps = match prefix {
        Some("") => 1,
        Some("k") => 1_000,
        Some("m") => 1_000_000,
        Some("g") => 1_000_000_000,
        Some("t") => 1_000_000_000_000,
        _ => return Err(unknown_unit(unit, RATE_HELP)),
    };
    scaled(number, bps, "give a whole number of bit/s")
}

/// `rate_bps` where it can be policed.
pub(super) fn in_range_bps(rate_bps: u64) -> Parsed<u64> {
    if (Rate::MIN_BPS..=Rate::MAX_BPS).contains(&rate_bps) {
        return Ok(rate_bps);
    }
    Err(format!("is {rate_bps} bit/s, which can't be policed; give 64 kbps to 800 Gbps"))
}

/// A burst: a time or a size.
pub(super) fn burst(text: &str) -> Parsed<Burst> {
    let (number, unit) = split(text, BURST_HELP)?;
    if let Some((_, ns)) = TIMES.iter().find(|(name, _)| *name == unit) {
        let ns = scaled(number, *ns, "give a whole number of nanoseconds")?;
        return Ok(Burst::Time { ns });
    }
    let bytes = size_unit_bytes(unit).ok_or_else(|| unknown_unit(unit, BURST_HELP))?;
    Ok(Burst::Size { bytes: scaled(number, bytes, "give a whole number of bytes")? })
}

/// A duration: a day has 24 hours.
pub(super) fn duration(text: &str) -> Parsed<Duration> {
    let (number, unit) = split(text, DURATION_HELP)?;
    let found = TIMES.iter().chain(&LONG_TIMES).find(|(name, _)| *name == unit);
    let (_, ns) = found.ok_or_else(|| unknown_unit(unit, DURATION_HELP))?;
    scaled(number, *ns, "give a whole number of nanoseconds").map(Duration::from_nanos)
}

fn size_unit_bytes(unit: &str) -> Option<u64> {
    // The prefix's case is free; the B is not, as a small one means bits.
    let prefix = unit.strip_suffix('B')?.to_ascii_lowercase();
    Some(match prefix.as_str() {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        "ki" => 1 << 10,
        "mi" => 1 << 20,
        "gi" => 1 << 30,
        _ => return None,
    })
}

/// The number and the unit behind it.
fn split<'t>(text: &'t str, help: &str) -> Parsed<(&'t str, &'t str)> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err(format!("is negative ({text:?}); {help}"));
    }
    let number_len = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_len);
    let unit = unit.trim_start();
    if number.is_empty() {
        return Err(format!("is {text:?}, which doesn't start with a number; {help}"));
    }
    if unit.is_empty() {
        return Err(format!("is {text:?}, without a unit; {help}"));
    }
    Ok((number, unit))
}

fn unknown_unit(unit: &str, help: &str) -> String {
    format!("has the unknown unit {unit:?}; {help}")
}

/// A decimal number times `unit`, where that is whole.
fn scaled(number: &str, unit: u64, help: &str) -> Parsed<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(format!("has {number:?}, which is not a number; {help}"));
    }
    let too_large = || format!("is too large ({number}); give less");
    // Nothing finer than this can be whole: no unit has more than 18 factors of ten or of two.
    let fraction = fraction.trim_end_matches('0');
    let places = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
    if places > 18 {
        return Err(format!("is too fine ({number}); {help}"));
    }
    let denominator = 10u128.pow(places);
    let whole: u64 = whole.parse().map_err(|_overflow| too_large())?;
    let fraction: u64 =
        if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_overflow| too_large())? };
    let product = (u128::from(whole) * denominator + u128::from(fraction))
        .checked_mul(u128::from(unit))
        .ok_or_else(too_large)?;
    if product % denominator != 0 {
        return Err(format!("is too fine ({number}); {help}"));
    }
    u64::try_from(product / denominator).map_err(|_overflow| too_large())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        for (text, bps) in [
            ("50 Mbps", 50_000_000),
            ("1Gbps", 1_000_000_000),
            ("2.5 Gbps", 2_500_000_000),
            ("0.1 Gbps", 100_000_000),
            ("64kbps", 64_000),
            ("64 KBPS", 64_000),
            ("100 mbps", 100_000_000),
            ("1 gbps", 1_000_000_000),
            ("0.8 Tbps", 800_000_000_000),
            ("64000 bps", 64_000),
            ("10 Mbit/s", 10_000_000),
            (" 1.000 kbps ", 1_000),
            ("1.0000000000000000000000000 kbps", 1_000),
        ] {
            assert_eq!(rate_bps(text), Ok(bps), "{text}");
        }
        for text in [
            "",
            " ",
            "fast",
            "Mbps",
            "1000000",
            "-5 Mbps",
            "+5 Mbps",
            "1.5 bps",
            "1.0001 kbps",
            "1. Gbps",
            ".5 Gbps",
            "1.2.3 Gbps",
            "1e3 Mbps",
            "1_000 Mbps",
            "1,5 Gbps",
            "50 MBps",
            "50 MB/s",
            "50 M",
            "50 Mibps",
            "1 Pbps",
            "99999999999999999999 bps",
            "99999999999 Gbps",
            "0.0000000000000000000000001 Gbps",
            "50 Mbps 3",
            "5\u{0}0 Mbps",
        ] {
            assert!(rate_bps(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn bandwidths_have_bounds_and_may_be_plain() {
        assert_eq!(bandwidth_bps("1000000"), Ok(1_000_000));
        assert_eq!(bandwidth_bps("64 kbps"), Ok(64_000));
        assert_eq!(bandwidth_bps("800 Gbps"), Ok(800_000_000_000));
        for text in ["63.999 kbps", "800.000000001 Gbps", "0", "0 bps", "100"] {
            assert!(bandwidth_bps(text).is_err(), "{text}");
        }
    }

    #[test]
    fn bursts() {
        let (time, size) = (|ns| Burst::Time { ns }, |bytes| Burst::Size { bytes });
        for (text, expected) in [
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
        ] {
            assert_eq!(burst(text), Ok(expected), "{text}");
        }
        for text in ["", "25", "25 m", "25 MS", "1.5 B", "0.5ns", "-1ms", "1 Kb", "1 KB/s", "5 min"]
        {
            assert!(burst(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn durations() {
        for (text, expected) in [
            ("10ms", Duration::from_millis(10)),
            ("10s", Duration::from_secs(10)),
            ("1.5 s", Duration::from_millis(1_500)),
            ("5min", Duration::from_mins(5)),
            ("1h", Duration::from_hours(1)),
            ("0.5 h", Duration::from_mins(30)),
            ("400d", Duration::from_hours(400 * 24)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
        for text in ["", "10", "5 m", "5 minutes", "1 H", "-1s", "1e3s", "64 KiB", "300000d"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }
}
