//! Devices whose MAC addresses are to be announced.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{EngineInterface, RouterPlan};

/// Announcements of a device, a second apart: one may be lost, or come before the ports have the tables that let it pass.
const TIMES: u8 = 3;

/// The number of announcements left, by interface.
#[derive(Debug, Default)]
pub(super) struct Announcements(BTreeMap<u32, u8>);

impl Announcements {
    /// Has these interfaces be announced.
    pub(super) fn begin(&mut self, indices: impl IntoIterator<Item = u32>) {
        self.0.extend(indices.into_iter().map(|index| (index, TIMES)));
    }

    /// Has interfaces be announced that stand for something else than in the plan before.
    pub(super) fn begin_changed(&mut self, before: &RouterPlan, plan: &RouterPlan) {
        let known: BTreeMap<u32, _> =
            before.interfaces().map(|(domain, it)| (it.index, (&domain.name, ends(it)))).collect();
        let changed = plan
            .interfaces()
            .filter(|(domain, it)| known.get(&it.index) != Some(&(&domain.name, ends(it))));
        self.begin(changed.map(|(_, interface)| interface.index));
    }

    /// Interfaces that are to be announced now.
    pub(super) fn due(&self) -> BTreeSet<u32> {
        self.0.keys().copied().collect()
    }

    /// Notes that these were announced.
    pub(super) fn note(&mut self, told: &BTreeSet<u32>) {
        for index in told {
            if let Some(left) = self.0.get_mut(index) {
                *left -= 1;
            }
        }
        self.0.retain(|_, left| *left > 0);
    }

    /// Forgets devices that are gone.
    pub(super) fn keep(&mut self, plan: &RouterPlan) {
        let there: BTreeSet<u32> = plan.interfaces().map(|(_, it)| it.index).collect();
        self.0.retain(|index, _| there.contains(index));
    }
}

/// The place of an interface in its domain.
fn ends(interface: &EngineInterface) -> impl PartialEq + use<> {
    (interface.side, interface.v4, interface.v6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_announced_three_times_but_for_failures() {
        let mut announcements = Announcements::default();
        announcements.begin([1, 2]);
        let one = BTreeSet::from([1]);
        for _ in 0..2 {
            assert_eq!(announcements.due(), [1, 2].into());
            announcements.note(&one);
        }
        announcements.note(&one);
        assert_eq!(announcements.due(), [2].into());
        announcements.keep(&RouterPlan::default());
        assert!(announcements.due().is_empty());
    }
}
