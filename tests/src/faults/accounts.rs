//! Frames that left, by customer: the counts of the wire, and those of the ledger.

use std::{ops::AddAssign, path::Path};

use anyhow::Result;
use edge_user::{
    billing::ledger::{Grain, Ledger, UsageQuery, UsageRecord},
    lab::{Lab, WireCount, WireCounts},
};

use super::{
    disk::STATE_DIR,
    groups::{GROUPS, Group},
    wires::{WIRES, Wire},
};

/// Frames and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Count {
    /// The part beyond `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            frames: self.frames.saturating_sub(earlier.frames),
            bytes: self.bytes.saturating_sub(earlier.bytes),
        }
    }

    /// Whether neither is more than `other`'s.
    #[must_use]
    pub fn is_within(self, other: Self) -> bool {
        self.frames <= other.frames && self.bytes <= other.bytes
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}

impl From<WireCount> for Count {
    fn from(WireCount { frames, bytes }: WireCount) -> Self {
        Self { frames, bytes }
    }
}

/// Counts of the frames that reached each far end, by wire.
pub fn received(lab: &Lab) -> Result<Vec<WireCounts>> {
    WIRES.iter().map(|wire| lab.far_end(wire.name)?.received()).collect()
}

/// Frames of a group, by their tags.
#[must_use]
pub fn tagged(counts: &WireCounts, group: &Group) -> Count {
    counts.sum(|key| group.tags.contains(&(key.s_vid, key.c_vid))).into()
}

/// All usage in the ledger, by its charge.
pub fn total_usage() -> Result<Vec<UsageRecord>> {
    let query = UsageQuery { grain: Grain::Total, ..UsageQuery::default() };
    Ok(Ledger::open_read_only(Path::new(STATE_DIR))?.usage(&query)?)
}

/// Frames and bytes of a record.
#[must_use]
pub fn of(record: &UsageRecord) -> Count {
    Count { frames: record.frames, bytes: record.bytes }
}

/// The wire that a record's frames came from.
#[must_use]
pub fn came_from(record: &UsageRecord) -> Option<usize> {
    let is_it = |wire: &Wire| wire.link == record.link && wire.direction() == record.direction;
    WIRES.iter().position(is_it)
}

/// The group that a record's frames are of.
#[must_use]
pub fn group_of(record: &UsageRecord) -> Option<usize> {
    GROUPS.iter().position(|group| {
        group.names.contains(&record.circuit.as_str()) && group.peering == record.peering
    })
}

/// The ledger's count of frames of `group` that came from `wire`.
#[must_use]
pub fn booked(
    usage: &[UsageRecord],
    wire: usize,
    group: &Group,
    wanted: impl Fn(&UsageRecord) -> bool,
) -> Count {
    let mut sum = Count::default();
    let own = usage.iter().filter(|record| {
        group.names.contains(&record.circuit.as_str())
            && record.peering == group.peering
            && came_from(record) == Some(wire)
            && wanted(record)
    });
    own.for_each(|record| sum += of(record));
    sum
}
