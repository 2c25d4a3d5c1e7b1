//! Dropped frames for people.

use std::{
    cmp::Reverse,
    io::{self, Write},
};

use edge_api::{DropInterval, Drops};

use super::{
    table::{plain, text_table},
    usage::minutes,
};
use crate::units::{bit_rate, count};

/// Fields of [`edge_api::DropSum`].
pub const DROPS_HEADER: &[&str] =
    &["edge", "circuit", "direction", "link", "class", "reason", "frames", "bytes"];

/// Samples that are shown.
const WORST: usize = 10;

/// Prints sums, and the samples in which most bytes were dropped.
pub fn text(out: &mut dyn Write, Drops { drops, intervals }: &Drops) -> io::Result<()> {
    if drops.is_empty() {
        return writeln!(out, "nothing was dropped");
    }
    let mut table = text_table(DROPS_HEADER.iter().copied(), [6, 7]);
    let mut sums = [0u64; 2];
    for drop in drops {
        sums = [sums[0].saturating_add(drop.frames), sums[1].saturating_add(drop.bytes)];
        table.add_row([
            plain(&drop.edge),
            plain(&drop.circuit),
            drop.direction.clone(),
            drop.link.clone(),
            plain(drop.class.as_deref().unwrap_or("–")),
            drop.reason.clone(),
            count(drop.frames),
            count(drop.bytes),
        ]);
    }
    let mut totals = vec![String::new(); DROPS_HEADER.len()];
    "total".clone_into(&mut totals[0]);
    totals[6..].clone_from_slice(&sums.map(count));
    table.add_row(totals);
    writeln!(out, "{table}\n\nthe worst five minutes, in UTC:\n{}", worst(intervals))
}

fn worst(intervals: &[DropInterval]) -> comfy_table::Table {
    let mut worst: Vec<_> = intervals.iter().filter(|some| some.dropped_frames > 0).collect();
    worst.sort_by_key(|interval| Reverse(interval.dropped_bytes));
    let header = [
        "start",
        "circuit",
        "direction",
        "link",
        "delivered bytes",
        "dropped frames",
        "dropped bytes",
        "peak 1 ms",
        "peak 100 ms",
    ];
    let mut table = text_table(header, 4..=8);
    for interval in worst.into_iter().take(WORST) {
        let peak = |bps: Option<u64>| bps.map_or_else(|| "–".to_owned(), bit_rate);
        table.add_row([
            minutes(interval.start),
            plain(&interval.circuit),
            interval.direction.clone(),
            interval.link.clone(),
            count(interval.delivered_bytes),
            count(interval.dropped_frames),
            count(interval.dropped_bytes),
            peak(interval.peak_1ms_bps),
            peak(interval.peak_100ms_bps),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use edge_api::DropSum;

    use super::*;

    fn interval(start: &str, dropped_bytes: u64) -> DropInterval {
        let start: jiff::Timestamp = start.parse().unwrap();
        DropInterval {
            edge: "edge-1".to_owned(),
            circuit: "a".to_owned(),
            direction: "inbound".to_owned(),
            link: "primary".to_owned(),
            start,
            end: start,
            delivered_frames: 10,
            delivered_bytes: 1_000,
            dropped_frames: dropped_bytes / 100,
            dropped_bytes,
            peak_1ms_bps: (dropped_bytes > 100).then_some(2_500_000),
            peak_100ms_bps: None,
        }
    }

    #[test]
    fn the_worst_come_first_and_nothing_has_no_table() {
        let told = |drops: &Drops| {
            let mut out = Vec::new();
            text(&mut out, drops).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(told(&Drops::default()), "nothing was dropped\n");
        let sum = DropSum {
            edge: "edge-1".to_owned(),
            circuit: "evil\u{1b}[2J".to_owned(),
            direction: "inbound".to_owned(),
            link: "primary".to_owned(),
            class: None,
            reason: "malformed".to_owned(),
            frames: 11,
            bytes: 1_100,
        };
        let intervals = vec![
            interval("2026-01-01T00:00:00Z", 100),
            interval("2026-01-01T00:05:00Z", 1_000),
            interval("2026-01-01T00:10:00Z", 0),
        ];
        let text = told(&Drops { drops: vec![sum], intervals });
        assert!(!text.contains('\u{1b}'), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(lines[2]), ["total", "11", "1,100"]);
        assert!(lines[6].contains("00:05") && lines[6].contains("2.5 Mbps"), "{text}");
        assert!(lines[7].contains("00:00") && lines[7].contains('–'), "{text}");
        assert_eq!(lines.len(), 8, "{text}");
    }

    #[test]
    fn the_header_has_the_fields() {
        let json = serde_json::to_string(&DropSum {
            edge: String::new(),
            circuit: String::new(),
            direction: String::new(),
            link: String::new(),
            class: None,
            reason: String::new(),
            frames: 0,
            bytes: 0,
        });
        let json = json.unwrap();
        let places: Vec<_> =
            DROPS_HEADER.iter().map(|field| json.find(&format!("\"{field}\""))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{json}");
    }
}
