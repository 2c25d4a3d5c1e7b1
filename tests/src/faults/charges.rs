//! The right charge for each frame, by the configuration at the time when it passed.
//!
//! While one configuration is surely in effect, frames that leave count for it alone. While one
//! takes the place of another, they count for either, and there are bounds for the ledger's usage.

use std::collections::BTreeMap;

use anyhow::Result;
use edge_user::{
    billing::ledger::UsageRecord,
    lab::{Lab, WireCounts},
};

use super::{
    accounts::{Count, came_from, group_of, of, received, tagged},
    groups::GROUPS,
    model::Model,
    wires::WIRES,
};

/// A wire that frames come from, the group that they belong to, and their charge.
type Series = (usize, usize, String);

/// Counts of the frames that left, by their certain and by their possible charges.
pub struct Charges {
    /// The configuration in effect.
    model: Model,
    /// Counts of what was received when that was first sure.
    since: Vec<WireCounts>,
    /// Configurations that may be in effect instead, and what was received before.
    change: Option<(Vec<Model>, Vec<WireCounts>)>,
    bounds: BTreeMap<Series, Bounds>,
    problems: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bounds {
    least: Count,
    most: Count,
}

impl Charges {
    /// `model` is in effect.
    pub fn new(lab: &Lab, model: Model) -> Result<Self> {
        let (bounds, problems) = (BTreeMap::new(), Vec::new());
        Ok(Self { model, since: received(lab)?, change: None, bounds, problems })
    }

    /// From now on, `next` may be in effect.
    pub fn may_be(&mut self, lab: &Lab, next: &Model) -> Result<()> {
        if let Some((models, _)) = &mut self.change {
            models.push(next.clone());
        } else {
            let now = received(lab)?;
            self.count(&now, &[]);
            self.change = Some((vec![next.clone()], now));
        }
        Ok(())
    }

    /// Whether several configurations may be in effect.
    #[must_use]
    pub fn is_changing(&self) -> bool {
        self.change.is_some()
    }

    /// Notes that a change has failed: the configuration in effect is the same as before.
    pub fn is_still(&mut self, lab: &Lab) -> Result<()> {
        if let Some((_, before)) = self.change.take() {
            self.since = before;
        }
        let now = received(lab)?;
        self.count(&now, &[]);
        self.since = now;
        Ok(())
    }

    /// `model` is in effect, and what left under another one has arrived.
    pub fn is_now(&mut self, lab: &Lab, model: &Model) -> Result<()> {
        let now = received(lab)?;
        if let Some((others, before)) = self.change.take() {
            self.since = before;
            self.count(&now, &others);
        } else {
            self.count(&now, &[]);
        }
        self.since = now;
        self.model = model.clone();
        Ok(())
    }

    /// Counts the frames that were received since the last count, for the configuration in effect
    /// or for one of `others`.
    fn count(&mut self, now: &[WireCounts], others: &[Model]) {
        for (wire, group) in
            (0..WIRES.len()).flat_map(|wire| (0..GROUPS.len()).map(move |g| (wire, g)))
        {
            let partner = WIRES[wire].partner;
            let of = |counts: &[WireCounts]| tagged(&counts[partner], &GROUPS[group]);
            let left = of(now).since(of(&self.since));
            if !GROUPS[group].is_on(wire) || left == Count::default() {
                continue;
            }
            let mut charges = vec![self.model.charge(&GROUPS[group], wire)];
            charges.extend(others.iter().map(|model| model.charge(&GROUPS[group], wire)));
            charges.sort_unstable();
            charges.dedup();
            if charges == [None] {
                let (name, names) = (WIRES[wire].name, GROUPS[group].names);
                self.problems
                    .push(format!("{left:?} of {names:?} from {name} left, which has no circuit"));
            }
            let is_sure = charges.len() == 1;
            for charge in charges.into_iter().flatten() {
                let bounds = self.bounds.entry((wire, group, charge)).or_default();
                bounds.most += left;
                if is_sure {
                    bounds.least += left;
                }
            }
        }
    }

    /// Returns the frames that left without a circuit to be charged.
    pub fn problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }

    /// Usage in the ledger that is out of its bounds. No frame may be on its way.
    #[must_use]
    pub fn out_of_bounds(&self, usage: &[UsageRecord]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut booked: BTreeMap<Series, Count> = BTreeMap::new();
        for record in usage.iter().filter(|record| record.frames > 0) {
            match (came_from(record), group_of(record)) {
                (Some(wire), Some(group)) => {
                    *booked.entry((wire, group, charge(record, group))).or_default() += of(record);
                }
                _ => problems.push(format!("nobody sends what is booked in {record:?}")),
            }
        }
        let mut all: Vec<&Series> = booked.keys().chain(self.bounds.keys()).collect();
        all.sort_unstable();
        all.dedup();
        for series in all {
            let booked = booked.get(series).copied().unwrap_or_default();
            let Bounds { least, most } = self.bounds.get(series).copied().unwrap_or_default();
            if !least.is_within(booked) || !booked.is_within(most) {
                let (wire, _, charge) = series;
                let name = WIRES[*wire].name;
                problems.push(format!(
                    "from {name}, charged for \"{charge}\": {booked:?} is not from {least:?} to {most:?}"
                ));
            }
        }
        problems
    }
}

/// The charge of [`Model::charge`].
fn charge(record: &UsageRecord, group: usize) -> String {
    let key = record.service_key.as_deref().unwrap_or("-");
    let has_own_classes = matches!(GROUPS[group].names[0], "delta" | "eta");
    let classes = match record.class.as_str() {
        "calls" | "bulk" if has_own_classes => "bulk",
        "voice" | "rest" if has_own_classes => "rest",
        _ => "",
    };
    [&record.edge, &record.circuit, key, &record.billing, classes].join(" ")
}
