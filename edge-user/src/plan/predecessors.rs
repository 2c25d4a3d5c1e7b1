//! Owners before: whose counters are shown with those of an attachment, as they were those of the same
//! place, whatever the edge was called and whatever the terms were.

use std::collections::{BTreeMap, BTreeSet};

use super::{AttachmentKey, Plan};

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

    /// Whether a slot that one of `known` has, whose counters are shown, goes to another owner.
    #[must_use]
    pub fn takes_shown_counters(&self, known: &BTreeMap<AttachmentKey, u32>) -> bool {
        let places: BTreeSet<_> = self.attachments.iter().map(|own| own.key.place()).collect();
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
        config::{self, Config},
        plan::{Capacity, Police},
    };

    fn config(edge: &str, circuit: &str) -> Config {
        let text = format!(
            "[edge]\nname = \"{edge}\"\n[[port]]\nname = \"p\"\ninterface = \"e\"\n\
             side = \"customer\"\n[[circuit]]\nname = \"{circuit}\"\nbandwidth = \"1 Gbps\"\n\
             s_tag = 100\n[[circuit.peering]]\nkind = \"private\"\nc_tag = 10\n"
        );
        config::parse(&text, Path::new("test.toml")).unwrap()
    }

    /// The plan for the last of these configurations, and the owners that had slots before it. One
    /// configuration follows the other, on tables with room for this many attachments.
    fn after(configs: &[Config], attachments: u32) -> (Plan, BTreeMap<AttachmentKey, u32>) {
        let capacity =
            Capacity { attachments: attachments + 1, ..Capacity::for_config(&configs[0]) };
        let mut known = BTreeMap::new();
        let mut last = None;
        for config in configs {
            let mut occupied = capacity.unused();
            occupied.attachments.known.clone_from(&known);
            let plan = Plan::new(config, &occupied, Police::Purchased).unwrap();
            let taken = plan.attachment_indices();
            let before = known.clone();
            known.retain(|_, index| !taken.contains(index));
            known.extend(plan.attachments.iter().map(|own| (own.key.clone(), own.index)));
            last = Some((plan, before));
        }
        last.unwrap()
    }

    #[test]
    fn counters_that_are_shown_are_not_given_away() {
        let [first, renamed, other] = [config("a", "c"), config("b", "c"), config("b", "d")];
        // The edge has another name: what the circuit had counted before is still shown.
        let (plan, known) = after(&[first.clone(), renamed.clone()], 2);
        assert!(!plan.takes_shown_counters(&known));
        let (plan, known) = after(&[first.clone(), renamed], 1);
        assert!(plan.takes_shown_counters(&known));
        // Another circuit: nobody looks at what the one before had.
        let (plan, known) = after(&[first, other], 1);
        assert!(!plan.takes_shown_counters(&known));
    }
}
