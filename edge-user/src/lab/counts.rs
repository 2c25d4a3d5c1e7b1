//! The counts of frames on the wire.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Map, PerCpuHashMap},
};
use edge_common::abi::lab::{WireCount, WireKey};
use zerocopy::transmute;

/// Frames and bytes by tags and traffic class at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct WireCounts(BTreeMap<WireKey, WireCount>);

impl WireCounts {
    /// The counts by key, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&WireKey, &WireCount)> {
        self.0.iter()
    }

    /// The sum of the keys that `wanted` picks.
    pub fn sum(&self, wanted: impl Fn(&WireKey) -> bool) -> WireCount {
        let mut sum = WireCount::default();
        for (_, count) in self.iter().filter(|(key, _)| wanted(key)) {
            sum += *count;
        }
        sum
    }

    /// The sum of all keys.
    #[must_use]
    pub fn total(&self) -> WireCount {
        self.sum(|_| true)
    }

    /// Frames with these tags; S-VID 0 for a Dot1Q circuit's.
    #[must_use]
    pub fn tagged(&self, s_vid: u16, c_vid: u16) -> WireCount {
        self.sum(|key| (key.s_vid, key.c_vid) == (s_vid, c_vid))
    }

    /// The counts since `earlier`. Keys that did not grow are left out.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let grown = self.0.iter().filter_map(|(key, now)| {
            let then = earlier.0.get(key).copied().unwrap_or_default();
            let frames = now.frames.saturating_sub(then.frames);
            let bytes = now.bytes.saturating_sub(then.bytes);
            (frames > 0).then_some((*key, WireCount { frames, bytes }))
        });
        Self(grown.collect())
    }

    pub(super) fn read(programs: &Ebpf, name: &str) -> Result<Self> {
        let map = programs.map(name).with_context(|| format!("lab.o has no map {name}"))?;
        Self::from_map(map).with_context(|| format!("cannot read the lab's map {name}"))
    }

    fn from_map(map: &Map) -> Result<Self> {
        let map: PerCpuHashMap<_, [u8; size_of::<WireKey>()], [u8; size_of::<WireCount>()]> =
            map.try_into()?;
        let mut counts = BTreeMap::new();
        for entry in &map {
            let (key, by_cpu) = entry?;
            let mut sum = WireCount::default();
            for count in by_cpu.iter() {
                sum += transmute!(*count);
            }
            counts.insert(transmute!(key), sum);
        }
        Ok(Self(counts))
    }
}
