//! Quantities as text.

/// `numerator / denominator` with all its decimals: the denominator is a product of twos and fives.
pub(super) fn quotient(numerator: u64, denominator: u64) -> String {
    let mut text = (numerator / denominator).to_string();
    let (mut rest, denominator) = (u128::from(numerator % denominator), u128::from(denominator));
    if rest != 0 {
        text.push('.');
    }
    // Every digit takes a two or a five from the denominator, which has 63 of them at most.
    for _ in 0..63 {
        if rest == 0 {
            break;
        }
        rest *= 10;
        text.push_str(&(rest / denominator).to_string());
        rest %= denominator;
    }
    debug_assert_eq!(rest, 0, "{numerator} / {denominator} has no end");
    text
}

/// The most decimals that fit.
const MOST_DIGITS: u32 = 18;

/// `numerator / denominator`, rounded half up to `most` decimals. It gets more decimals where it
/// would look like zero, and has no zeros at the end behind `least` decimals.
pub(super) fn shown(numerator: u64, denominator: u64, least: u32, most: u32) -> String {
    let mut places = most.clamp(least, MOST_DIGITS);
    while places < MOST_DIGITS && numerator != 0 && scaled(numerator, denominator, places) == 0 {
        places += 1;
    }
    let mut text = rounded(numerator, denominator, places);
    let spare = places.saturating_sub(least) as usize;
    let zeros = text.bytes().rev().take(spare).take_while(|digit| *digit == b'0').count();
    text.truncate(text.len() - zeros);
    text
}

/// `numerator / denominator`, rounded half up to `places` decimals, at most 18.
fn rounded(numerator: u64, denominator: u64, places: u32) -> String {
    let unit = 10u128.pow(places);
    let scaled = scaled(numerator, denominator, places);
    let (whole, decimals) = (scaled / unit, scaled % unit);
    if places == 0 {
        return whole.to_string();
    }
    format!("{whole}.{decimals:0width$}", width = places as usize)
}

fn scaled(numerator: u64, denominator: u64, places: u32) -> u128 {
    let denominator = u128::from(denominator);
    (u128::from(numerator) * 10u128.pow(places) + denominator / 2) / denominator
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quotients() {
        for (numerator, denominator, exact, to_three) in [
            (0, 1_000_000_000, "0", "0.000"),
            (1, 1_000_000_000, "0.000000001", "0.000000001"),
            (1_500_000_000, 1_000_000_000, "1.5", "1.500"),
            (226_512, 1_000_000_000, "0.000226512", "0.0002"),
            (1, 1 << 30, "0.000000000931322574615478515625", "0.000000001"),
            (u64::MAX, 1_000_000_000, "18446744073.709551615", "18446744073.710"),
            (3 << 29, 1 << 30, "1.5", "1.500"),
        ] {
            assert_eq!(quotient(numerator, denominator), exact);
            assert_eq!(shown(numerator, denominator, 3, 3), to_three);
        }
        assert_eq!(shown(226_512, 1_000_000_000, 3, 8), "0.00022651");
        assert_eq!(shown(226_000, 1_000_000_000, 3, 8), "0.000226");
        assert_eq!(rounded(2, 3, 6), "0.666667");
        assert_eq!(rounded(9_999_999, 10_000_000, 6), "1.000000");
        assert_eq!(rounded(5, 2, 0), "3");
    }

    proptest! {
        /// The digits are those of a long division.
        #[test]
        fn a_quotient_times_its_divisor_is_the_number(
            bytes in any::<u64>(),
            divisor in prop::sample::select(&[1_000_000_000u64, 1 << 30][..]),
        ) {
            let text = quotient(bytes, divisor);
            let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
            prop_assert_eq!(whole.parse::<u64>().expect("a number"), bytes / divisor);
            prop_assert!(!decimals.ends_with('0'));
            let mut rest = u128::from(bytes % divisor);
            for digit in decimals.bytes() {
                rest = rest * 10 - u128::from(digit - b'0') * u128::from(divisor);
            }
            prop_assert_eq!(rest, 0);
        }

        /// A number is shown as 0 only if it is 0.
        #[test]
        fn nothing_alone_is_shown_as_zero(bytes in any::<u64>(), most in 0..30u32) {
            let text = shown(bytes, 1 << 30, 3, most);
            prop_assert_eq!(text.bytes().all(|byte| byte == b'0' || byte == b'.'), bytes == 0);
            prop_assert!(text.split_once('.').is_some_and(|(_, decimals)| decimals.len() >= 3));
        }
    }
}
