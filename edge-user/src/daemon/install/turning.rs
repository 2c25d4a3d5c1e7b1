//! Programs on their way from one set of tables to another.

use super::Set;
use crate::kernel::{Buckets, KernelTables, quiesce};

/// Tables that programs turn away from, with their buckets.
#[derive(Default)]
pub(super) struct Turning(Vec<(KernelTables, Buckets)>);

impl Turning {
    /// Has buckets of `tables` go on in those of `set`, which programs have used before or not.
    pub(super) fn add(&mut self, tables: KernelTables, set: &Set, are_used: bool) {
        let buckets = Buckets::in_both(&tables, &set.tables, are_used);
        self.0.push((tables, buckets));
    }

    pub(super) fn copy(&mut self, set: &Set) {
        for (tables, buckets) in &mut self.0 {
            if let Err(error) = buckets.copy(tables, &set.tables) {
                tracing::warn!("some buckets are fuller than they should be: {error:#}");
            }
        }
    }

    /// No program turns away any more.
    pub(super) fn end(mut self, set: &Set) {
        if !self.0.is_empty() {
            // None that was under way uses the old tables any more, either.
            quiesce();
            self.copy(set);
        }
    }
}
