//! Numbers and moments as people read and type them.

pub mod when;

/// A rate in bit/s with its SI unit: exact, so that it can be typed back.
#[must_use]
pub fn bit_rate(bps: u64) -> String {
    let (unit, name) = match bps {
        1_000_000_000.. => (1_000_000_000, "Gbps"),
        1_000_000.. => (1_000_000, "Mbps"),
        1_000.. => (1_000, "kbps"),
        0.. => (1, "bps"),
    };
    let whole = bps / unit;
    let fraction = format!("{:0width$}", bps % unit, width = unit.ilog10() as usize);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        format!("{whole} {name}")
    } else {
        format!("{whole}.{fraction} {name}")
    }
}

/// A rate in bit/s to four digits, which tell enough of a rate that changes.
#[must_use]
pub fn about_bit_rate(bps: u64) -> String {
    let unit = 10_u64.pow(bps.checked_ilog10().unwrap_or(0).saturating_sub(3));
    bit_rate(bps.saturating_add(unit / 2) / unit * unit)
}

/// A size in whole KB or MB, rounded up, as a configuration takes it.
#[must_use]
pub fn size_up_to(bytes: u64) -> String {
    match bytes {
        10_000_000.. => format!("{} MB", bytes.div_ceil(1_000_000)),
        0.. => format!("{} KB", bytes.div_ceil(1_000)),
    }
}

/// The size that [`size_up_to`] writes, in bytes.
#[must_use]
pub const fn rounded_up_bytes(bytes: u64) -> u64 {
    let unit = if bytes >= 10_000_000 { 1_000_000 } else { 1_000 };
    bytes.div_ceil(unit).saturating_mul(unit)
}

/// A count with thousands separated.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place != 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_rates() {
        for (bps, text) in [
            (50_000_000, "50 Mbps"),
            (2_500_000_000, "2.5 Gbps"),
            (123_456_789, "123.456789 Mbps"),
            (100_000_000_000, "100 Gbps"),
            (64_000, "64 kbps"),
            (7, "7 bps"),
        ] {
            assert_eq!(bit_rate(bps), text);
        }
    }

    #[test]
    fn rough_figures() {
        for (bps, text) in [(123_456_789, "123.5 Mbps"), (999_960, "1 Mbps"), (7, "7 bps")] {
            assert_eq!(about_bit_rate(bps), text);
        }
        assert_eq!(about_bit_rate(u64::MAX), "18440000000 Gbps");
        for (bytes, text) in [(0, "0 KB"), (128_001, "129 KB"), (10_000_001, "11 MB")] {
            assert_eq!(size_up_to(bytes), text);
            assert!(rounded_up_bytes(bytes) >= bytes);
            assert_eq!(size_up_to(rounded_up_bytes(bytes)), text);
        }
    }

    #[test]
    fn counts() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
    }
}
