//! Another rate for one circuit of a plan: only the entries that change with it.

use std::{collections::BTreeSet, mem::offset_of};

use edge_common::abi::{
    attachment::Attachment,
    policer::{Bucket, Limits},
    rate::Rate,
};

use super::{AttachmentPlan, Full, Plan, rates, slots::Table};
use crate::config::Circuit;

/// Policers on their way to another rate, with all entries that refer to the rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateChange {
    /// Index of the new rate.
    pub index: u32,
    /// The new rate.
    pub rate: Rate,
    /// Index of the rate before.
    pub old_index: u32,
    /// The rate before.
    pub old_rate: Rate,
    /// Attachments that the policers police, at the new rate, by index.
    pub attachments: Vec<(u32, Attachment)>,
    /// Limits that they police, by the index of the attachment.
    pub limits: Vec<LimitChange>,
    /// Indices of the policers.
    pub policers: BTreeSet<u32>,
}

/// A peering's or a class's limit at another rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitChange {
    /// Index of the attachment.
    pub attachment: u32,
    /// One of the attachment's [`Limits`], by the place of its word there.
    pub place: usize,
    /// The limit's bucket at the new rate.
    pub bucket: Bucket,
}

impl LimitChange {
    /// The limits of `attachment` that keep their policer and change their rate, each with its
    /// bucket before the change.
    pub fn all(attachment: u32, old: &Limits, new: &Limits) -> Vec<(Bucket, Self)> {
        let buckets = |limits: &Limits| [&[limits.peering], limits.classes.as_slice()].concat();
        let pairs = buckets(old).into_iter().zip(buckets(new)).enumerate();
        let changed = pairs.filter(|(_, (old, new))| {
            old.policer != 0 && old.policer == new.policer && old.rate != new.rate
        });
        changed.map(|(place, (old, bucket))| (old, Self { attachment, place, bucket })).collect()
    }
}

// `LimitChange::place` counts words of this size.
const _: () =
    assert!(offset_of!(Limits, peering) == 0 && offset_of!(Limits, classes) == size_of::<Bucket>());

impl Plan {
    /// Gives the peerings of `circuit` its new rate; `None`: the plan has none of them. With an
    /// error, nothing is changed.
    pub fn change_rate(
        &mut self,
        circuit: &Circuit,
        rates: &Table<Rate>,
    ) -> Result<Option<RateChange>, Full> {
        let rate = rates::rate(circuit);
        let index = rates.assign([rate])?[&rate].index;
        let mut change = None;
        for attachment in &mut self.attachments {
            if attachment.key.circuit != circuit.name || !attachment.key.is_billed() {
                continue;
            }
            let old_index = std::mem::replace(&mut attachment.value.rate, index);
            let change = change.get_or_insert_with(|| RateChange {
                index,
                rate,
                old_index,
                old_rate: self.rates[&old_index],
                attachments: Vec::new(),
                limits: Vec::new(),
                policers: BTreeSet::new(),
            });
            change.attachments.push((attachment.index, attachment.value));
            change.policers.insert(attachment.value.policer);
        }
        if let Some(RateChange { old_index, .. }) = change {
            let of_router = self.interfaces.iter().map(|interface| interface.value);
            let mut of_router = of_router.flat_map(|value| [value.punts, value.answers]);
            let is_routers = of_router.any(|bucket| bucket.rate == old_index);
            let is_left = |attachment: &AttachmentPlan| attachment.has_rate(old_index);
            if !is_routers && !self.attachments.iter().any(is_left) {
                self.rates.remove(&old_index);
            }
            self.rates.insert(index, rate);
        }
        Ok(change)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        config::{
            self, Config,
            sample::{self, Sample, SamplePort},
        },
        plan::{Capacity, Occupancy, Police},
    };

    fn config() -> Config {
        let circuit = |name: &str, s_tag: u16| {
            let circuit = sample::SampleCircuit::new(name, "1 Gbps").s_tag(s_tag);
            circuit.peering("private", 10).peering("microsoft", 20)
        };
        let sample = Sample::new("e")
            .port(SamplePort::new("p", "core"))
            .port(SamplePort::new("q", "customer"))
            .circuits([circuit("contoso", 100), circuit("fabrikam", 200)]);
        config::parse(&sample.to_string(), Path::new("f")).expect("correct")
    }

    /// The tables' rates once they hold `plan`.
    fn table(occupied: &Occupancy, plan: &Plan) -> Table<Rate> {
        Table {
            known: plan.rates.iter().map(|(index, rate)| (*rate, *index)).collect(),
            published: plan.attachments.iter().map(|attachment| attachment.value.rate).collect(),
            ..occupied.rates.clone()
        }
    }

    #[test]
    fn it_is_the_plan_of_the_changed_configuration() {
        let mut config = config();
        let unused = Capacity::for_config(&config).unused();
        let mut plan = Plan::new(&config, &unused, Police::Purchased).expect("room");
        for (name, bandwidth_bps, rates) in [
            ("contoso", 50_000_000, 2),
            ("fabrikam", 50_000_000, 1),
            ("contoso", 1_000_000_000, 2),
            ("contoso", 1_000_000_000, 2),
            ("fabrikam", 1_000_000_000, 1),
        ] {
            let (place, circuit) = config.circuit_at(name, bandwidth_bps).expect("it fits");
            let occupied = table(&unused, &plan);
            let change = plan.change_rate(&circuit, &occupied).expect("room").expect("peerings");
            config.circuits[place] = circuit;
            assert_eq!((change.attachments.len(), change.policers.len()), (4, 2));
            assert_eq!(change.old_index == change.index, change.old_rate == change.rate);
            assert_eq!(plan.rates.len(), rates, "equal rates are one entry");

            let whole = Plan::new(&config, &unused, Police::Purchased).expect("room");
            for (changed, planned) in plan.attachments.iter().zip(&whole.attachments) {
                assert_eq!(changed.key, planned.key);
                assert_eq!(changed.value.policer, planned.value.policer);
                assert_eq!(plan.rates[&changed.value.rate], whole.rates[&planned.value.rate]);
            }
        }
    }

    #[test]
    fn limits_whose_policer_stays_and_whose_rate_does_not_are_told() {
        let bucket = |policer, rate| Bucket { policer, rate };
        let mut old = Limits { peering: bucket(5, 1), ..Limits::default() };
        old.classes[..4].copy_from_slice(&[bucket(6, 2), bucket(7, 3), bucket(8, 4), Bucket::NONE]);
        assert_eq!(LimitChange::all(3, &old, &old), []);
        let mut new = Limits { peering: bucket(5, 9), ..Limits::default() };
        // The same, another policer, another rate, a new limit.
        new.classes[..4].copy_from_slice(&[bucket(6, 2), bucket(9, 9), bucket(8, 9), bucket(4, 9)]);
        let change = |place, bucket| LimitChange { attachment: 3, place, bucket };
        let expected =
            [(bucket(5, 1), change(0, bucket(5, 9))), (bucket(8, 4), change(3, bucket(8, 9)))];
        assert_eq!(LimitChange::all(3, &old, &new), expected);
    }

    #[test]
    fn no_rate_in_use_is_overwritten_and_a_full_table_changes_nothing() {
        let config = config();
        let unused = Capacity::for_config(&config).unused();
        let mut plan = Plan::new(&config, &unused, Police::Purchased).expect("room");
        let occupied = Table { capacity: 1, ..table(&unused, &plan) };
        let before = plan.attachments.clone();
        let (_, circuit) = config.circuit_at("contoso", 50_000_000).expect("it fits");
        assert!(plan.change_rate(&circuit, &occupied).is_err());
        assert_eq!(plan.attachments, before);
    }
}
