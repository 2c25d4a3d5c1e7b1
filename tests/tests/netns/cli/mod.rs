//! The command line: its exit codes, its output, and replays of captures.

mod dates;
mod progress;
mod routes;
mod streams;
mod verify;

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use anyhow::Result;
use edge_tests::{
    captures::captures_or_skip, daemon::edge_binary, fixture::CONFIG, notation::frame_of,
};
use edge_user::{
    lab::root_or_skip,
    replay::capture::{CaptureReader, CaptureWriter, CapturedFrame, Resolution},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A directory with a configuration.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new(config: &str) -> Result<Self> {
        let directory = TempDir::new()?;
        fs::write(directory.path().join("edge.toml"), config)?;
        Ok(Self { directory })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs `edge` there.
    fn edge(&self, arguments: &[&str]) -> Result<Output> {
        let mut edge = Command::new(edge_binary());
        Ok(edge.args(arguments).current_dir(self.directory.path()).output()?)
    }

    /// Writes a capture with a frame each millisecond.
    fn capture(&self, name: &str, frames: &[Vec<u8>]) -> Result<()> {
        let mut writer = CaptureWriter::create(&self.path(name), Resolution::Nanos)?;
        for (number, data) in (1..).zip(frames) {
            writer.write(&CapturedFrame {
                timestamp_ns: number * 1_000_000,
                orig_len_bytes: u32::try_from(data.len())?,
                data: data.clone(),
            })?;
        }
        Ok(writer.finish()?)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The exit code, standard output and standard error.
fn told(output: &Output) -> (i32, String, String) {
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn check_tells_all_mistakes_and_exits_with_2() -> Result<()> {
    let (code, out, err) = told(&Place::new(CONFIG)?.edge(&["check", "-c", "edge.toml"])?);
    assert_eq!(code, 0, "{err}");
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.contains("2 ports, 14 circuits"), "{out}");

    let wrong = CONFIG.replacen("s_tag = 100", "s_tag = 4095", 1).replace("gold", "rest");
    let (code, out, err) = told(&Place::new(&wrong)?.edge(&["check", "-c", "edge.toml"])?);
    assert_eq!((code, out.as_str()), (2, ""), "{err}");
    let errors: Vec<&str> = err.lines().filter(|line| line.contains("error:")).collect();
    assert_eq!(errors.len(), 2, "{err}");
    assert!(errors.iter().all(|line| line.starts_with("edge.toml:")), "{err}");

    let (code, _, err) = told(&Place::new(CONFIG)?.edge(&["check", "-c", "other.toml"])?);
    assert_eq!(code, 2);
    assert!(err.starts_with("other.toml: error:"), "{err}");
    Ok(())
}

#[test]
fn what_is_wrong_with_the_command_line_exits_with_2_and_what_is_not_there_with_1() -> Result<()> {
    let place = Place::new(CONFIG)?;
    place.capture("in.pcap", &[])?;
    let replay = ["replay", "-c", "edge.toml", "--engine", "host", "--port"];
    for (arguments, code) in [
        (vec!["fly"], 2),
        (vec!["check"], 2),
        ([&replay[..], &["nowhere", "in.pcap"]].concat(), 2),
        ([&replay[..], &["customer0", "in.pcap", "-o", "in.pcap"]].concat(), 2),
        ([&replay[..], &["customer0", "missing.pcap"]].concat(), 1),
        ([&replay[..], &["customer0", "in.pcap"]].concat(), 0),
        (vec!["status", "-s", "nobody.sock"], 1),
        (vec!["reload", "-s", "nobody.sock"], 1),
        (vec!["set-bandwidth", "contoso", "1 Gbps", "-s", "nobody.sock"], 1),
        (vec!["set-bandwidth", "contoso", "1 GBps", "-s", "nobody.sock"], 2),
        (vec!["set-bandwidth", "contoso", "-s", "nobody.sock"], 2),
        (vec!["sessions", "-s", "nobody.sock"], 1),
        (vec!["routes", "contoso", "private", "-s", "nobody.sock"], 1),
        (vec!["routes", "contoso", "private", "--diff", "--json", "-s", "nobody.sock"], 1),
        (vec!["routes", "contoso", "private", "--diff", "--received", "-s", "nobody.sock"], 2),
        (vec!["routes", "contoso", "-s", "nobody.sock"], 2),
        (vec!["lookup", "contoso", "private", "10.1.2.3", "-s", "nobody.sock"], 1),
        (vec!["lookup", "contoso", "private", "10.1.2", "-s", "nobody.sock"], 2),
        (vec!["lookup", "contoso", "private", "fd00::1", "--from", "fd00::", "-s", "no.sock"], 1),
        (vec!["lookup", "contoso", "private", "fd00::1", "--from", "10.0.0.0/8"], 2),
        (vec!["lookup", "contoso", "private", "-s", "nobody.sock"], 2),
        (vec!["reach", "contoso", "-s", "nobody.sock"], 1),
        (vec!["reach", "contoso", "-c", "edge.toml", "-s", "nobody.sock"], 2),
        (vec!["reach", "nobody", "-c", "edge.toml"], 2),
        (vec!["reach", "qinq", "-c", "edge.toml", "--json"], 0),
        (vec!["completions", "bash"], 0),
        (vec!["man"], 0),
    ] {
        let (found, _, err) = told(&place.edge(&arguments)?);
        assert_eq!(found, code, "{arguments:?}: {err}");
        assert_eq!(err.is_empty(), code == 0, "{arguments:?}: {err}");
    }
    let (_, manual, _) = told(&place.edge(&["man"])?);
    let (_, completions, _) = told(&place.edge(&["completions", "bash"])?);
    for verb in ["sessions", "routes", "lookup", "reach"] {
        assert!(manual.contains(verb) && completions.contains(verb), "{verb}");
    }
    // Link type 113: Linux cooked capture.
    let mut capture = fs::read(place.path("in.pcap"))?;
    capture[20] = 113;
    fs::write(place.path("cooked.pcap"), capture)?;
    let (code, _, err) = told(&place.edge(&[&replay[..], &["customer0", "cooked.pcap"]].concat())?);
    assert_eq!(code, 2, "{err}");
    Ok(())
}

#[test]
fn replay_tells_each_frame_and_writes_those_that_leave() -> Result<()> {
    let place = Place::new(CONFIG)?;
    let frames = [
        frame_of("88a8:100 8100:20 ipv4 dscp=46")?,
        frame_of("88a8:100 8100:20 ipv4 dscp=26")?,
        frame_of("8100:99 ipv4")?,
        frame_of("lldp")?,
        frame_of("8100:300 arp")?,
        vec![1, 2, 3],
    ];
    place.capture("in.pcap", &frames)?;
    let mut engines = vec!["host"];
    if root_or_skip("replay_tells_each_frame_and_writes_those_that_leave") {
        engines.push("kernel");
    }
    for engine in engines {
        let arguments = ["replay", "-c", "edge.toml", "--port", "customer0", "--engine", engine];
        let arguments = [&arguments[..], &["--json", "-o", "out.pcap", "in.pcap"]].concat();
        let (code, out, err) = told(&place.edge(&arguments)?);
        assert_eq!(code, 0, "{err}");
        let lines: Vec<Value> = out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let vids = [
            json!(["0x88a8", 100, 20]),
            json!(["0x88a8", 100, 20]),
            json!(["0x8100", 99, null]),
            json!([null, null, null]),
            json!(["0x8100", 300, null]),
            json!([null, null, null]),
        ];
        let line =
            |frame: usize, verdict, reason, circuit: Option<[&str; 3]>, dscp: [Option<u8>; 2]| {
                let tags = &vids[frame - 1];
                let circuit = circuit.map_or([None; 3], |words| words.map(Some));
                let sha256 = &lines[frame - 1]["sha256"];
                assert_eq!(sha256.is_string(), verdict != "drop");
                json!({
                    "frame": frame, "verdict": verdict, "reason": reason, "circuit": circuit[0],
                    "peering": circuit[1], "direction": "inbound", "class": circuit[2],
                    "dscp_in": dscp[0], "dscp_out": dscp[1], "bytes": frames[frame - 1].len(),
                    "sha256": sha256, "tpid": tags[0], "s_vid": tags[1], "c_vid": tags[2],
                    "tags": lines[frame - 1]["tags"], "captured_bytes": null, "certain": true,
                })
            };
        let voice = Some(["qinq", "microsoft", "voice"]);
        let default = Some(["qinq", "microsoft", "default"]);
        let expected = [
            line(1, "forward", "ok", voice, [Some(46), Some(46)]),
            line(2, "forward", "ok", default, [Some(26), Some(0)]),
            line(3, "drop", "unmatched", None, [None, None]),
            line(4, "pass", "control", None, [None, None]),
            line(5, "forward", "ok", Some(["slow", "private", "default"]), [None, None]),
            line(6, "drop", "malformed", None, [None, None]),
        ];
        assert_eq!(lines, expected, "{engine}");

        let left: Vec<CapturedFrame> =
            CaptureReader::open(&place.path("out.pcap"))?.collect::<Result<_, _>>()?;
        let times: Vec<u64> = left.iter().map(|frame| frame.timestamp_ns / 1_000_000).collect();
        assert_eq!(times, [1, 2, 4, 5]);
        assert_eq!(left[0].data, frames[0]);
        assert_eq!(left[1].data, frame_of("88a8:100 8100:20 ipv4 dscp=0")?);
    }
    Ok(())
}

/// The slow circuit's burst holds eight such frames; a hundred come at once.
#[test]
fn replay_polices_by_the_captures_time_unless_told_not_to() -> Result<()> {
    let place = Place::new(CONFIG)?;
    let frames = vec![frame_of("8100:300 ipv4 dscp=46 payload=958")?; 100];
    place.capture("in.pcap", &frames)?;
    let mut engines = vec!["host"];
    if root_or_skip("replay_polices_by_the_captures_time_unless_told_not_to") {
        engines.push("kernel");
    }
    for engine in engines {
        for (police, expected) in [(None, 8), (Some("--no-police"), 100)] {
            let mut arguments = vec!["replay", "-c", "edge.toml", "--port", "core0", "in.pcap"];
            arguments.extend(["--engine", engine, "--json"]);
            arguments.extend(police);
            let (code, out, err) = told(&place.edge(&arguments)?);
            assert_eq!(code, 0, "{err}");
            let ok = out.lines().filter(|line| line.contains("\"reason\":\"ok\"")).count();
            assert_eq!(ok, expected, "{engine} {police:?}");
        }
    }
    Ok(())
}

/// Real captures, where a folder of them is given: whatever they hold, both engines say the same
/// and nothing crashes.
#[test]
fn engines_agree_on_real_captures() -> Result<()> {
    const TEST: &str = "engines_agree_on_real_captures";
    let Some(captures) = captures_or_skip(TEST)? else { return Ok(()) };
    if !root_or_skip(TEST) {
        return Ok(());
    }
    let place = Place::new(CONFIG)?;
    for capture in captures {
        let run = |engine| -> Result<(i32, String, String)> {
            let arguments = ["replay", "-c", "edge.toml", "--port", "core0", "--json", "--engine"];
            let capture = capture.to_string_lossy();
            Ok(told(&place.edge(&[&arguments[..], &[engine, &capture]].concat())?))
        };
        let host = run("host")?;
        assert!((0..=2).contains(&host.0), "{}: {}", capture.display(), host.2);
        assert_eq!(host, run("kernel")?, "{}", capture.display());
    }
    Ok(())
}
