//! The sums of a replay, for people, and warnings of what makes them doubtful.

use std::{
    collections::{HashMap, hash_map::Entry},
    io::Write,
    time::Duration,
};

use anyhow::Result;
use comfy_table::{Table, presets};
use edge_common::{Reason, reason::UnmatchedPolicy};

use super::{
    TESTED_RECEIVED_BYTES,
    capture::Found,
    clock::ReplayTime,
    report::verdict,
    tags::{ReceivedTag, Tpid},
};

/// Combinations of tags that are told apart.
const MAX_COMBINATIONS: usize = 10_000;
/// Combinations of tags that are shown.
const SHOWN_COMBINATIONS: usize = 20;

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
    /// Those of them of which the path read more than was captured.
    pub uncertain_frames: u64,
    /// Frames that are longer than any that `edge` is tested with.
    pub long_frames: u64,
    unclaimed: HashMap<(Reason, Vec<(Tpid, u16)>), Sum>,
    /// Of combinations beyond the first [`MAX_COMBINATIONS`].
    other_unclaimed: Sum,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
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

    /// A line a reason, and a line for each combination of tags that no circuit claims, for people.
    pub fn print(&self, unmatched: UnmatchedPolicy, out: &mut dyn Write) -> Result<()> {
        let mut table = table(["reason", "verdict", "frames", "bytes"]);
        for reason in Reason::ALL {
            let number = usize::from(reason.number());
            if self.frames[number] != 0 {
                table.add_row([
                    reason.as_str().to_owned(),
                    verdict(reason.action(unmatched)).to_owned(),
                    self.frames[number].to_string(),
                    self.bytes[number].to_string(),
                ]);
            }
        }
        writeln!(out, "{table}")?;
        self.print_unclaimed(out)
    }

    fn print_unclaimed(&self, out: &mut dyn Write) -> Result<()> {
        if self.unclaimed.is_empty() {
            return Ok(());
        }
        let mut unclaimed: Vec<_> = self.unclaimed.iter().collect();
        unclaimed
            .sort_by_key(|((reason, tags), sum)| (u64::MAX - sum.frames, reason.number(), tags));
        let mut table = table(["tags that no circuit claims", "reason", "frames", "bytes"]);
        for ((reason, tags), sum) in unclaimed.iter().take(SHOWN_COMBINATIONS) {
            let tags: Vec<String> =
                tags.iter().map(|(tpid, vid)| format!("{tpid}:{vid}")).collect();
            let (frames, bytes) = (sum.frames.to_string(), sum.bytes.to_string());
            table.add_row([tags.join(" "), reason.as_str().to_owned(), frames, bytes]);
        }
        writeln!(out, "\n{table}")?;
        let hidden = unclaimed.iter().skip(SHOWN_COMBINATIONS).map(|(_, sum)| sum.frames);
        let hidden = hidden.sum::<u64>() + self.other_unclaimed.frames;
        if hidden > 0 {
            writeln!(out, "and {hidden} frames with other tags; --json has those of each frame")?;
        }
        Ok(())
    }

    /// Sentences that say where the capture makes its replay doubtful; `found` is from the
    /// capture's reader.
    #[must_use]
    pub fn warnings(&self, found: &Found) -> Vec<String> {
        let all: u64 = self.frames.iter().sum();
        let (back, most_back_ns) = self.time.back();
        let most_back = Duration::from_nanos(most_back_ns);
        let Found { fcs_frames, untimed_frames, clamped_frames } = *found;
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
                    "{clamped_frames} frames have a time before 1970 or after 2554; the nearest \
                     that is not was taken for it"
                ),
            ),
            (
                self.time.stands_still().into(),
                "all frames have the same time, so each bucket is filled once and never again; \
                 --no-police leaves policing out"
                    .to_owned(),
            ),
            (
                *uncertain_frames,
                format!(
                    "{uncertain_frames} of {cut_frames} frames that were captured short are cut \
                     within what the path reads; their verdicts are those of frames with zeros \
                     there (`certain` is false in --json); capture more of each frame \
                     (`tcpdump -s 256`)"
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

fn table(header: [&str; 4]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header);
    table
}
