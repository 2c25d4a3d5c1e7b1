//! An array map as memory. The daemon reads and changes entries by single loads and stores, so that
//! a running program sees the old entry or the new one.

use std::{
    marker::PhantomData,
    os::fd::{AsFd as _, AsRawFd as _},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use aya::maps::MapData;
use memmap2::{MmapOptions, MmapRaw};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::kernel::error::{Context as _, KernelError, Result};

/// `BPF_MAP_TYPE_ARRAY` with `BPF_F_MMAPABLE`, of entries of type `T`.
pub(in crate::kernel) struct MappedArray<T> {
    memory: MmapRaw,
    len: u32,
    entry: PhantomData<T>,
}

impl<T: FromBytes + IntoBytes + Immutable> MappedArray<T> {
    /// Words of 64 bits in an entry: the kernel rounds entries up to 8 bytes, and every type of
    /// ours has a multiple of that.
    const WORDS: usize = {
        assert!(size_of::<T>().is_multiple_of(8), "an entry is a whole number of 64-bit words");
        size_of::<T>() / 8
    };

    /// Maps `map`.
    pub(in crate::kernel) fn new(map: &MapData) -> Result<Self> {
        let info = map.info().context("reading a map's size")?;
        if info.value_size() as usize != size_of::<T>() {
            return Err(KernelError::damaged(format!(
                "the map's entries have {} bytes, not {}: it is not one of this version",
                info.value_size(),
                size_of::<T>(),
            )));
        }
        let len = info.max_entries();
        let memory = MmapOptions::new()
            .len(len as usize * size_of::<T>())
            .map_raw(map.fd().as_fd().as_raw_fd())
            .context("mapping a map into memory")?;
        Ok(Self { memory, len, entry: PhantomData })
    }

    /// Number of entries.
    pub(in crate::kernel) fn len(&self) -> u32 {
        self.len
    }

    /// The entry at `index`.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(in crate::kernel) fn get(&self, index: u32) -> T {
        T::read_from_bytes(self.words(index).as_bytes()).expect("as many words as the type has")
    }

    /// Replaces the entry at `index`, word by word in order, leaving alone what is equal.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(in crate::kernel) fn set(&self, index: u32, value: &T) {
        let bytes = value.as_bytes();
        // Loops, here and below: large tables have millions of words, and iterators are slow in a
        // debug build.
        for number in 0..Self::WORDS {
            let bytes = bytes[8 * number..].first_chunk().expect("a whole number of words");
            let new = u64::from_ne_bytes(*bytes);
            let word = self.word(index, number);
            if word.load(Ordering::Relaxed) != new {
                word.store(new, Ordering::Release);
            }
        }
    }

    /// Stores the 32-bit number `element` of the entry at `index`, at once.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(in crate::kernel) fn store_u32(&self, index: u32, element: usize, value: u32) {
        assert!(index < self.len && element < 2 * Self::WORDS, "no such element");
        let offset = index as usize * size_of::<T>() + element * size_of::<u32>();
        let place = self.memory.as_mut_ptr().wrapping_add(offset).cast();
        // SAFETY: the place is inside the mapping, which is page-aligned and lives as long as
        // `self`, and is aligned; the kernel and we access it atomically only.
        let element = unsafe { AtomicU32::from_ptr(place) };
        element.store(value, Ordering::Release);
    }

    /// Replaces the first 64-bit word of the entry at `index` by the result of `change`, if it has
    /// one, while programs change the word, too.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(in crate::kernel) fn update(&self, index: u32, change: impl FnMut(u64) -> Option<u64>) {
        self.update_word(index, 0, change);
    }

    /// Does the same to another 64-bit word.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(in crate::kernel) fn update_word(
        &self,
        index: u32,
        word: usize,
        change: impl FnMut(u64) -> Option<u64>,
    ) {
        let word = self.word(index, word);
        let _unchanged = word.fetch_update(Ordering::AcqRel, Ordering::Acquire, change);
    }

    /// The 64-bit words of the entry at `index`, in order.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(in crate::kernel) fn words(&self, index: u32) -> Vec<u64> {
        let mut words = Vec::with_capacity(Self::WORDS);
        for number in 0..Self::WORDS {
            words.push(self.word(index, number).load(Ordering::Acquire));
        }
        words
    }

    /// A 64-bit word of the entry at `index`.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(in crate::kernel) fn word_at(&self, index: u32, word: usize) -> u64 {
        self.word(index, word).load(Ordering::Acquire)
    }

    /// Replaces a 64-bit word of the entry at `index`, and returns the old value.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub(in crate::kernel) fn swap(&self, index: u32, word: usize, value: u64) -> u64 {
        self.word(index, word).swap(value, Ordering::AcqRel)
    }

    fn word(&self, index: u32, word: usize) -> &AtomicU64 {
        assert!(index < self.len && word < Self::WORDS, "no such entry");
        let offset = index as usize * size_of::<T>() + word * size_of::<u64>();
        let place = self.memory.as_mut_ptr().wrapping_add(offset).cast();
        // SAFETY: as in `store_u32`.
        unsafe { AtomicU64::from_ptr(place) }
    }
}
