//! Percentages of minutes, exact to the last digit that is shown.

use rust_decimal::Decimal;

/// Decimals of a percentage.
const DECIMALS: u32 = 4;

/// The percentage of `minutes` that are not `down`, rounded down; `None`: there is no minute.
#[must_use]
pub fn percent(minutes: u64, down: u64) -> Option<String> {
    let scale = u128::from(10_u64.pow(DECIMALS));
    let up = u128::from(minutes.saturating_sub(down));
    let scaled = (up * 100 * scale).checked_div(minutes.into())?;
    Some(format!("{}.{:04}", scaled / scale, scaled % scale))
}

/// Whether the percentage of `minutes` that are not `down` is below another one. It is compared as it is, and not as
/// it is shown.
#[must_use]
pub fn is_below(minutes: u64, down: u64, percent: Decimal) -> bool {
    let up = Decimal::from(minutes.saturating_sub(down));
    let hundredths = up.checked_mul(Decimal::ONE_HUNDRED);
    let bound = Decimal::from(minutes).checked_mul(percent);
    hundredths.zip(bound).is_some_and(|(have, bound)| minutes > 0 && have < bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_never_rounded_up() {
        for (minutes, down, shown) in [
            (0, 0, None),
            (1, 0, Some("100.0000")),
            (1, 1, Some("0.0000")),
            (44_640, 1, Some("99.9977")),
            (3, 1, Some("66.6666")),
            (10_000_000, 1, Some("99.9999")),
        ] {
            assert_eq!(percent(minutes, down).as_deref(), shown, "{minutes} {down}");
        }
    }

    #[test]
    fn bounds_are_compared_exactly() {
        let bound = |text: &str| text.parse::<Decimal>().unwrap();
        // 20 of 40,000 minutes are 0.05 %.
        assert!(!is_below(40_000, 20, bound("99.95")));
        assert!(is_below(40_000, 21, bound("99.95")));
        assert!(is_below(40_000, 20, bound("99.9500001")));
        assert!(!is_below(0, 0, bound("100")));
        assert!(is_below(40_000, 1, bound("100")));
    }
}
