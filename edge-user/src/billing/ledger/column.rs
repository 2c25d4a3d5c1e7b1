//! Values as the database has them.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Row, types::Type};
use uuid::Uuid;

const DAY_S: i64 = 24 * 60 * 60;

/// Microseconds since 1970. A time in the first or the last two days of the calendar is moved to
/// the nearest time outside them, so that a period or two fit around it.
pub(super) fn micros(time: Timestamp) -> i64 {
    let latest = (Timestamp::MAX.as_second() - 2 * DAY_S) * 1_000_000;
    let earliest = (Timestamp::MIN.as_second() + 2 * DAY_S) * 1_000_000;
    time.as_microsecond().clamp(earliest, latest)
}

pub(super) fn from_micros(time_us: i64) -> Timestamp {
    Timestamp::from_microsecond(time_us).unwrap_or(end_of_time(time_us))
}

pub(super) fn from_seconds(time_s: i64) -> Timestamp {
    Timestamp::from_second(time_s).unwrap_or(end_of_time(time_s))
}

/// The first second that begins at a time or after it: periods and samples start with whole seconds.
pub(super) fn second_from(time: Timestamp) -> i64 {
    -micros(time).saturating_neg().div_euclid(1_000_000)
}

/// The whole seconds of a duration.
pub(super) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// The whole microseconds of a duration.
pub(super) fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

pub(super) fn uuid(row: &Row<'_>, index: usize) -> rusqlite::Result<Uuid> {
    let text: String = row.get(index)?;
    Uuid::parse_str(&text).map_err(|error| unreadable(index, error))
}

/// A count of 64 bits without a sign.
pub(super) fn count(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(i64::cast_unsigned)
}

/// The value of a column with a few possible spellings.
pub(super) fn choice<T: Copy>(
    row: &Row<'_>,
    index: usize,
    values: &[T],
    spelling: impl Fn(T) -> &'static str,
) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    let found = values.iter().copied().find(|value| spelling(*value) == text);
    found.ok_or_else(|| unreadable(index, format!("{text:?} is not known")))
}

fn unreadable(
    index: usize,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, error.into())
}

fn end_of_time(time: i64) -> Timestamp {
    if time < 0 { Timestamp::MIN } else { Timestamp::MAX }
}
