//! `edge top` in a terminal, and without one.

use std::{
    fs,
    io::Write as _,
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    daemon::{Daemon, detach, edge, edge_binary},
    ends::{Ends, contoso, lab},
    notation::frame_of,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
};

/// The terminal's output.
const SEEN_PATH: &str = "/run/edge/seen";

#[test]
fn rates_are_shown_in_a_terminal_and_without_one() -> Result<()> {
    if !root_or_skip("rates_are_shown_in_a_terminal_and_without_one") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let missing = edge(&lab, &["top"])?;
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    let quiet = SampleCircuit::new("quiet", "50 Mbps").s_tag(200).peering("private", 10);
    let daemon = Daemon::start(&lab, &Sample::lab().circuit(quiet).circuit(contoso()))?;
    let ends = Ends::open(&lab)?;
    let frame = frame_of("88a8:100 8100:10 ipv4")?;
    let is_over = AtomicBool::new(false);
    let looked = thread::scope(|scope| -> Result<_> {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) && ends.customer.0.send(&frame).is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
        });
        let looked = (|| {
            let once = edge(&lab, &["top", "--once"])?;
            // script(1) gives it a terminal.
            let mut command = lab.edge().command("script");
            let top = format!("stty cols 100 rows 20; {} top", edge_binary().display());
            command.args(["--quiet", "--return", "--flush", "--command", &top, SEEN_PATH]);
            command.env("TERM", "xterm").stdin(Stdio::piped()).stdout(Stdio::null());
            let mut terminal = command.spawn().context("script, of bsdutils")?;
            let mut keys = terminal.stdin.take().context("keys")?;
            thread::sleep(Duration::from_millis(2_500));
            for key in ["\r", "\t", "q"] {
                keys.write_all(key.as_bytes())?;
                keys.flush()?;
                thread::sleep(Duration::from_millis(300));
            }
            Ok::<_, anyhow::Error>((once, terminal.wait()?))
        })();
        is_over.store(true, Ordering::Relaxed);
        looked
    });
    let (once, ended) = looked?;
    let table = String::from_utf8_lossy(&once.stdout).into_owned();
    ensure!(once.status.success() && table.find("contoso") < table.find("quiet"), "{once:?}");
    let line = table.lines().find(|line| line.contains("contoso")).context("a line")?;
    ensure!(line.contains("kbps") && !line.contains("  0.0 %  0 "), "{line}");

    let seen = fs::read_to_string(SEEN_PATH)?;
    ensure!(ended.success(), "{ended}: {seen}");
    // The list, the circuit and the ports; and the terminal as it was.
    for part in ["peak 100 ms", "burst used", "by reason", "\u{1b}[?1049h", "\u{1b}[?1049l"] {
        ensure!(seen.contains(part), "{part:?} is not in {seen:?}");
    }
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
