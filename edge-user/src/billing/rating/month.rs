//! A calendar month, in UTC.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::Offset};
use serde::{Serialize, Serializer};

/// A calendar month in UTC, from 1970 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    first: Date,
    start: Timestamp,
    end: Timestamp,
}

/// The error of a text that is no month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a month; write it as 2026-01")]
pub struct NotAMonth(String);

impl Month {
    /// The month of a moment; that of the calendar's ends, for moments in these.
    #[must_use]
    pub fn of(moment: Timestamp) -> Self {
        let first = Offset::UTC.to_datetime(moment).date().first_of_month();
        let start_of = |date: Date| Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok();
        let start = start_of(first).unwrap_or(moment);
        let next = first.last_of_month().tomorrow().ok().and_then(start_of);
        Self { first, start, end: next.unwrap_or(moment) }
    }

    /// Its first moment.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// The first moment of the next month.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        self.end
    }

    /// Its length in microseconds.
    #[must_use]
    pub fn micros(self) -> u64 {
        // Always positive.
        (self.end.as_microsecond() - self.start.as_microsecond()).unsigned_abs()
    }

    /// Whether the moment is in this month.
    #[must_use]
    pub fn contains(self, moment: Timestamp) -> bool {
        (self.start..self.end).contains(&moment)
    }
}

impl FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let parse = || {
            let (year, month) = text.split_once('-')?;
            let is_digits = |part: &str, len| {
                part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit())
            };
            if !is_digits(year, 4) || !is_digits(month, 2) {
                return None;
            }
            let year: i16 = year.parse().ok().filter(|year| *year >= 1970)?;
            let first = Date::new(year, month.parse().ok()?, 1).ok()?;
            let next = first.last_of_month().tomorrow().ok()?;
            let start_of = |date: Date| Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok();
            Some(Self { first, start: start_of(first)?, end: start_of(next)? })
        };
        parse().ok_or_else(|| NotAMonth(text.into()))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        for (text, days) in [
            ("2026-01", 31),
            ("2026-02", 28),
            ("2024-02", 29),
            ("2000-02", 29),
            ("2100-02", 28),
            ("2026-04", 30),
            ("2026-12", 31),
            ("1970-01", 31),
        ] {
            let month: Month = text.parse().expect(text);
            assert_eq!(month.micros(), days * 86_400 * 1_000_000, "{text}");
            assert_eq!(month.to_string(), text);
            assert!(month.contains(month.start()) && !month.contains(month.end()));
        }
        let month: Month = "2026-12".parse().expect("a month");
        assert_eq!(month.start().to_string(), "2026-12-01T00:00:00Z");
        assert_eq!(month.end().to_string(), "2027-01-01T00:00:00Z");
        for moment in [month.start(), month.end() - jiff::SignedDuration::from_nanos(1)] {
            assert_eq!(Month::of(moment), month);
        }
    }

    #[test]
    fn what_is_none() {
        let texts = [
            "",
            "2026",
            "2026-1",
            "2026-13",
            "2026-00",
            "26-01",
            "1969-12",
            "2026-01-01",
            "+026-01",
        ];
        for text in texts.into_iter().chain(["9999-12", "2026-é"]) {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
    }
}
