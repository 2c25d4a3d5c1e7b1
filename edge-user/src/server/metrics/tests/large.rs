//! An edge of 20,000 circuits.

use std::{fmt, sync::Arc, time::Instant};

use super::{
    super::{
        exposition,
        exposition::{Answer, write},
        figures::ScrapeFigures,
        format::TextFormat,
        selection::DetailSelection,
    },
    documents::{sized, status},
};

const CIRCUITS: usize = 20_000;

fn large() -> ScrapeFigures {
    let classes = ["voice", "interactive", "video", "bulk", "default"];
    let circuits = (0..CIRCUITS)
        .map(|number| sized(&format!("c{number}"), ["private", "public"], &classes, 0));
    ScrapeFigures { status: Arc::new(status(circuits.collect())), sessions: Arc::default() }
}

/// Counts samples, and keeps the last line: a text of every series would take a gigabyte.
#[derive(Default)]
struct Count {
    samples: u64,
    line: String,
    last: String,
}

impl fmt::Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive('\n') {
            self.line.push_str(piece);
            if self.line.ends_with('\n') {
                if !self.line.starts_with('#') {
                    self.samples += 1;
                    self.last.clone_from(&self.line);
                }
                self.line.clear();
            }
        }
        Ok(())
    }
}

/// The number of samples, and the number that are left out by the last of them.
fn count(figures: &ScrapeFigures, all: bool) -> (u64, u64) {
    let selection = DetailSelection { all, ..DetailSelection::default() };
    let mut count = Count::default();
    write(Answer::new(figures.clone(), selection), TextFormat::Text, &mut count).expect("a text");
    let left_out = count.last.strip_prefix("edge_series_left_out ").expect("the last family");
    (count.samples, left_out.trim_end().parse().expect("a number"))
}

#[test]
fn an_answer_of_20_000_circuits_is_bounded_and_says_what_it_lacks() {
    let figures = large();
    let (few, left_out) = count(&figures, false);
    assert!(few <= 200_000, "{few}");
    assert_eq!(left_out, CIRCUITS as u64 * 6 * (2 * 2 * 5 + 2));
    assert_eq!(count(&figures, true), (few + left_out, 0));
}

/// Prints a figure: `cargo test --release -p edge-user --lib an_answer_takes -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, of use in release builds"]
fn an_answer_takes_so_long() {
    let figures = large();
    for format in super::FORMATS {
        for (name, all) in [("default", false), ("all", true)] {
            let selection = DetailSelection { all, ..DetailSelection::default() };
            let mut times: Vec<_> = (0..5)
                .map(|_| {
                    let before = Instant::now();
                    let text = exposition(figures.clone(), &selection, format).expect("a text");
                    (before.elapsed(), text.len())
                })
                .collect();
            times.sort_unstable();
            let (median, len) = times[2];
            eprintln!("{format:?}, {name}: {median:?} (median of 5), {len} bytes");
        }
    }
}
