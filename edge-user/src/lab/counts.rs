//! The wire's count.

use std::{collections::BTreeMap, ops::AddAssign};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{Map, PerCpuHashMap},
};

use super::abi::{NOT_IP, WireCount, WireKey};

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

    /// Everything.
    #[must_use]
    pub fn total(&self) -> WireCount {
        self.sum(|_| true)
    }

    /// Frames with these tags; S-VID 0 for a Dot1Q circuit's.
    #[must_use]
    pub fn tagged(&self, s_vid: u16, c_vid: u16) -> WireCount {
        self.sum(|key| (key.s_vid, key.c_vid) == (s_vid, c_vid))
    }

    /// What was counted since `earlier`. Keys that did not grow are left out.
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
        let map: PerCpuHashMap<_, WireKey, WireCount> = map.try_into()?;
        let mut counts = BTreeMap::new();
        for entry in &map {
            let (key, by_cpu) = entry?;
            let mut sum = WireCount::default();
            for count in by_cpu.iter() {
                sum += *count;
            }
            counts.insert(key, sum);
        }
        Ok(Self(counts))
    }
}

impl WireKey {
    /// DSCP, of an IP packet under at most two tags.
    #[must_use]
    pub fn dscp(&self) -> Option<u8> {
        self.ip_traffic_class().map(|traffic_class| traffic_class >> 2)
    }

    /// ECN field, of an IP packet under at most two tags: 3 is CE.
    #[must_use]
    pub fn ecn(&self) -> Option<u8> {
        self.ip_traffic_class().map(|traffic_class| traffic_class & 3)
    }

    fn ip_traffic_class(self) -> Option<u8> {
        if self.traffic_class == NOT_IP { None } else { self.traffic_class.try_into().ok() }
    }
}

impl AddAssign for WireCount {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}

// SAFETY: two 16-bit integers: no padding, and any bytes are a value.
unsafe impl aya::Pod for super::abi::Tag {}
// SAFETY: two `Tag`s without padding.
unsafe impl aya::Pod for super::abi::TagStack {}
// SAFETY: four 16-bit integers: no padding, and any bytes are a value.
unsafe impl aya::Pod for WireKey {}
// SAFETY: two 64-bit integers: no padding, and any bytes are a value.
unsafe impl aya::Pod for WireCount {}
