//! Where a bill is rounded: once, on the sum that a circuit's customer is asked to pay. Lines are shown as
//! shares of that sum, and add up to it.

use rust_decimal::Decimal;

use super::exact::{Exact, Scale, TooLarge};

impl Scale {
    /// The nearest amount that can be paid; halves go up.
    pub(super) fn rounded(&self, amount: Exact) -> Result<Decimal, TooLarge> {
        let up = i128::from(amount.rest >= self.parts - amount.rest);
        self.decimal(amount.units.checked_add(up).ok_or(TooLarge)?)
    }

    /// The sum, rounded once, and the amounts as they are shown: rounded down, but up for as many
    /// with the largest rests as it takes to add up to the sum. Of equal rests, the first comes
    /// first.
    pub(super) fn shares(&self, amounts: &[Exact]) -> Result<(Decimal, Vec<Decimal>), TooLarge> {
        let sum = self.sum(amounts)?;
        let mut units: Vec<i128> = amounts.iter().map(|amount| amount.units).collect();
        let up = i128::from(sum.rest >= self.parts - sum.rest);
        // At most as many as there are amounts with a rest.
        let missing = sum.units + up - units.iter().sum::<i128>();
        let missing = usize::try_from(missing).map_err(|_too_many| TooLarge)?;
        let mut order: Vec<usize> = (0..amounts.len()).collect();
        order.sort_by_key(|place| std::cmp::Reverse(amounts[*place].rest));
        for place in order.into_iter().take(missing) {
            units[place] += 1;
        }
        let shown = units.into_iter().map(|units| self.decimal(units)).collect::<Result<_, _>>()?;
        Ok((self.rounded(sum)?, shown))
    }

    fn decimal(&self, units: i128) -> Result<Decimal, TooLarge> {
        Decimal::try_from_i128_with_scale(units, self.minor_digits).map_err(|_large| TooLarge)
    }
}
