//! Captures: made here, replayed, and the folder of real ones that `EDGE_CAPTURES` names.

use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};

use anyhow::Result;
use edge_user::{
    replay::{
        PathEngine, Replay,
        capture::{CaptureReader, CaptureWriter, CapturedFrame, Resolution},
    },
    view,
};
use serde_json::Value;

use crate::fixture::Fixture;

/// The link type of Ethernet.
pub const ETHERNET: u32 = 1;

/// A pcap file in nanoseconds, with whatever link type and lengths its writer thought right.
///
/// # Panics
///
/// If a time or a length doesn't fit.
#[must_use]
pub fn pcap(link_type: u32, frames: &[CapturedFrame]) -> Vec<u8> {
    let words = [0xa1b2_3c4d, 0x0004_0002, 0, 0, 65_535, link_type];
    let mut file: Vec<u8> = words.map(u32::to_le_bytes).as_flattened().to_vec();
    for CapturedFrame { timestamp_ns, data, orig_len_bytes } in frames {
        let (seconds, nanos) = (timestamp_ns / 1_000_000_000, timestamp_ns % 1_000_000_000);
        for word in [seconds, nanos, data.len() as u64, u64::from(*orig_len_bytes)] {
            file.extend(u32::try_from(word).expect("32 bits").to_le_bytes());
        }
        file.extend(data);
    }
    file
}

/// A frame of which the first `captured_bytes` were captured, at this time.
///
/// # Panics
///
/// If the frame has over 4 GiB.
#[must_use]
pub fn captured(timestamp_ns: u64, frame: &[u8], captured_bytes: usize) -> CapturedFrame {
    let orig_len_bytes = u32::try_from(frame.len()).expect("a frame");
    let data = frame[..captured_bytes.min(frame.len())].to_vec();
    CapturedFrame { timestamp_ns, data, orig_len_bytes }
}

/// The outcome of a replay.
#[derive(Debug)]
pub struct Replayed {
    /// A line a frame.
    pub lines: Vec<Value>,
    /// The frames that left.
    pub left: Vec<CapturedFrame>,
    /// Its warnings.
    pub warnings: Vec<String>,
    /// The report for people.
    pub report: String,
    /// The error that ended it before the capture's end.
    pub error: Option<anyhow::Error>,
}

/// Replays a capture as received on `port`.
///
/// # Panics
///
/// If there is no such port, the capture can't be opened, or what is written can't be read.
pub fn replay(
    fixture: &Fixture,
    port: &str,
    engine: &mut dyn PathEngine,
    capture: &[u8],
) -> Replayed {
    let name = Path::new("test.pcap");
    let read = |bytes: &[u8]| {
        CaptureReader::from_reader(Cursor::new(bytes.to_vec()), name).expect("a capture")
    };
    let (mut written, mut lines, mut report) = (Vec::new(), Vec::new(), Vec::new());
    let mut writer =
        CaptureWriter::new(&mut written, name, Resolution::Nanos).expect("memory has room");
    let planned = fixture.plan.port(port).expect("a port");
    let mut replay = Replay::new(engine, &fixture.plan, planned, &fixture.capacity);
    let mut reader = read(capture);
    let error = replay.run(&mut reader, Some(&mut writer), Some(&mut lines)).err().map(Into::into);
    let warnings = replay.summary().warnings(&reader.found());
    view::replay::print(replay.summary(), planned.unmatched, &mut report).expect("memory has room");

    let lines = String::from_utf8_lossy(&lines);
    let lines = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let left = read(&written).map(|frame| frame.expect("a frame")).collect();
    let report = String::from_utf8_lossy(&report).into_owned();
    Replayed { lines, left, warnings, report, error }
}

/// Its files, in order; `None`, and a line that says so, where `test` goes without.
pub fn captures_or_skip(test: &str) -> Result<Option<Vec<PathBuf>>> {
    let Some(folder) = std::env::var_os("EDGE_CAPTURES") else {
        println!("SKIPPED: {test}: EDGE_CAPTURES names no folder");
        return Ok(None);
    };
    let mut files = Vec::new();
    find(Path::new(&folder), &mut files)?;
    files.sort();
    Ok(Some(files))
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { find(&path, files)? } else { files.push(path) }
    }
    Ok(())
}
