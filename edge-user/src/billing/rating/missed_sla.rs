//! A month below the SLA, as the line of a credit tells it.

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use crate::{
    billing::availability::percent,
    model::{PeeringKind, SlaCredit},
};

/// An SLA that was missed, and its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissedSla {
    /// The peering: of several, the one with the lowest availability.
    pub peering: PeeringKind,
    /// Its minutes under the SLA: both links were configured and in use.
    pub minutes: u64,
    /// The minutes of these in which it was down.
    pub minutes_down: u64,
    /// The step that applies.
    pub step: SlaCredit,
    /// Whether the month is over.
    pub is_over: bool,
}

impl MissedSla {
    /// The percentage of its minutes in which it was not down, rounded down to four decimals.
    #[must_use]
    pub fn percent(&self) -> String {
        percent(self.minutes, self.minutes_down).unwrap_or_default()
    }

    /// The percentage of the fees that the customer gets back.
    pub(super) fn percent_of_fees(&self) -> String {
        self.step.credit.normalize().to_string()
    }

    /// The text of its line.
    pub(super) fn what(&self) -> String {
        let so_far = if self.is_over { "" } else { ", so far" };
        format!("SLA credit, {}{so_far}", self.peering.as_str())
    }
}

/// As the line of a bill has it.
impl Serialize for MissedSla {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct SlaFields {
            peering: PeeringKind,
            minutes: u64,
            minutes_down: u64,
            percent: String,
            below: Decimal,
            is_over: bool,
        }
        let Self { peering, minutes, minutes_down, step, is_over } = *self;
        let (percent, below) = (self.percent(), step.below);
        SlaFields { peering, minutes, minutes_down, percent, below, is_over }.serialize(serializer)
    }
}
