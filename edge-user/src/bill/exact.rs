//! Arithmetic without rounding but where it is meant. `Decimal` has 28 digits, and a byte as a part
//! of 2^30 needs 30, so that quotients are of integers.

use rust_decimal::Decimal;

/// Decimals of an amount of money.
const AMOUNT_SCALE: u32 = 2;

/// A number that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// `price × numerator / denominator`, rounded half up to two decimals.
///
/// It fits for every price of a configuration (22 digits, 10 of them decimals), every numerator, and
/// denominators up to 2^30: the divisor is below 2^64, and so is the remainder times a numerator below
/// 2^128.
pub(super) fn amount(
    price: Decimal,
    numerator: u64,
    denominator: u64,
) -> Result<Decimal, TooLarge> {
    let inner = || {
        let mantissa = u128::try_from(price.mantissa()).ok()?;
        let dividend = mantissa.checked_mul(10u128.pow(AMOUNT_SCALE))?;
        let divisor = 10u128.checked_pow(price.scale())?.checked_mul(denominator.into())?;
        let numerator = u128::from(numerator);
        let (whole, rest) = (dividend.checked_div(divisor)?, dividend % divisor);
        let rest = rest.checked_mul(numerator)?.checked_add(divisor / 2)? / divisor;
        let scaled = whole.checked_mul(numerator)?.checked_add(rest)?;
        Decimal::try_from_i128_with_scale(scaled.try_into().ok()?, AMOUNT_SCALE).ok()
    };
    inner().ok_or(TooLarge)
}

/// The sum of amounts; `None` where one is not known.
pub(super) fn sum(
    amounts: impl Iterator<Item = Option<Decimal>>,
) -> Result<Option<Decimal>, TooLarge> {
    let mut sum = 0i128;
    for amount in amounts {
        let Some(amount) = amount else { return Ok(None) };
        // All have one scale. `Decimal` would rather round than overflow.
        debug_assert_eq!(amount.scale(), AMOUNT_SCALE);
        sum = sum.checked_add(amount.mantissa()).ok_or(TooLarge)?;
    }
    Decimal::try_from_i128_with_scale(sum, AMOUNT_SCALE).map(Some).map_err(|_overflow| TooLarge)
}

/// `numerator / denominator` with all its decimals: the denominator is a product of twos and fives.
pub(super) fn quotient(numerator: u64, denominator: u64) -> String {
    let mut text = (numerator / denominator).to_string();
    let (mut rest, denominator) = (u128::from(numerator % denominator), u128::from(denominator));
    if rest != 0 {
        text.push('.');
    }
    // Every digit takes a two or a five from the denominator, of which it has 63 at most.
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

/// `numerator / denominator`, rounded half up to `places` decimals, at most six.
pub(super) fn rounded(numerator: u64, denominator: u64, places: u32) -> String {
    let (unit, denominator) = (10u128.pow(places), u128::from(denominator));
    let scaled = (u128::from(numerator) * unit + denominator / 2) / denominator;
    let (whole, decimals) = (scaled / unit, scaled % unit);
    if places == 0 {
        return whole.to_string();
    }
    format!("{whole}.{decimals:0width$}", width = places as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect(text)
    }

    #[test]
    fn halves_go_up_and_less_does_not() {
        for (price, numerator, denominator, expected) in [
            ("0.005", 1, 1, "0.01"),
            ("0.0049999999", 1, 1, "0.00"),
            ("0.015", 1, 1, "0.02"),
            ("0.025", 1, 1, "0.03"),
            ("1.00", 1, 3, "0.33"),
            ("2.00", 1, 3, "0.67"),
            ("0.03", 1, 2, "0.02"),
            ("0.01", 1, 3, "0.00"),
            ("436.00", 86_400 * 10, 86_400 * 31, "140.65"),
            ("0.025", 1_000_000_000_000_000_000, 1_000_000_000, "25000000.00"),
            ("0", u64::MAX, 1, "0.00"),
        ] {
            let found = amount(decimal(price), numerator, denominator).expect(price);
            assert_eq!(found.to_string(), expected, "{price} × {numerator} / {denominator}");
        }
    }

    #[test]
    fn the_largest_fits() {
        let price = decimal("999999999999.9999999999");
        for denominator in [1_000_000_000, 1 << 30] {
            assert!(amount(price, u64::MAX, denominator).is_ok());
        }
        assert_eq!(amount(Decimal::MAX, u64::MAX, 1), Err(TooLarge));
        let large = Decimal::from_i128_with_scale(Decimal::MAX.mantissa(), 2);
        assert_eq!(sum([Some(large), Some(Decimal::new(1, 2))].into_iter()), Err(TooLarge));
    }

    #[test]
    fn quotients() {
        for (numerator, denominator, exact, to_three) in [
            (0, 1_000_000_000, "0", "0.000"),
            (1, 1_000_000_000, "0.000000001", "0.000"),
            (1_500_000_000, 1_000_000_000, "1.5", "1.500"),
            (1, 1 << 30, "0.000000000931322574615478515625", "0.000"),
            (u64::MAX, 1_000_000_000, "18446744073.709551615", "18446744073.710"),
            (3 << 29, 1 << 30, "1.5", "1.500"),
        ] {
            assert_eq!(quotient(numerator, denominator), exact);
            assert_eq!(rounded(numerator, denominator, 3), to_three);
        }
        assert_eq!(rounded(2, 3, 6), "0.666667");
        assert_eq!(rounded(9_999_999, 10_000_000, 6), "1.000000");
        assert_eq!(rounded(5, 2, 0), "3");
    }

    proptest! {
        /// The amount is less than half a hundredth from the exact product, or half a one above.
        #[test]
        fn an_amount_is_the_nearest(
            mantissa in 0..10_000_000_000i64,
            scale in 0..=10u32,
            numerator in any::<u32>(),
            denominator in 1..=2_678_400u64,
        ) {
            let found = amount(Decimal::new(mantissa, scale), numerator.into(), denominator);
            let found = found.expect("it fits").mantissa();
            // In units of 1 / (200 × denominator × 10^scale).
            let unit = 10i128.pow(scale) * i128::from(denominator);
            let exact = i128::from(mantissa) * i128::from(numerator) * 200;
            let distance = found * 2 * unit - exact;
            prop_assert!(-unit < distance && distance <= unit, "{distance} of {unit}");
        }

        /// Digit by digit it is what long division gives.
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
    }
}
