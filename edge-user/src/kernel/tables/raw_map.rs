//! Arrays as bytes: arrays of other versions, whose entries may have another size, and arrays with
//! an entry for each CPU.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _},
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use aya::maps::{MapData, MapType};
use memmap2::{MmapOptions, MmapRaw};

use crate::kernel::error::{Context as _, KernelError, Result};

/// `BPF_MAP_LOOKUP_ELEM`, `BPF_MAP_UPDATE_ELEM` and `BPF_MAP_LOOKUP_BATCH` (linux/bpf.h).
const LOOKUP: libc::c_int = 1;
const UPDATE: libc::c_int = 2;
const LOOKUP_BATCH: libc::c_int = 24;
/// Bytes of a counter.
pub(in crate::kernel) const WORD: usize = size_of::<u64>();

/// An array with `BPF_F_MMAPABLE`, as memory.
pub(in crate::kernel) struct RawArray {
    memory: MmapRaw,
    len: u32,
    /// Words of an entry, as the kernel rounds it up.
    words: usize,
}

impl RawArray {
    /// Opens the pin at `path`; entries have `entry_len` bytes, where that is known.
    pub(in crate::kernel) fn open(path: &Path, entry_len: Option<u32>) -> Result<Self> {
        let (map, entry_len) = open(path, MapType::Array, entry_len)?;
        let len = map.info()?.max_entries();
        let memory = MmapOptions::new()
            .len(len as usize * entry_len)
            .map_raw(map.fd().as_fd().as_raw_fd())
            .with_context(|| format!("mapping {} into memory", path.display()))?;
        Ok(Self { memory, len, words: entry_len / WORD })
    }

    /// Number of entries.
    pub(in crate::kernel) fn len(&self) -> u32 {
        self.len
    }

    /// The entry at `index`, word by word in order.
    pub(in crate::kernel) fn entry(&self, index: u32) -> Vec<u8> {
        let words = (0..self.words).map(|word| self.word(index, word));
        words.flat_map(|word| word.load(Ordering::Acquire).to_ne_bytes()).collect()
    }

    /// The 64-bit number at `offset` of the entry at `index`; 0 behind its end.
    pub(in crate::kernel) fn number(&self, index: u32, offset: usize) -> u64 {
        let word = offset / WORD;
        if word < self.words { self.word(index, word).load(Ordering::Acquire) } else { 0 }
    }

    /// Replaces that number.
    pub(in crate::kernel) fn set_number(&self, index: u32, offset: usize, value: u64) {
        self.word(index, offset / WORD).store(value, Ordering::Release);
    }

    fn word(&self, index: u32, word: usize) -> &AtomicU64 {
        assert!(index < self.len && word < self.words, "no such entry");
        let offset = (index as usize * self.words + word) * WORD;
        let place = self.memory.as_mut_ptr().wrapping_add(offset).cast();
        // SAFETY: the place is inside the mapping, which is page-aligned and lives as long as
        // `self`, and is aligned; the kernel and we access it atomically only.
        unsafe { AtomicU64::from_ptr(place) }
    }
}

/// An array with an entry for each CPU.
pub(in crate::kernel) struct RawPerCpu {
    map: MapData,
    /// Bytes of an entry of one CPU, as the kernel rounds it up.
    entry_len: usize,
    cpus: usize,
}

/// The part of `union bpf_attr` for single entries.
#[repr(C)]
struct EntryAttr {
    map_fd: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// The part of `union bpf_attr` for batches of entries.
#[repr(C)]
struct BatchAttr {
    before: u64,
    last: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

impl RawPerCpu {
    /// Opens the pin at `path`; entries have `entry_len` bytes.
    pub(in crate::kernel) fn open(path: &Path, entry_len: u32) -> Result<Self> {
        let (map, entry_len) = open(path, MapType::PerCpuArray, Some(entry_len))?;
        Self::new(map, entry_len)
    }

    /// `map`, whose entries have `entry_len` bytes.
    pub(in crate::kernel) fn new(map: MapData, entry_len: usize) -> Result<Self> {
        let found = (map.info()?.value_size() as usize).next_multiple_of(WORD);
        if found != entry_len {
            return Err(KernelError::damaged(format!("entries of {found} bytes, not {entry_len}")));
        }
        let cpus = aya::util::nr_cpus()
            .map_err(|(file, error)| KernelError::from(error).after(format!("reading {file}")))?;
        Ok(Self { map, entry_len, cpus })
    }

    /// The entry at `index`: of each CPU, one after the other.
    pub(in crate::kernel) fn entry(&self, index: u32) -> Result<Vec<u8>> {
        let mut value = vec![0; self.entry_len * self.cpus];
        self.call(LOOKUP, index, &mut value).context("reading counters")?;
        Ok(value)
    }

    /// The entry at `index`, word by word all CPUs together.
    pub(in crate::kernel) fn sum(&self, index: u32) -> Result<Vec<u64>> {
        let entry = self.entry(index)?;
        let mut sum = vec![0; self.entry_len / WORD];
        self.add_up(&entry, &mut sum);
        Ok(sum)
    }

    /// Reads `count` entries from `first` on by one call of the kernel: word by word all CPUs together,
    /// one entry after the other.
    pub(in crate::kernel) fn sums(&self, first: u32, count: u32) -> Result<Vec<u64>> {
        let entry_len = self.entry_len * self.cpus;
        let mut values = vec![0; entry_len * count as usize];
        self.call_batch(first, count, &mut values).context("reading counters")?;
        let mut sums = vec![0; self.entry_len / WORD * count as usize];
        let by_entry = sums.chunks_exact_mut(self.entry_len / WORD);
        for (entry, sum) in values.chunks_exact(entry_len).zip(by_entry) {
            self.add_up(entry, sum);
        }
        Ok(sums)
    }

    fn add_up(&self, entry: &[u8], sum: &mut [u64]) {
        for cpu in entry.chunks_exact(self.entry_len) {
            for (sum, word) in sum.iter_mut().zip(cpu.chunks_exact(WORD)) {
                *sum = sum.wrapping_add(number(word, 0));
            }
        }
    }

    /// Makes the entry zero on each CPU.
    pub(in crate::kernel) fn clear(&self, index: u32) -> Result<()> {
        self.set(index, vec![0; self.entry_len * self.cpus])
    }

    /// Replaces the entry at `index`: of each CPU, one after the other.
    pub(in crate::kernel) fn set(&self, index: u32, mut value: Vec<u8>) -> Result<()> {
        if value.len() != self.entry_len * self.cpus {
            return Err(KernelError::damaged("an entry of another size"));
        }
        self.call(UPDATE, index, &mut value).context("writing counters")
    }

    fn call(&self, command: libc::c_int, index: u32, value: &mut [u8]) -> io::Result<()> {
        let mut request = EntryAttr {
            map_fd: self.map.fd().as_fd().as_raw_fd().unsigned_abs(),
            reserved: 0,
            key: (&raw const index) as u64,
            value: value.as_mut_ptr() as u64,
            flags: 0,
        };
        // SAFETY: the request has a live key of the map's key size, and a value of each CPU, which
        // is what the kernel reads or writes for a map of this kind.
        let result = unsafe {
            libc::syscall(libc::SYS_bpf, command, &raw mut request, size_of::<EntryAttr>())
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn call_batch(&self, first: u32, count: u32, values: &mut [u8]) -> io::Result<()> {
        let mut keys = vec![0u32; count as usize];
        // The kernel begins behind the key that it is given (`generic_map_lookup_batch` in
        // kernel/bpf/syscall.c).
        let before = first.checked_sub(1);
        let mut last = 0u32;
        let mut request = BatchAttr {
            before: before.as_ref().map_or(0, |before| std::ptr::from_ref(before) as u64),
            last: (&raw mut last) as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count,
            map_fd: self.map.fd().as_fd().as_raw_fd().unsigned_abs(),
            elem_flags: 0,
            flags: 0,
        };
        // SAFETY: keys and values have room for `count` of them, a value of each CPU, which is as
        // much as the kernel writes for a map of this kind; the two places are a key's size.
        let result = unsafe {
            libc::syscall(libc::SYS_bpf, LOOKUP_BATCH, &raw mut request, size_of::<BatchAttr>())
        };
        match io::Error::last_os_error() {
            error if result != 0 && error.raw_os_error() != Some(libc::ENOENT) => Err(error),
            // ENOENT: the batch ends with the last entry of the map.
            _ if request.count == count => Ok(()),
            _ => Err(io::Error::other("the map has fewer entries")),
        }
    }
}

/// The 64-bit number at `offset`; 0 behind the end.
pub(in crate::kernel) fn number(bytes: &[u8], offset: usize) -> u64 {
    let bytes = bytes.get(offset..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

/// A pinned map of this kind, and how many bytes its entries have.
fn open(path: &Path, kind: MapType, entry_len: Option<u32>) -> Result<(MapData, usize)> {
    let map = MapData::from_pin(path).with_context(|| format!("opening {}", path.display()))?;
    let info = map.info()?;
    let found = info.map_type()?;
    if found != kind {
        let path = path.display();
        return Err(KernelError::damaged(format!("{path} is a {found:?} and no {kind:?}")));
    }
    let found = (info.value_size() as usize).next_multiple_of(WORD);
    let wanted = entry_len.map_or(found, |len| (len as usize).next_multiple_of(WORD));
    if found != wanted {
        let path = path.display();
        return Err(KernelError::damaged(format!(
            "{path}: entries of {found} bytes, not {wanted}"
        )));
    }
    Ok((map, found))
}
