//! Parts of lines.

/// Most that two answers about one time differ by: BIRD adds the time for which it waited for a
/// CPU. A session takes longer to begin anew.
const SAME_TIME_MS: u64 = 500;

/// A time in BIRD's format of our choice, `1795990477.795`: milliseconds since 1970.
pub(super) fn time_ms(text: &str) -> Option<i64> {
    let (seconds, thousandths) = text.split_once('.')?;
    if thousandths.len() != 3 || !thousandths.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds: i64 = seconds.parse().ok()?;
    seconds.checked_mul(1_000)?.checked_add(thousandths.parse().ok()?)
}

/// Whether two answers may be about one time. BIRD counts by a clock that never steps, and computes
/// wall-clock times anew for each answer.
pub(super) fn is_same_time(one_ms: i64, other_ms: i64) -> bool {
    one_ms.abs_diff(other_ms) < SAME_TIME_MS
}

/// Seconds with a fraction, such as `0.300`, in microseconds.
pub(super) fn seconds_us(text: &str) -> Option<u64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty()
        || fraction.len() > 6
        || !fraction.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let micros: u64 = format!("{fraction:0<6}").parse().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)
}

/// A line's label and its value: `    Neighbor AS:      65001`.
pub(super) fn labelled(line: &str) -> Option<(&str, &str)> {
    let (label, value) = line.trim_start().split_once(':')?;
    Some((label, value.trim()))
}

/// The number before a word, in `4 imported, 0 filtered, 1 exported`.
pub(super) fn number_before(text: &str, word: &str) -> Option<u32> {
    let parts = text.split(',').map(str::trim);
    parts.filter_map(|part| part.split_once(' ')).find(|(_, what)| *what == word)?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn times_are_read_as_written(ms in 0_i64..1 << 50) {
            prop_assert_eq!(time_ms(&format!("{}.{:03}", ms / 1_000, ms % 1_000)), Some(ms));
        }

        #[test]
        fn intervals_are_read_as_written(us in 0_u64..1 << 50) {
            let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
            prop_assert_eq!(seconds_us(&text), Some(us));
        }
    }

    #[test]
    fn odd_fields_are_none() {
        for text in ["", "12", "12.", "12.3456", "x.123", "12.-12", "2026-11-29 22:14:36.820"] {
            assert_eq!(time_ms(text), None, "{text}");
        }
        assert_eq!(seconds_us("0.300"), Some(300_000));
        assert_eq!(seconds_us("5"), Some(5_000_000));
        for text in ["", "-1.0", "1.", "1.1234567", "a"] {
            assert_eq!(seconds_us(text), None, "{text}");
        }
        assert_eq!(labelled("    Neighbor AS:      65001"), Some(("Neighbor AS", "65001")));
        assert_eq!(number_before("4 imported, 0 filtered, 1 exported", "exported"), Some(1));
        assert_eq!(number_before("4 imported", "filtered"), None);
    }
}
