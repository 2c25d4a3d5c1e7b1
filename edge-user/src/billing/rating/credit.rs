//! Credits: the part of a circuit's fees that its customer gets back for a month below the SLA.

use std::collections::{BTreeMap, BTreeSet};

use edge_api::PeeringAvailability;

use super::{
    Charge, MissedSla, Month, Quantity,
    exact::{Exact, TooLarge},
    rates::Rates,
    stay::{self, HeldTerms},
};
use crate::{
    billing::availability::is_below,
    model::{PeeringKind, SlaCredit},
};

/// The availability of routed peerings in the month of a bill.
#[derive(Clone, Debug, Default)]
pub struct MonthSla {
    /// Each peering's, as `edge availability` tells it.
    pub peerings: Vec<PeeringAvailability>,
    /// Whether the month is over.
    pub is_over: bool,
}

/// The credit on these fees of a circuit; `None`: it had no SLA in the month, or did not miss it.
pub(super) fn charge(
    spans: &[HeldTerms<'_>],
    (month, sla): (Month, &MonthSla),
    fees: &[Charge],
    rates: &Rates<'_>,
) -> Result<Option<Charge>, TooLarge> {
    let Some(missed) = missed(spans, (month, sla), &rates.prices.sla_credits) else {
        return Ok(None);
    };
    let fees: Option<Vec<Exact>> = fees.iter().map(|fee| fee.amount).collect();
    let scale = &rates.scale;
    let credit = fees.map(|fees| scale.credit(scale.sum(&fees)?, missed.step.credit_millionths()));
    Ok(Some(Charge {
        what: missed.what(),
        zone: None,
        quantity: Quantity::Credit(missed),
        unit_price: None,
        amount: credit.transpose()?,
    }))
}

/// The peering with the lowest availability, with the largest credit that applies.
fn missed(
    spans: &[HeldTerms<'_>],
    (month, sla): (Month, &MonthSla),
    steps: &[SlaCredit],
) -> Option<MissedSla> {
    let pieces = stay::pieces(spans, month);
    let names: BTreeSet<(&str, &str)> =
        pieces.iter().map(|piece| (&*piece.terms.edge, &*piece.terms.circuit)).collect();
    // A circuit or an edge that was renamed has minutes by each of its names.
    let mut peerings: BTreeMap<PeeringKind, (u64, u64)> = BTreeMap::new();
    for found in sla.peerings.iter().filter(|it| names.contains(&(&*it.edge, &*it.circuit))) {
        let kind = PeeringKind::ALL.iter().find(|kind| kind.as_str() == found.peering);
        let (minutes, down) = peerings.entry(*kind?).or_default();
        *minutes += found.sla_minutes;
        *down += found.sla_minutes_down;
    }
    let with_sla = peerings.into_iter().filter(|(_, (minutes, _))| *minutes > 0);
    // The largest part of minutes down, compared exactly.
    let (peering, (minutes, minutes_down)) =
        with_sla.reduce(|worst, next| if is_worse(next.1, worst.1) { next } else { worst })?;
    let applies = steps.iter().filter(|step| is_below(minutes, minutes_down, step.below));
    let step = *applies.max_by_key(|step| step.credit)?;
    Some(MissedSla { peering, minutes, minutes_down, step, is_over: sla.is_over })
}

fn is_worse((minutes, down): (u64, u64), (other_minutes, other_down): (u64, u64)) -> bool {
    u128::from(down) * u128::from(other_minutes) > u128::from(other_down) * u128::from(minutes)
}
