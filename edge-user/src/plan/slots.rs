//! Assigns the indices of a table to keys. A key keeps its index from one configuration to the
//! next.

use std::collections::{BTreeMap, BTreeSet};

/// A table of the kernel, and the owners of its entries.
#[derive(Clone, Debug)]
pub struct Table<K> {
    /// Name of its entries in messages.
    pub entries: &'static str,
    /// First index that may be given away.
    pub first: u32,
    /// Number of entries.
    pub capacity: u32,
    /// The present or the last owner of each index.
    pub known: BTreeMap<K, u32>,
    /// Indices that published entries refer to: a program may be reading them.
    pub published: BTreeSet<u32>,
}

/// A key's place in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotClaim {
    /// The index.
    pub index: u32,
    /// Whether the key did not have the index before: the entry still has another owner's contents.
    pub is_new: bool,
}

/// The error of a table without a free entry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the configuration needs more than the {capacity} {entries} that the tables have room for")]
pub struct Full {
    entries: &'static str,
    capacity: u32,
}

impl Full {
    /// The error of tables that have `capacity` of these entries.
    pub(super) const fn of(entries: &'static str, capacity: u32) -> Self {
        Self { entries, capacity }
    }
}

impl<K: Ord + Clone> Table<K> {
    /// A table without any owner.
    pub fn unused(entries: &'static str, first: u32, capacity: u32) -> Self {
        Self { entries, first, capacity, known: BTreeMap::new(), published: BTreeSet::new() }
    }

    /// Gives each of `wanted` an index.
    ///
    /// A known key keeps its index, so that its counters or its bucket go on. A new key gets an
    /// index that was never used or, without one, an index that an earlier reload has retired: no
    /// program reads such an entry any more.
    pub fn assign(
        &self,
        wanted: impl IntoIterator<Item = K>,
    ) -> Result<BTreeMap<K, SlotClaim>, Full> {
        let wanted: BTreeSet<K> = wanted.into_iter().collect();
        let used: BTreeSet<u32> = self.known.values().chain(&self.published).copied().collect();
        let never_used = (self.first..self.capacity).filter(|index| !used.contains(index));
        let retired = self.known.iter().filter_map(|(key, index)| {
            (!wanted.contains(key) && !self.published.contains(index)).then_some(*index)
        });
        let mut free = never_used.chain(retired);

        let mut claims = BTreeMap::new();
        for key in &wanted {
            let claim = match self.known.get(key) {
                Some(index) => SlotClaim { index: *index, is_new: false },
                None => SlotClaim { index: free.next().ok_or_else(|| self.full())?, is_new: true },
            };
            claims.insert(key.clone(), claim);
        }
        Ok(claims)
    }

    fn full(&self) -> Full {
        Full { entries: self.entries, capacity: self.capacity - self.first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(known: &[(&'static str, u32)], published: &[u32]) -> Table<&'static str> {
        Table {
            known: known.iter().copied().collect(),
            published: published.iter().copied().collect(),
            ..Table::unused("things", 1, 4)
        }
    }

    #[test]
    fn known_keys_keep_their_index() {
        let claims = table(&[("b", 3)], &[3]).assign(["a", "b"]).unwrap();
        assert_eq!(claims["b"], SlotClaim { index: 3, is_new: false });
        assert_eq!(claims["a"], SlotClaim { index: 1, is_new: true });
    }

    #[test]
    fn a_retired_index_is_the_last_to_be_given_away() {
        let claims = table(&[("old", 1)], &[]).assign(["a", "b", "c"]).unwrap();
        assert_eq!(claims["a"].index, 2);
        assert_eq!(claims["b"].index, 3);
        assert_eq!(claims["c"], SlotClaim { index: 1, is_new: true });
    }

    #[test]
    fn an_index_in_the_kernels_sight_is_not_given_away() {
        let full = table(&[("old", 1)], &[1]).assign(["a", "b", "c"]).unwrap_err();
        assert_eq!(full, Full { entries: "things", capacity: 3 });
    }
}
