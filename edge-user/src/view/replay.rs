//! The sums of a replay as people read them.

use std::io::{self, Write};

use edge_common::{Reason, reason::UnmatchedPolicy};

use super::table::text_table;
use crate::replay::{Summary, verdict};

/// Combinations of tags that are shown.
const SHOWN_COMBINATIONS: usize = 20;

/// Prints a line for each reason, and one for each combination of tags that no circuit claims. The
/// policy for frames that no circuit claims is `unmatched`.
pub fn print(summary: &Summary, unmatched: UnmatchedPolicy, out: &mut dyn Write) -> io::Result<()> {
    let mut table = text_table(["reason", "verdict", "frames", "bytes"], []);
    for reason in Reason::ALL {
        let number = usize::from(reason.number());
        if summary.frames[number] != 0 {
            table.add_row([
                reason.as_str().to_owned(),
                verdict(reason.action(unmatched)).to_owned(),
                summary.frames[number].to_string(),
                summary.bytes[number].to_string(),
            ]);
        }
    }
    writeln!(out, "{table}")?;
    print_unclaimed(summary, out)
}

fn print_unclaimed(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    let unclaimed = summary.unclaimed();
    if unclaimed.is_empty() {
        return Ok(());
    }
    let mut table = text_table(["tags that no circuit claims", "reason", "frames", "bytes"], []);
    for group in unclaimed.iter().take(SHOWN_COMBINATIONS) {
        let tags: Vec<String> =
            group.tags.iter().map(|(tpid, vid)| format!("{tpid}:{vid}")).collect();
        let (frames, bytes) = (group.frames.to_string(), group.bytes.to_string());
        table.add_row([tags.join(" "), group.reason.as_str().to_owned(), frames, bytes]);
    }
    writeln!(out, "\n{table}")?;
    let hidden = unclaimed.iter().skip(SHOWN_COMBINATIONS).map(|group| group.frames);
    let hidden = hidden.sum::<u64>() + summary.other_unclaimed_frames();
    if hidden > 0 {
        writeln!(out, "and {hidden} frames with other tags; --json has those of each frame")?;
    }
    Ok(())
}
