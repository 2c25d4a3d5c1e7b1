//! Loads of circuits: the bytes that were offered to them, and those that were lost above a rate.

use std::{collections::BTreeSet, time::Duration};

use edge_common::abi::counters::ClassCounters;

use super::super::head::Steps;
use crate::{
    config::{Direction, Link},
    daemon::error::Result,
};

/// Attachments that are read in one step.
const IN_A_STEP: usize = 256;

/// Counts of a class of an attachment, or their growth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ClassLoad {
    pub(super) passed_bytes: u64,
    pub(super) lost_bytes: u64,
    pub(super) lost_frames: u64,
}

/// An attachment's place in the plan, and the counts of its classes.
pub(super) type AttachmentLoads = (usize, Vec<ClassLoad>);

/// The counts of attachments, in the plan's order.
#[derive(Debug)]
pub(super) struct LoadReading {
    at: Duration,
    generation: u64,
    counts: Vec<AttachmentLoads>,
}

impl LoadReading {
    /// Reads those of all circuits in these directions on these links; `None`: slots or tables have changed meanwhile.
    pub(super) fn read(
        steps: &Steps<'_>,
        ways: &BTreeSet<(Direction, Link)>,
        at: Duration,
    ) -> Result<Option<Self>> {
        let slots = steps.step(|running| {
            let attachments = running.installed.plan.attachments.iter().enumerate();
            let wanted = attachments.filter(|(_, own)| {
                own.key.is_billed() && ways.contains(&(own.key.direction, own.key.link))
            });
            let slots = wanted.map(|(place, own)| (own.index, place, own.key.classes.len()));
            slots.collect::<Vec<_>>()
        });
        let Some(mut slots) = slots else { return Ok(None) };
        slots.sort_unstable();
        let mut counts = Vec::with_capacity(slots.len());
        for some in slots.chunks(IN_A_STEP) {
            let indices: Vec<u32> = some.iter().map(|(index, ..)| *index).collect();
            let meters = steps.step(|running| running.set.tables.all_meters(&indices));
            let Some(meters) = meters.transpose()? else { return Ok(None) };
            for ((_, place, classes), meter) in some.iter().zip(meters) {
                counts.push((*place, meter.classes[..*classes].iter().map(load).collect()));
            }
        }
        counts.sort_unstable_by_key(|(place, _)| *place);
        Ok(Some(Self { at, generation: steps.generation(), counts }))
    }

    /// The time since an earlier reading, and the growth of the attachments that both have; `None`: they have other places
    /// by now.
    pub(super) fn since(&self, before: &Self) -> Option<(Duration, Vec<AttachmentLoads>)> {
        let over = self.at.checked_sub(before.at).filter(|over| !over.is_zero())?;
        if self.generation != before.generation {
            return None;
        }
        let grown = self.counts.iter().filter_map(|(place, now)| {
            let found = before.counts.binary_search_by_key(place, |(place, _)| *place).ok()?;
            let (_, was) = &before.counts[found];
            let grown = now.iter().zip(was).map(|(now, was)| ClassLoad {
                passed_bytes: now.passed_bytes.saturating_sub(was.passed_bytes),
                lost_bytes: now.lost_bytes.saturating_sub(was.lost_bytes),
                lost_frames: now.lost_frames.saturating_sub(was.lost_frames),
            });
            Some((*place, grown.collect()))
        });
        Some((over, grown.collect()))
    }
}

fn load(counters: &ClassCounters) -> ClassLoad {
    ClassLoad {
        // A device that refuses a frame does so behind the bucket.
        passed_bytes: counters.forwarded_bytes,
        lost_bytes: counters.dropped_bytes,
        lost_frames: counters.dropped_frames,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(at_s: u64, generation: u64, counts: &[(usize, u64)]) -> LoadReading {
        let load = |bytes| ClassLoad { passed_bytes: bytes, lost_bytes: 2 * bytes, lost_frames: 1 };
        let counts = counts.iter().map(|(place, bytes)| (*place, vec![load(*bytes)])).collect();
        LoadReading { at: Duration::from_secs(at_s), generation, counts }
    }

    #[test]
    fn growth_is_of_what_both_readings_have() {
        let before = reading(10, 3, &[(1, 100), (4, 100)]);
        let now = reading(12, 3, &[(0, 7), (1, 150), (4, 90)]);
        let grown =
            |bytes| vec![ClassLoad { passed_bytes: bytes, lost_bytes: 2 * bytes, lost_frames: 0 }];
        let expected = (Duration::from_secs(2), vec![(1, grown(50)), (4, grown(0))]);
        assert_eq!(now.since(&before), Some(expected));
        // The places are others after a change, and no time has passed.
        assert_eq!(reading(12, 4, &[(1, 150)]).since(&before), None);
        assert_eq!(reading(10, 3, &[(1, 150)]).since(&before), None);
    }
}
