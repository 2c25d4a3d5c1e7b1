//! Numbers with units: sizes and durations, in decimal and without rounding; rates are in `rates`.

use std::time::Duration;

/// A value in the unit in which it is kept, or a message with the fault and a notation to write.
pub(super) type Parsed<T> = Result<T, String>;

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

/// Longer units of time, which bursts don't have.
const LONG_TIMES: [(&str, u64); 3] =
    [("min", 60_000_000_000), ("h", 3_600_000_000_000), ("d", 86_400_000_000_000)];

/// A committed burst, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
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

/// A burst: a time or a size.
pub(super) fn burst(text: &str) -> Parsed<Burst> {
    let (number, unit) = split(text, BURST_HELP)?;
    if let Some((_, ns)) = TIMES.iter().find(|(name, _)| *name == unit) {
        let ns = scaled(number, *ns, "give a whole number of nanoseconds")?;
        return Ok(Burst::Time { ns });
    }
    let bytes = size_unit_bytes(unit).ok_or_else(|| wrong_burst_unit(number, unit))?;
    Ok(Burst::Size { bytes: scaled(number, bytes, "give a whole number of bytes")? })
}

/// Refuses a unit of a burst, and proposes a notation where one is likely.
fn wrong_burst_unit(number: &str, unit: &str) -> String {
    if let Some((time, _)) = meant_time(unit, &[]) {
        return format!("has the unknown unit {unit:?}; write \"{number}{time}\"");
    }
    let Some(prefix) = unit.strip_suffix(['b', 'B']) else { return unknown_unit(unit, BURST_HELP) };
    let letter = match prefix.to_ascii_lowercase().as_str() {
        "k" | "ki" => 'K',
        "m" | "mi" => 'M',
        "g" | "gi" => 'G',
        _ => return unknown_unit(unit, BURST_HELP),
    };
    format!(
        "has the unit {unit:?}, whose small b reads as bits; write \"{number} {letter}B\" for \
         thousands of bytes, or \"{number} {letter}iB\" for 1,024s of them"
    )
}

/// A duration: a day has 24 hours.
pub(super) fn duration(text: &str) -> Parsed<Duration> {
    let (number, unit) = split(text, DURATION_HELP)?;
    let found = TIMES.iter().chain(&LONG_TIMES).find(|(name, _)| *name == unit);
    let (_, ns) = found.ok_or_else(|| wrong_duration_unit(number, unit))?;
    scaled(number, *ns, "give a whole number of nanoseconds").map(Duration::from_nanos)
}

/// Refuses a unit of time, and proposes a notation where one is likely.
fn wrong_duration_unit(number: &str, unit: &str) -> String {
    if unit == "m" || unit == "M" {
        return format!(
            "has the unit {unit:?}, which may be minutes or months; write \"{number}min\" or, in \
             days, \"30d\""
        );
    }
    match meant_time(unit, &LONG_TIMES) {
        Some((time, _)) => format!("has the unknown unit {unit:?}; write \"{number}{time}\""),
        None => unknown_unit(unit, DURATION_HELP),
    }
}

/// The unit of time that is probably meant: one in capitals, or a word.
fn meant_time(unit: &str, more: &[(&'static str, u64)]) -> Option<(&'static str, u64)> {
    let lower = unit.to_lowercase();
    let short = match lower.as_str() {
        "sec" | "secs" | "second" | "seconds" => "s",
        "msec" | "millisecond" | "milliseconds" => "ms",
        "mins" | "minute" | "minutes" => "min",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "day" | "days" => "d",
        other => other,
    };
    TIMES.iter().chain(more).find(|(name, _)| *name == short).copied()
}

fn size_unit_bytes(unit: &str) -> Option<u64> {
    // The prefix's case is free. The B must be a capital, as a small one means bits.
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
pub(super) fn split<'t>(text: &'t str, help: &str) -> Parsed<(&'t str, &'t str)> {
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
    if unit.starts_with([',', '\'', '_', '’']) {
        return Err(format!(
            "is {text:?}; write the number without separators, and with a dot before its decimals, \
             such as \"1000\" or \"1.5\""
        ));
    }
    if unit.starts_with(['e', 'E'])
        && unit
            .get(1..)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)))
    {
        return Err(format!("is {text:?}, with an exponent; write the number out"));
    }
    Ok((number, unit))
}

pub(super) fn unknown_unit(unit: &str, help: &str) -> String {
    format!("has the unknown unit {unit:?}; {help}")
}

/// A decimal number times `unit`, where that is whole.
pub(super) fn scaled(number: &str, unit: u64, help: &str) -> Parsed<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) {
        return Err(format!("has {number:?}, which is not a number; {help}"));
    }
    let too_large = || format!("is too large ({number}); give less");
    // No unit has more than 18 factors of ten or of two: with more decimals, no value is whole.
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
