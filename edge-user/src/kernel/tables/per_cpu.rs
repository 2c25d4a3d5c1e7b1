//! Arrays with an entry for each CPU, whose numbers are added up over the CPUs.

use std::marker::PhantomData;

use aya::maps::MapData;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::kernel::{error::Result, tables::raw_map::RawPerCpu};

/// A per-CPU array of `T`, which consists of numbers of 64 bits.
pub(in crate::kernel) struct PerCpu<T> {
    map: RawPerCpu,
    entry: PhantomData<T>,
}

impl<T: FromBytes + KnownLayout> PerCpu<T> {
    pub(in crate::kernel) fn new(map: MapData) -> Result<Self> {
        Ok(Self { map: RawPerCpu::new(map, size_of::<T>())?, entry: PhantomData })
    }

    /// The entry of each CPU added up, number by number.
    pub(in crate::kernel) fn sum(&self, index: u32) -> Result<T> {
        let sum = self.map.sum(index)?;
        Ok(T::read_from_bytes(sum.as_bytes()).expect("as many words as the type has"))
    }

    /// The entries at these indices, which ascend, each added up over the CPUs. One call reads
    /// entries that lie close together.
    pub(in crate::kernel) fn sums(&self, indices: &[u32]) -> Result<Vec<T>> {
        let mut sums = Vec::with_capacity(indices.len());
        for run in runs(indices) {
            let (first, count) = (run[0], run[run.len() - 1] - run[0] + 1);
            let words = self.map.sums(first, count)?;
            let entries = words.as_bytes().chunks_exact(size_of::<T>());
            let entries: Vec<&[u8]> = entries.collect();
            sums.extend(run.iter().map(|index| {
                let entry = entries[(index - first) as usize];
                T::read_from_bytes(entry).expect("as many words as the type has")
            }));
        }
        Ok(sums)
    }

    /// The entry of each CPU.
    pub(in crate::kernel) fn each(&self, index: u32) -> Result<Vec<T>> {
        let cpus = self.map.entry(index)?;
        let entries = cpus.chunks_exact(size_of::<T>());
        let entry = |bytes| T::read_from_bytes(bytes).expect("as many bytes as the type has");
        Ok(entries.map(entry).collect())
    }

    /// Makes the entry zero on each CPU.
    pub(in crate::kernel) fn clear(&self, index: u32) -> Result<()> {
        self.map.clear(index)
    }

    /// Copies the entry `from` of another array, with `change` applied to each CPU's part.
    pub(in crate::kernel) fn copy(
        &self,
        index: u32,
        other: &Self,
        from: u32,
        change: impl Fn(&mut T),
    ) -> Result<()>
    where
        T: IntoBytes + Immutable,
    {
        let mut cpus = other.map.entry(from)?;
        for cpu in cpus.chunks_exact_mut(size_of::<T>()) {
            let mut entry = T::read_from_bytes(cpu).expect("as many bytes as the type has");
            change(&mut entry);
            cpu.copy_from_slice(entry.as_bytes());
        }
        self.map.set(index, cpus)
    }
}

/// The most entries between two wanted ones that are read along: one call of the kernel costs about
/// as much.
const MOST_UNWANTED: u32 = 4;

/// The most entries of a run: their values are copied to a buffer.
const MOST_IN_A_RUN: u32 = 256;

/// Cuts ascending indices into runs that lie close together.
fn runs(indices: &[u32]) -> impl Iterator<Item = &[u32]> {
    let mut rest = indices;
    std::iter::from_fn(move || {
        let first = *rest.first()?;
        let is_end = |pair: &[u32]| {
            pair[1] - pair[0] > MOST_UNWANTED + 1 || pair[1] - first >= MOST_IN_A_RUN
        };
        let len = rest.windows(2).position(is_end).map_or(rest.len(), |before| before + 1);
        let run;
        (run, rest) = rest.split_at(len);
        Some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_that_lie_close_together_are_a_run() {
        let runs = |indices: &[u32]| runs(indices).map(<[u32]>::to_vec).collect::<Vec<_>>();
        assert_eq!(runs(&[]), Vec::<Vec<u32>>::new());
        assert_eq!(runs(&[7]), [vec![7]]);
        assert_eq!(runs(&[1, 2, 7, 13, 14]), [vec![1, 2, 7], vec![13, 14]]);
        let long: Vec<u32> = (0..600).collect();
        let lens: Vec<usize> = runs(&long).iter().map(Vec::len).collect();
        assert_eq!(lens, [256, 256, 88]);
    }
}
