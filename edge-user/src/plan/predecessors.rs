//! Earlier owners of the same place: the same circuit, peering, port, direction and link. Their
//! counters are shown with those of the present attachment, even if the edge's name or the terms
//! have changed.

use std::collections::{BTreeMap, BTreeSet};

use super::{AttachmentKey, Plan, slots::Table};

impl Plan {
    /// Finds the predecessors of each attachment among those that have a slot.
    pub fn find_predecessors(&mut self, known: &BTreeMap<AttachmentKey, u32>) {
        let taken = self.attachment_indices();
        let mut predecessors: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (key, index) in known.iter().filter(|(_, index)| !taken.contains(index)) {
            predecessors.entry(key.place()).or_default().push((*index, key.classes.clone()));
        }
        for attachment in &mut self.attachments {
            attachment.predecessors =
                predecessors.remove(&attachment.key.place()).unwrap_or_default();
        }
    }

    /// Whether this plan gives a slot to another owner although its counters are shown: by this
    /// plan, or by the plan that is published in `slots`, which stays if this one is given up.
    #[must_use]
    pub fn takes_shown_counters(&self, slots: &Table<AttachmentKey>) -> bool {
        let known = &slots.known;
        let planned = self.attachments.iter().map(|own| own.key.place());
        let published = known.iter().filter(|(_, index)| slots.published.contains(index));
        let places: BTreeSet<_> = planned.chain(published.map(|(key, _)| key.place())).collect();
        let owners: BTreeMap<u32, _> =
            self.attachments.iter().map(|own| (own.index, &own.key)).collect();
        known.iter().any(|(key, index)| {
            owners.get(index).is_some_and(|owner| *owner != key) && places.contains(&key.place())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        config::{
            self, Config,
            sample::{Sample, SampleCircuit, SamplePort},
        },
        plan::{Capacity, Police},
    };

    fn config(edge: &str, circuit: &str) -> Config {
        let circuit = SampleCircuit::new(circuit, "1 Gbps").s_tag(100).peering("private", 10);
        let sample = Sample::new(edge).port(SamplePort::new("p", "customer")).circuit(circuit);
        config::parse(&sample.to_string(), Path::new("test.toml")).unwrap()
    }

    /// The plan for the last of these configurations, and the owners that had slots before it. The
    /// configurations follow one after the other, on tables with room for this many attachments.
    fn after(configs: &[Config], attachments: u32) -> (Plan, Table<AttachmentKey>) {
        let capacity =
            Capacity { attachments: attachments + 1, ..Capacity::for_config(&configs[0]) };
        let mut slots = capacity.unused().attachments;
        let mut last = None;
        for config in configs {
            let mut occupied = capacity.unused();
            occupied.attachments = slots.clone();
            let plan = Plan::new(config, &occupied, Police::Purchased).unwrap();
            let taken = plan.attachment_indices();
            let before = slots.clone();
            slots.known.retain(|_, index| !taken.contains(index));
            slots.known.extend(plan.attachments.iter().map(|own| (own.key.clone(), own.index)));
            slots.published = taken.into_iter().collect();
            last = Some((plan, before));
        }
        last.unwrap()
    }

    #[test]
    fn counters_that_are_shown_are_not_given_away() {
        let [first, renamed, again] = ["a", "b", "c"].map(|edge| config(edge, "c"));
        let [other, third] = ["d", "e"].map(|circuit| config("b", circuit));
        // The edge has another name: what the circuit had counted before is still shown.
        let (plan, slots) = after(&[first.clone(), renamed.clone()], 2);
        assert!(!plan.takes_shown_counters(&slots));
        let (plan, slots) = after(&[first.clone(), renamed.clone(), again], 2);
        assert!(plan.takes_shown_counters(&slots));
        // Another circuit: the status of the running one still shows its earlier counts, and would
        // lack them if this plan were given up.
        let (plan, slots) = after(&[first.clone(), renamed, other.clone()], 2);
        assert!(plan.takes_shown_counters(&slots));
        // No status shows the one before that.
        let (plan, slots) = after(&[first, other, third], 2);
        assert!(!plan.takes_shown_counters(&slots));
    }
}
