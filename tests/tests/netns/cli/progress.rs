//! Progress of long work in a terminal.

use std::{
    fs::OpenOptions,
    io::Write as _,
    process::{Command, Stdio},
};

use edge_tests::{
    captures::{ETHERNET, captured, pcap},
    wires::wait_until,
};
use nix::{sys::stat::Mode, unistd::mkfifo};

use super::*;

#[test]
fn long_work_shows_itself_in_a_terminal_and_changes_nothing_else() -> Result<()> {
    const REPLAY: &str = "replay -c edge.toml --engine host --port customer0 --json";
    let place = Place::new(CONFIG)?;
    let capture = pcap(ETHERNET, &[captured(1, &frame_of("88a8:100 8100:10 ipv4")?, usize::MAX)]);
    fs::write(place.path("in.pcap"), &capture)?;
    let arguments: Vec<&str> = REPLAY.split(' ').chain(["in.pcap"]).collect();
    let (code, lines, err) = told(&place.edge(&arguments)?);
    assert_eq!((code, err.as_str(), lines.lines().count()), (0, "", 1));

    // A capture that goes on until the progress has been seen.
    let fifo = place.path("long.pcap");
    mkfifo(&fifo, Mode::S_IRWXU)?;
    let mut frames = OpenOptions::new().read(true).write(true).open(&fifo)?;
    frames.write_all(&capture)?;
    let replay = format!("{} {REPLAY} long.pcap > lines", edge_binary().display());
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--flush", "--command", &replay, "seen"]);
    command.env("TERM", "xterm").current_dir(place.directory.path());
    let mut terminal = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let seen = || fs::read(place.path("seen")).is_ok_and(|seen| text(&seen).contains("capture"));
    let shown = wait_until(|| seen() || !matches!(terminal.try_wait(), Ok(None)));
    drop(frames);
    let ended = terminal.wait()?;
    let seen = text(&fs::read(place.path("seen"))?);
    shown?;
    assert!(seen.contains("of the capture") && ended.success(), "{ended}: {seen}");
    assert_eq!(fs::read_to_string(place.path("lines"))?, lines);
    Ok(())
}
