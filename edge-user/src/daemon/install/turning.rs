//! Programs on their way from one set of tables to another.

use super::Set;
use crate::kernel::{CarriedBuckets, KernelTables, quiesce};

/// Tables that programs turn away from, with their buckets.
#[derive(Default)]
pub(super) struct Turning(Vec<(KernelTables, CarriedBuckets)>);

impl Turning {
    /// Has the buckets of `tables` go on in those of `set`. `are_used`: programs use the latter
    /// already.
    pub(super) fn add(&mut self, tables: KernelTables, set: &Set, are_used: bool) {
        let buckets = CarriedBuckets::in_both(&tables, &set.tables, are_used);
        self.0.push((tables, buckets));
    }

    pub(super) fn copy(&mut self, set: &Set) {
        for (tables, buckets) in &mut self.0 {
            if let Err(error) = buckets.copy(tables, &set.tables) {
                tracing::warn!(
                    "some circuits have more of their burst free than they should, for as long as \
                     a burst lasts: {error:#}"
                );
            }
        }
    }

    /// Ends the turn: no program uses the old tables any more.
    pub(super) fn end(mut self, set: &Set) {
        if !self.0.is_empty() {
            // After this, no program that still ran uses the old tables, either.
            quiesce();
            self.copy(set);
        }
    }
}
