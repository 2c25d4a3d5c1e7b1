//! Moments as people type them.

use jiff::{
    Timestamp,
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

#[cfg(test)]
mod tests {
    use super::*;

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
