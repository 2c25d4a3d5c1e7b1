//! The tags of frames that belong to no circuit, all CPUs together.

use std::collections::BTreeMap;

use edge_common::abi::unmatched::{
    UNMATCHED_BUCKETS, UnmatchedBucket, UnmatchedEntry, UnmatchedTags,
};

use crate::kernel::{error::Result, tables::kernel_tables::KernelTables};

/// Number of tries to read a bucket whose tags don't change meanwhile.
const TRIES: u32 = 4;

/// The frames of a port that belong to no circuit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnmatchedCounts {
    /// The tags that have a place.
    pub listed: BTreeMap<UnmatchedTags, UnmatchedEntry>,
    /// Frames with other tags.
    pub left_out_frames: u64,
}

impl UnmatchedCounts {
    /// Adds the counts of one CPU.
    pub fn add(&mut self, bucket: &UnmatchedBucket) {
        self.left_out_frames += bucket.left_out_frames;
        for (tags, entry) in bucket.listed() {
            let sum = self
                .listed
                .entry(tags)
                .or_insert(UnmatchedEntry { first_ns: u64::MAX, ..UnmatchedEntry::default() });
            sum.frames += entry.frames;
            sum.bytes += entry.bytes;
            sum.first_ns = sum.first_ns.min(entry.first_ns);
            if entry.last_ns >= sum.last_ns {
                (sum.last_ns, sum.source) = (entry.last_ns, entry.source);
            }
        }
    }
}

impl KernelTables {
    /// The frames of the port with this index that belong to no circuit, by their tags.
    pub fn unmatched(&self, port: u32) -> Result<UnmatchedCounts> {
        let mut counts = UnmatchedCounts::default();
        for bucket in unmatched_buckets(port) {
            for of_cpu in self.unmatched_bucket(bucket)? {
                counts.add(&of_cpu);
            }
        }
        Ok(counts)
    }

    /// A bucket on each CPU. Programs give places to other tags while the kernel copies it: tags and counts belong together
    /// where the tags have stayed the same.
    fn unmatched_bucket(&self, bucket: u32) -> Result<Vec<UnmatchedBucket>> {
        let mut before = self.unmatched.each(bucket)?;
        for _ in 1..TRIES {
            let after = self.unmatched.each(bucket)?;
            if before.iter().zip(&after).all(|(before, after)| before.has_tags_of(after)) {
                break;
            }
            before = after;
        }
        Ok(before)
    }

    /// Begins the port's list anew.
    pub(in crate::kernel) fn clear_unmatched(&self, port: u32) -> Result<()> {
        unmatched_buckets(port).try_for_each(|bucket| self.unmatched.clear(bucket))
    }
}

/// The buckets of the port with this index.
fn unmatched_buckets(port: u32) -> impl Iterator<Item = u32> {
    (0..UNMATCHED_BUCKETS).map(move |bucket| port * UNMATCHED_BUCKETS + bucket)
}
