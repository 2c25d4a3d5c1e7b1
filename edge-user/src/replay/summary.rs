//! The sums of a replay, and warnings that the capture makes them doubtful.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use edge_common::Reason;

use super::{
    TESTED_RECEIVED_BYTES,
    capture::CaptureNotes,
    clock::ReplayTime,
    tags::{ReceivedTag, Tpid},
};

/// Combinations of tags that are told apart.
const MAX_COMBINATIONS: usize = 10_000;

/// Sums of a replay.
#[derive(Debug, Default)]
pub struct Summary {
    /// Frames by reason number.
    pub frames: [u64; Reason::ALL.len()],
    /// Bytes by reason number, at the length that frames had on the wire.
    pub bytes: [u64; Reason::ALL.len()],
    /// The capture's time.
    pub time: ReplayTime,
    /// Frames that were captured short.
    pub cut_frames: u64,
    /// Cut frames whose missing bytes the path read.
    pub uncertain_frames: u64,
    /// Frames that are longer than any that `edge` is tested with.
    pub long_frames: u64,
    unclaimed: HashMap<(Reason, Vec<(Tpid, u16)>), FrameSum>,
    /// The sum of combinations beyond the first [`MAX_COMBINATIONS`].
    other_unclaimed: FrameSum,
}

/// Frames with the same tags, which no circuit claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unclaimed<'a> {
    /// The reason for which their path ended.
    pub reason: Reason,
    /// TPID and VLAN identifier of each tag, the outer first.
    pub tags: &'a [(Tpid, u16)],
    /// Frames.
    pub frames: u64,
    /// Their bytes, at the length that they had on the wire.
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct FrameSum {
    frames: u64,
    bytes: u64,
}

impl Summary {
    /// Adds a frame of this length with these tags.
    pub(super) fn count(&mut self, reason: Reason, tags: &[ReceivedTag], len_bytes: usize) {
        let len_bytes = len_bytes as u64;
        let number = usize::from(reason.number());
        self.frames[number] += 1;
        self.bytes[number] += len_bytes;
        if !matches!(reason, Reason::Unmatched | Reason::Untagged) || tags.is_empty() {
            return;
        }
        let combination = tags.iter().map(|tag| (tag.tpid, tag.vid)).collect();
        let is_full = self.unclaimed.len() >= MAX_COMBINATIONS;
        let sum = match self.unclaimed.entry((reason, combination)) {
            Entry::Vacant(_) if is_full => &mut self.other_unclaimed,
            entry @ (Entry::Occupied(_) | Entry::Vacant(_)) => entry.or_default(),
        };
        sum.frames += 1;
        sum.bytes += len_bytes;
    }

    /// Frames with tags that no circuit claims, by reason and tags: most frames first.
    #[must_use]
    pub fn unclaimed(&self) -> Vec<Unclaimed<'_>> {
        let mut unclaimed: Vec<_> = self.unclaimed.iter().collect();
        unclaimed
            .sort_by_key(|((reason, tags), sum)| (u64::MAX - sum.frames, reason.number(), tags));
        let unclaimed = unclaimed.into_iter().map(|((reason, tags), sum)| Unclaimed {
            reason: *reason,
            tags,
            frames: sum.frames,
            bytes: sum.bytes,
        });
        unclaimed.collect()
    }

    /// Frames that [`Self::unclaimed`] lacks, as there were too many combinations of tags.
    #[must_use]
    pub fn other_unclaimed_frames(&self) -> u64 {
        self.other_unclaimed.frames
    }

    /// Warnings about faults of the capture that make its replay doubtful. `found` is from the
    /// capture's reader.
    #[must_use]
    pub fn warnings(&self, found: &CaptureNotes) -> Vec<String> {
        let all: u64 = self.frames.iter().sum();
        let (back, most_back_ns) = self.time.back();
        let most_back = Duration::from_nanos(most_back_ns);
        let CaptureNotes { fcs_frames, untimed_frames, clamped_frames } = *found;
        let Self { cut_frames, uncertain_frames, long_frames, .. } = self;
        let sentences = [
            (
                back,
                format!(
                    "{back} of {all} frames have an earlier time than one before them, by \
                     {most_back:?} at most; a policer's time never goes back, so each of them was \
                     policed at the latest time before it"
                ),
            ),
            (
                untimed_frames,
                format!(
                    "{untimed_frames} frames have no time (pcapng simple packets); each was \
                     policed at the time of the frame before it"
                ),
            ),
            (
                clamped_frames,
                format!(
                    "{clamped_frames} frames have a time before 1970 or after 2554; each was \
                     policed at the nearest time between"
                ),
            ),
            (
                self.time.stands_still().into(),
                "all frames have the same time, so each burst is used once and never gets free \
                 again; --no-police leaves policing out"
                    .to_owned(),
            ),
            (
                *uncertain_frames,
                format!(
                    "{uncertain_frames} of {cut_frames} frames that were captured short lack bytes \
                     that the path reads; their verdicts are those of frames with zeros there \
                     (`certain` is false in --json); capture more of each frame (`tcpdump -s 256`)"
                ),
            ),
            (
                *long_frames,
                format!(
                    "{long_frames} frames have over {TESTED_RECEIVED_BYTES} bytes: an offload of \
                     the capturing host (GRO, LRO, TSO) has put them together, and a live edge \
                     has them in pieces, each policed by itself; capture with offloads off"
                ),
            ),
            (
                fcs_frames,
                format!(
                    "{fcs_frames} frames came with a frame check sequence; it was left off, and is \
                     neither counted nor written"
                ),
            ),
        ];
        sentences
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(_, sentence)| sentence)
            .collect()
    }
}
