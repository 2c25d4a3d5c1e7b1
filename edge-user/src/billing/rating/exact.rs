//! Money without rounding: whole units of the currency's smallest coin, below zero for a credit, and a rest as a fraction.
//! All quantities of an invoice have the fraction's denominator in common. `Decimal` would not do:
//! it has 28 digits, and a byte as a part of 2^30 needs 30.

use rust_decimal::Decimal;

use super::month::Month;
use crate::model::Gigabyte;

/// Decimals that a price has at most.
const PRICE_DIGITS: u32 = 10;
/// Parts of a fee in which credits are told: a percentage has at most four decimals.
const CREDIT_PARTS: u128 = 1_000_000;

/// The error of a number that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// An amount of money, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Exact {
    /// Whole numbers of the currency's smallest unit, rounded down.
    pub(super) units: i128,
    /// The number of parts of one more unit, less than all parts.
    pub(super) rest: u128,
}

/// The currency and the fraction that all amounts of an invoice have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) minor_digits: u32,
    /// Number of parts of a unit: a multiple of the month's microseconds and of the gigabyte's
    /// bytes.
    pub(super) parts: u128,
}

impl Scale {
    /// The scale for the quantities of a month, in a currency with so many decimals.
    ///
    /// There are at most 4 × 10^33 parts: 31 days and 2^30 bytes have a common multiple below 4 × 10^17, and a part of each
    /// of these 10^10 parts of a price is a credit's.
    pub(super) fn new(month: Month, gb: Gigabyte, minor_digits: u32) -> Self {
        let common = lcm(month.micros().into(), gb.bytes().into());
        Self { minor_digits, parts: 10u128.pow(PRICE_DIGITS) * common * CREDIT_PARTS }
    }

    /// `price × numerator / denominator`; the denominator is a month or a gigabyte.
    ///
    /// It fits for every price of a configuration (22 digits, 10 of them decimals) and every numerator: a
    /// denominator is below 2^42 where numerators are, and a divisor times 2^64 below 2^128 elsewhere.
    pub(super) fn amount(
        &self,
        price: Decimal,
        (numerator, denominator): (u64, u64),
    ) -> Result<Exact, TooLarge> {
        let inner = || {
            let price = price.normalize();
            let digits = PRICE_DIGITS.checked_sub(price.scale())? + self.minor_digits;
            let mantissa = u128::try_from(price.mantissa()).ok()?;
            let dividend = mantissa.checked_mul(10u128.pow(digits))?;
            let divisor = 10u128.pow(PRICE_DIGITS).checked_mul(denominator.into())?;
            let numerator = u128::from(numerator);
            let part = (dividend % divisor.max(1)).checked_mul(numerator)?;
            let units = dividend.checked_div(divisor)?.checked_mul(numerator)?;
            let rest = (part % divisor).checked_mul(self.parts / divisor)?;
            let units = i128::try_from(units.checked_add(part / divisor)?).ok()?;
            Some(Exact { units, rest })
        };
        inner().ok_or(TooLarge)
    }

    /// A part of fees in millionths, below zero.
    pub(super) fn credit(&self, fees: Exact, millionths: u64) -> Result<Exact, TooLarge> {
        let inner = || {
            let millionths = u128::from(millionths);
            let units = u128::try_from(fees.units).ok()?.checked_mul(millionths)?;
            // All rests of amounts are whole numbers of these parts.
            let rest = (fees.rest / CREDIT_PARTS).checked_mul(millionths)?;
            let rest = rest.checked_add(units % CREDIT_PARTS * (self.parts / CREDIT_PARTS))?;
            let units = (units / CREDIT_PARTS).checked_add(rest / self.parts)?;
            let (units, rest) = (i128::try_from(units).ok()?, rest % self.parts);
            let below = i128::from(rest > 0);
            Some(Exact { units: -units - below, rest: (self.parts - rest) % self.parts })
        };
        inner().ok_or(TooLarge)
    }

    /// The sum.
    pub(super) fn sum(&self, amounts: &[Exact]) -> Result<Exact, TooLarge> {
        amounts.iter().try_fold(Exact::default(), |sum, amount| {
            let rest = sum.rest + amount.rest;
            let units = sum.units.checked_add(amount.units).ok_or(TooLarge)?;
            let carry = i128::from(rest >= self.parts);
            let units = units.checked_add(carry).ok_or(TooLarge)?;
            Ok(Exact { units, rest: rest % self.parts })
        })
    }
}

/// Number of decimals with which a quantity is shown: one of the last decimal costs less than the
/// smallest unit.
pub(super) fn quantity_digits(price: Decimal, minor_digits: u32) -> u32 {
    let whole = price.trunc().mantissa().unsigned_abs();
    whole.checked_ilog10().map_or(0, |digits| digits + 1) + minor_digits
}

/// The sum of amounts to be paid; `None`: one of them is not known.
pub(super) fn sum(
    amounts: impl Iterator<Item = Option<Decimal>>,
    minor_digits: u32,
) -> Result<Option<Decimal>, TooLarge> {
    let mut sum = 0i128;
    for amount in amounts {
        let Some(amount) = amount else { return Ok(None) };
        // All have one scale. `Decimal` would round silently where a sum has too many digits.
        debug_assert_eq!(amount.scale(), minor_digits);
        sum = sum.checked_add(amount.mantissa()).ok_or(TooLarge)?;
    }
    Decimal::try_from_i128_with_scale(sum, minor_digits).map(Some).map_err(|_overflow| TooLarge)
}

fn lcm(a: u128, b: u128) -> u128 {
    let (mut greater, mut smaller) = (a, b);
    while smaller != 0 {
        (greater, smaller) = (smaller, greater % smaller);
    }
    a / greater.max(1) * b
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect(text)
    }

    fn month(text: &str) -> Month {
        text.parse().expect("a month")
    }

    fn scale(gb: Gigabyte) -> Scale {
        Scale::new(month("2026-10"), gb, 2)
    }

    #[test]
    fn halves_go_up_and_less_does_not() {
        let (month_us, gb) = (month("2026-10").micros(), Gigabyte::Decimal.bytes());
        for (price, numerator, denominator, expected) in [
            ("0.005", gb, gb, "0.01"),
            ("0.0049999999", gb, gb, "0.00"),
            ("0.015", gb, gb, "0.02"),
            ("0.025", gb, gb, "0.03"),
            ("1.00", month_us / 3, month_us, "0.33"),
            ("2.00", month_us / 3, month_us, "0.67"),
            ("0.03", month_us / 2, month_us, "0.02"),
            ("436.00", month_us / 31 * 10, month_us, "140.65"),
            ("0.025", 1_000_000_000_000_000_000, gb, "25000000.00"),
            ("0", u64::MAX, gb, "0.00"),
        ] {
            let scale = scale(Gigabyte::Decimal);
            let found = scale.amount(decimal(price), (numerator, denominator)).expect(price);
            let found = scale.rounded(found).expect("it fits");
            assert_eq!(found.to_string(), expected, "{price} × {numerator} / {denominator}");
        }
    }

    #[test]
    fn the_largest_fits() {
        let price = decimal("999999999999.9999999999");
        for gb in [Gigabyte::Decimal, Gigabyte::Binary] {
            for minor_digits in [0, 2, 3, 4] {
                for text in ["2024-02", "2026-02", "2026-04", "2026-10"] {
                    let scale = Scale::new(month(text), gb, minor_digits);
                    let month_us = month(text).micros();
                    assert!(scale.amount(price, (month_us, month_us)).is_ok());
                    let volume = scale.amount(price, (u64::MAX, gb.bytes())).expect("it fits");
                    assert!(scale.sum(&vec![volume; 1000]).is_ok());
                    let fees = scale.amount(price, (month_us, month_us)).expect("it fits");
                    let fees = scale.sum(&vec![fees; 1000]).expect("it fits");
                    let all = scale.credit(fees, 1_000_000).expect("it fits");
                    assert_eq!(scale.sum(&[fees, all]), Ok(Exact::default()));
                }
            }
        }
        let scale = scale(Gigabyte::Decimal);
        assert_eq!(scale.amount(Decimal::MAX, (u64::MAX, 1_000_000_000)), Err(TooLarge));
        let large = Decimal::from_i128_with_scale(Decimal::MAX.mantissa(), 2);
        assert_eq!(sum([Some(large), Some(Decimal::new(1, 2))].into_iter(), 2), Err(TooLarge));
    }

    #[test]
    fn shares_are_the_sum_and_those_with_the_largest_rest_go_up() {
        let scale = scale(Gigabyte::Decimal);
        let shown = |prices: &[&str]| {
            let amounts =
                prices.iter().map(|price| scale.amount(decimal(price), (1, 1_000_000_000)));
            let amounts: Vec<_> = amounts.map(|amount| amount.expect("it fits")).collect();
            let (sum, shown) = scale.shares(&amounts).expect("it fits");
            (sum.to_string(), shown.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        let told = |sum: &str, shown: &str| (sum.to_owned(), shown.to_owned());
        let millions = |price| format!("{price}0000000");
        let [a, b, c] = [millions("4"), millions("40"), millions("400")];
        assert_eq!(shown(&[&a, &a, &a]), told("0.12", "0.04 0.04 0.04"));
        assert_eq!(shown(&["4000000", "4000000", "4000000"]), told("0.01", "0.01 0.00 0.00"));
        assert_eq!(shown(&["4000000", "14900000", "5000000"]), told("0.02", "0.00 0.01 0.01"));
        assert_eq!(shown(&[&c, &b, "0", "5000000"]), told("4.41", "4.00 0.40 0.00 0.01"));
        assert_eq!(shown(&[]), told("0.00", ""));
    }

    #[test]
    fn dear_quantities_have_more_digits() {
        for (price, digits) in [("0", 2), ("0.025", 2), ("1", 3), ("436.00", 5), ("100000", 8)] {
            assert_eq!(quantity_digits(decimal(price), 2), digits, "{price}");
        }
    }

    proptest! {
        /// The amount is less than half a hundredth away from the exact product, or half a one
        /// above.
        #[test]
        fn an_amount_is_the_nearest(
            mantissa in 0..10_000_000_000i64,
            digits in 0..=10u32,
            numerator in any::<u32>(),
            is_binary: bool,
        ) {
            let gb = if is_binary { Gigabyte::Binary } else { Gigabyte::Decimal };
            let scale = scale(gb);
            let found = scale.amount(Decimal::new(mantissa, digits), (numerator.into(), gb.bytes()));
            let found = scale.rounded(found.expect("it fits")).expect("it fits").mantissa();
            // In units of 1 / (200 × denominator × 10^digits).
            let unit = 10i128.pow(digits) * i128::from(gb.bytes());
            let exact = i128::from(mantissa) * i128::from(numerator) * 200;
            let distance = found * 2 * unit - exact;
            prop_assert!(-unit < distance && distance <= unit, "{distance} of {unit}");
        }

        /// A credit and what is left of the fees are the fees, and it is the percentage to the last fraction: of a hundred
        /// equal fees, it is as many of them.
        #[test]
        fn a_credit_is_the_exact_part(
            mantissa in 0..10_000_000_000i64,
            digits in 0..=10u32,
            numerator in 0..2_678_400_000_000u64,
            millionths in 1..=1_000_000u64,
        ) {
            let scale = scale(Gigabyte::Binary);
            let fee = scale
                .amount(Decimal::new(mantissa, digits), (numerator, month("2026-10").micros()))
                .expect("it fits");
            let credit = scale.credit(fee, millionths).expect("it fits");
            let rest = scale.credit(fee, 1_000_000 - millionths).expect("it fits");
            prop_assert_eq!(scale.sum(&[fee, credit, rest]), Ok(Exact::default()));
            let many = |one: Exact, number: u64| {
                let wide = usize::try_from(number).expect("a few");
                scale.sum(&vec![one; wide]).expect("it fits")
            };
            let percent = millionths % 100 + 1;
            let part = scale.credit(many(fee, 100), percent * 10_000).expect("it fits");
            prop_assert_eq!(scale.sum(&[part, many(fee, percent)]), Ok(Exact::default()));
            let (sum, shown) = scale.shares(&[fee, credit]).expect("it fits");
            prop_assert_eq!(shown.iter().sum::<Decimal>(), sum);
            prop_assert!(sum >= Decimal::ZERO && shown[1] <= Decimal::ZERO);
        }

        /// Any parts of a quantity cost together as much as the quantity, to the last fraction.
        #[test]
        fn parts_cost_the_whole(
            mantissa in 0..10_000_000_000i64,
            digits in 0..=10u32,
            parts in prop::collection::vec(0..1_000_000_000u64, 1..50),
        ) {
            let scale = scale(Gigabyte::Binary);
            let price = Decimal::new(mantissa, digits);
            let amount = |bytes| scale.amount(price, (bytes, 1 << 30)).expect("it fits");
            let amounts: Vec<_> = parts.iter().map(|part| amount(*part)).collect();
            prop_assert_eq!(scale.sum(&amounts), Ok(amount(parts.iter().sum())));
            let (sum, shown) = scale.shares(&amounts).expect("it fits");
            prop_assert_eq!(shown.iter().sum::<Decimal>(), sum);
            for (shown, exact) in shown.iter().zip(&amounts) {
                let units = shown.mantissa();
                prop_assert!(units == exact.units || units == exact.units + 1 && exact.rest > 0);
            }
        }
    }
}
