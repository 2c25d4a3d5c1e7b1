//! Moments as people type them.

use std::time::Duration;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Time},
    tz::Offset,
};

/// RFC 3339; a date or a month is its first moment in UTC.
///
/// # Errors
///
/// The message says what to give instead.
pub fn timestamp(text: &str) -> Result<Timestamp, String> {
    let is_digits = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                _ => byte == shape,
            })
    };
    let date = if is_digits(text, "0000-00") {
        Some(format!("{text}-01"))
    } else {
        is_digits(text, "0000-00-00").then(|| text.to_owned())
    };
    let found = match date {
        Some(date) => date.parse().ok().and_then(|date: Date| {
            Offset::UTC.to_timestamp(date.to_datetime(Time::midnight())).ok()
        }),
        None => text.parse().ok(),
    };
    found.ok_or_else(|| {
        "give a month such as 2026-01, a date such as 2026-01-31, or a time such as \
         2026-01-31T12:00:00Z"
            .to_owned()
    })
}

/// The longest time that a change waits for its confirmation.
pub const LONGEST_WAIT: Duration = Duration::from_hours(24 * 7);
/// The longest time that a bandwidth holds which ends at a time.
pub const LONGEST_HOLD: Duration = Duration::from_hours(24 * 366);

/// A time from a second to `longest`, such as `90s`, `10m`, `2h` or `1d`.
///
/// # Errors
///
/// The message says what to give instead.
pub fn duration(text: &str, longest: Duration) -> Result<Duration, String> {
    let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
    let found = match days {
        Some(days) => SignedDuration::from_hours(24).checked_mul(days),
        None => text.parse().ok(),
    };
    let found = found.and_then(|found: SignedDuration| Duration::try_from(found).ok());
    in_range(found.unwrap_or_default(), longest)
}

/// Returns `time`, if it is from a second to `longest`.
///
/// # Errors
///
/// The message says what to give instead.
pub fn in_range(time: Duration, longest: Duration) -> Result<Duration, String> {
    if (Duration::from_secs(1)..=longest).contains(&time) {
        Ok(time)
    } else {
        let days = longest.as_secs() / (24 * 3_600);
        Err(format!("give a time from 1s to {days}d, such as 90s, 10m or 2h"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_from_a_second_to_a_week() {
        for (text, expected_s) in [
            ("1s", Some(1)),
            ("90s", Some(90)),
            ("10m", Some(600)),
            ("10min", Some(600)),
            ("1h30m", Some(5_400)),
            ("2h", Some(7_200)),
            ("7d", Some(604_800)),
            ("0s", None),
            ("999ms", None),
            ("8d", None),
            ("169h", None),
            ("-10m", None),
            ("-1d", None),
            ("10", None),
            ("9999999999999999d", None),
            ("soon", None),
            ("", None),
        ] {
            let found = duration(text, LONGEST_WAIT);
            assert_eq!(found.as_ref().ok().map(Duration::as_secs), expected_s, "{text}: {found:?}");
        }
    }

    #[test]
    fn months_dates_and_times() {
        for (text, expected) in [
            ("2026-01", Some("2026-01-01T00:00:00Z")),
            ("2028-02-29", Some("2028-02-29T00:00:00Z")),
            ("2026-01-31T12:00:00Z", Some("2026-01-31T12:00:00Z")),
            ("2026-01-31T12:00:00+02:00", Some("2026-01-31T10:00:00Z")),
            ("2026-02-29", None),
            ("2026-13", None),
            ("2026-1", None),
            ("2026", None),
            ("2026-01-31T12:00:00", None),
            ("yesterday", None),
            ("", None),
        ] {
            let found = timestamp(text).map(|time| time.to_string());
            assert_eq!(found.as_deref().ok(), expected, "{text}: {found:?}");
        }
    }
}
