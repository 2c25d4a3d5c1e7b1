//! Hours, days and months, all in UTC.

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Date, Time},
    tz::Offset,
};

use super::{column, types::Grain};

const HOUR_S: i64 = 60 * 60;
const DAY_S: i64 = 24 * HOUR_S;

/// The hour, day, month or total that a period is summed into, in seconds. It is cut at `from` and
/// `to`, where they are given, but has the whole period. For a total it is the part that this
/// period knows.
pub(super) fn stretch(
    grain: Grain,
    (start_s, end_s): (i64, i64),
    (from_s, to_s): (Option<i64>, Option<i64>),
) -> (i64, i64) {
    let (first_s, last_s) = match grain {
        Grain::Period => return (start_s, end_s),
        Grain::Hour => whole(start_s, end_s, HOUR_S),
        Grain::Day => whole(start_s, end_s, DAY_S),
        Grain::Month => month(start_s),
        Grain::Total => {
            return (from_s.unwrap_or(start_s).min(start_s), to_s.unwrap_or(end_s).max(end_s));
        }
    };
    let first_s = from_s.map_or(first_s, |from_s| first_s.max(from_s));
    let last_s = to_s.map_or(last_s, |to_s| last_s.min(to_s));
    (first_s.min(start_s), last_s.max(end_s))
}

/// Start of the month that `time` is in.
pub(super) fn month_start(time: Timestamp) -> Timestamp {
    timestamp(Offset::UTC.to_datetime(time).date().first_of_month())
}

fn whole(start_s: i64, end_s: i64, length_s: i64) -> (i64, i64) {
    let first_s = start_s.div_euclid(length_s) * length_s;
    if end_s <= first_s + length_s { (first_s, first_s + length_s) } else { (start_s, end_s) }
}

fn month(time_s: i64) -> (i64, i64) {
    let first = Offset::UTC.to_datetime(column::from_seconds(time_s)).date().first_of_month();
    (timestamp(first).as_second(), timestamp(first.saturating_add(1.month())).as_second())
}

fn timestamp(date: Date) -> Timestamp {
    Offset::UTC.to_timestamp(date.to_datetime(Time::midnight())).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a time").as_second()
    }

    fn found(grain: Grain, start: &str, length_s: i64) -> (String, String) {
        let start_s = seconds(start);
        let (first, last) = stretch(grain, (start_s, start_s + length_s), (None, None));
        (column::from_seconds(first).to_string(), column::from_seconds(last).to_string())
    }

    #[test]
    fn months_have_their_lengths() {
        for (start, first, last) in [
            ("2026-01-31T23:00:00Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            ("2026-02-28T23:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            ("2028-02-29T23:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            ("2100-02-28T23:00:00Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z"),
            ("2026-04-30T12:00:00Z", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"),
            ("2026-12-31T23:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("1969-12-31T23:00:00Z", "1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            let expected = (first.to_owned(), last.to_owned());
            assert_eq!(found(Grain::Month, start, HOUR_S), expected, "{start}");
        }
        for (month, days) in (1..=12).zip([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) {
            let (first, last) = month_of(&format!("2028-{month:02}-15T06:00:00Z"));
            assert_eq!(last - first, days * DAY_S, "{month}");
        }
    }

    fn month_of(start: &str) -> (i64, i64) {
        stretch(Grain::Month, (seconds(start), seconds(start) + HOUR_S), (None, None))
    }

    #[test]
    fn hours_and_days_are_whole() {
        let five = found(Grain::Hour, "2026-01-01T10:55:00Z", 300);
        assert_eq!(five, ("2026-01-01T10:00:00Z".to_owned(), "2026-01-01T11:00:00Z".to_owned()));
        let four_hours = found(Grain::Hour, "2026-01-01T08:00:00Z", 4 * HOUR_S);
        assert_eq!(
            four_hours,
            ("2026-01-01T08:00:00Z".to_owned(), "2026-01-01T12:00:00Z".to_owned())
        );
        let across = found(Grain::Hour, "2026-01-01T00:40:00Z", 40 * 60);
        assert_eq!(across, ("2026-01-01T00:40:00Z".to_owned(), "2026-01-01T01:20:00Z".to_owned()));
        let day = found(Grain::Day, "2028-02-29T23:00:00Z", HOUR_S);
        assert_eq!(day, ("2028-02-29T00:00:00Z".to_owned(), "2028-03-01T00:00:00Z".to_owned()));
        let before = found(Grain::Day, "1969-12-31T23:00:00Z", HOUR_S);
        assert_eq!(before, ("1969-12-31T00:00:00Z".to_owned(), "1970-01-01T00:00:00Z".to_owned()));
    }

    #[test]
    fn what_was_not_asked_for_is_not_in_the_stretch() {
        let hour = (seconds("2026-01-15T10:00:00Z"), seconds("2026-01-15T11:00:00Z"));
        let asked = (seconds("2026-01-15T00:00:00Z"), seconds("2026-01-15T10:30:00Z"));
        let month = stretch(Grain::Month, hour, (Some(asked.0), Some(asked.1)));
        assert_eq!(month, (asked.0, hour.1));
        assert_eq!(stretch(Grain::Period, hour, (Some(asked.0), Some(asked.1))), hour);
        let total = stretch(Grain::Total, hour, (Some(asked.0), None));
        assert_eq!(total, (asked.0, hour.1));
    }

    #[test]
    fn a_month_starts_at_midnight_of_its_first_day() {
        let time: Timestamp = "2026-03-31T23:59:59.999Z".parse().expect("a time");
        assert_eq!(month_start(time).to_string(), "2026-03-01T00:00:00Z");
        assert_eq!(month_start(month_start(time)), month_start(time));
    }
}
