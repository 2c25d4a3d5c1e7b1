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
    fn counts() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
    }
}
