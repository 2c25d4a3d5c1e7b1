//! Arrays with an entry for each CPU, as numbers that are added up.

use std::marker::PhantomData;

use anyhow::Result;
use aya::maps::MapData;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::kernel::tables::raw_map::RawPerCpu;

/// A per-CPU array of `T`, which is numbers of 64 bits.
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

    /// Makes the entry zero on each CPU.
    pub(in crate::kernel) fn clear(&self, index: u32) -> Result<()> {
        self.map.clear(index)
    }

    /// Makes each CPU's entry what `change` makes of that of the entry `from` of another array.
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
