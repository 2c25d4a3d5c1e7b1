//! A version with tables of another layout takes over under load, is killed during that, and the
//! earlier version comes back. `edge detach` books the last counts.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, book, detach, edge, edge_binary, other_layout_binary},
    ends::{Ends, lab},
    faults::disk::Disk,
    load::{booked, check_all, config, received, under_load},
    notation::frame_of,
    patience::PATIENCE,
};
use edge_user::{
    kernel::{Pins, read::books::Books},
    lab::root_or_skip,
};

const PIN_DIR: &str = "/sys/fs/bpf/edge";
/// Of 222 bytes, of the circuit that is under load.
const FRAME: &str = "88a8:100 8100:10 ipv4 payload=176";

#[test]
fn a_takeover_loses_no_frame() -> Result<()> {
    if !root_or_skip("a_takeover_loses_no_frame") {
        return Ok(());
    }
    build_both();
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config())?;
    let versions = versions()?;
    let (sent, daemon) = under_load(&lab, || {
        let mut daemon = daemon;
        let binaries = [other_layout_binary(), edge_binary()];
        for (number, binary) in binaries.into_iter().cycle().take(4).enumerate() {
            if number < 2 {
                daemon.stop()?;
            } else {
                daemon.kill()?;
            }
            daemon = Daemon::start_as(&lab, binary, &config())?;
            // The old tables go when they are booked.
            let deadline = Instant::now() + PATIENCE;
            while self::versions()?.len() > 1 && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(10));
            }
            let now = self::versions()?;
            assert_eq!(now.len(), 1, "{now:?}");
            assert_eq!(now == versions, number % 2 == 1, "{now:?}");
        }
        Ok(daemon)
    })?;
    check_all(&lab, sent, daemon)
}

#[test]
fn a_takeover_that_is_killed_anywhere_loses_nothing() -> Result<()> {
    if !root_or_skip("a_takeover_that_is_killed_anywhere_loses_nothing") {
        return Ok(());
    }
    build_both();
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config())?;
    let (sent, daemon) = under_load(&lab, || {
        let mut daemon = daemon;
        let mut is_other = false;
        for moment in 0..12u64 {
            daemon.kill()?;
            is_other = !is_other;
            let taking_over = Daemon::spawn(&lab, binary(is_other))?;
            thread::sleep(Duration::from_millis(20 + 35 * moment));
            taking_over.kill()?;
            // The next daemon finds two sets of tables, perhaps.
            is_other ^= moment % 3 == 0;
            daemon = Daemon::start_as(&lab, binary(is_other), &config())?;
        }
        Ok(daemon)
    })?;
    check_all(&lab, sent, daemon)
}

#[test]
fn a_takeover_whose_books_cant_be_kept_loses_nothing() -> Result<()> {
    if !root_or_skip("a_takeover_whose_books_cant_be_kept_loses_nothing") {
        return Ok(());
    }
    build_both();
    let lab = lab(1600)?;
    let mut disk = Disk::new()?;
    let daemon = Daemon::start(&lab, &config())?;
    let (sent, daemon) = under_load(&lab, || {
        let mut daemon = daemon;
        daemon.kill()?;
        disk.set_read_only(true)?;
        for is_other in [true, false, true] {
            daemon = Daemon::start_as(&lab, binary(is_other), &config())?;
            assert_eq!(versions()?.len(), 2, "no table goes that is not booked");
            thread::sleep(Duration::from_millis(200));
            daemon.kill()?;
        }
        disk.repair()?;
        Daemon::start_as(&lab, binary(true), &config())
    })?;
    check_all(&lab, sent, daemon)
}

/// Tables that can't be booked stay, with the circuits of their time, and a later takeover goes on with
/// them.
#[test]
fn what_tables_left_behind_had_is_not_forwarded_again() -> Result<()> {
    if !root_or_skip("what_tables_left_behind_had_is_not_forwarded_again") {
        return Ok(());
    }
    build_both();
    let lab = lab(1600)?;
    let mut disk = Disk::new()?;
    Daemon::start(&lab, &config())?.kill()?;
    disk.set_read_only(true)?;
    Daemon::start_as(&lab, binary(true), &config())?.kill()?;
    let moved = config().change_circuit("contoso", |contoso| contoso.s_tag(200));
    let daemon = Daemon::start_as(&lab, binary(true), &moved)?;
    assert_eq!(versions()?.len(), 2, "no table goes that is not booked");

    let ends = Ends::open(&lab)?;
    let is_over = AtomicBool::new(false);
    let sent = frame_of(FRAME)?;
    let daemon = thread::scope(|scope| {
        let (customer, core, is_over, sent) = (&ends.customer.0, &ends.core.0, &is_over, &sent);
        for sender in [customer, core] {
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) && sender.send(sent).is_ok() {
                    thread::sleep(Duration::from_micros(100));
                }
            });
        }
        let daemon = daemon.kill().and_then(|()| Daemon::start_as(&lab, binary(false), &moved));
        is_over.store(true, Ordering::Relaxed);
        daemon
    })?;
    for collector in [&ends.customer.1, &ends.core.1] {
        let arrived = collector.collect(64, Duration::from_millis(50))?;
        let ours = arrived.iter().filter(|frame| frame.len() > 200).count();
        assert_eq!(ours, 0, "frames of a circuit that has other tags now");
    }
    daemon.stop()?;
    disk.repair()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn detach_closes_the_books_or_detaches_nothing() -> Result<()> {
    if !root_or_skip("detach_closes_the_books_or_detaches_nothing") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut disk = Disk::new()?;
    let ends = Ends::open(&lab)?;
    let pass = |frames: usize| -> Result<()> {
        let sent = frame_of(FRAME)?;
        (0..frames).try_for_each(|_| ends.customer.0.send(&sent))?;
        assert_eq!(ends.core.1.collect(frames, PATIENCE)?.len(), frames);
        Ok(())
    };
    let daemon = Daemon::start(&lab, &config())?;
    pass(10)?;
    daemon.kill()?;
    pass(10)?;
    detach(&lab)?;
    assert_eq!(booked()?, received(&lab)?);
    assert!(versions()?.is_empty());

    // A disk that can't be written.
    let daemon = Daemon::start(&lab, &config())?;
    pass(10)?;
    daemon.kill()?;
    disk.set_read_only(true)?;
    let refused = edge(&lab, &["detach", "-c", CONFIG_PATH])?;
    let said = String::from_utf8(refused.stderr)?;
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("nothing was detached") && said.contains("--discard"), "{said}");
    pass(10)?;
    disk.repair()?;
    detach(&lab)?;
    assert_eq!(booked()?, received(&lab)?);

    // With `--discard` it does.
    let daemon = Daemon::start(&lab, &config())?;
    pass(10)?;
    daemon.kill()?;
    disk.set_read_only(true)?;
    let discarded = edge(&lab, &["detach", "--discard", "-c", CONFIG_PATH])?;
    let said = String::from_utf8(discarded.stderr)?;
    assert_eq!(discarded.status.code(), Some(0), "{said}");
    assert!(versions()?.is_empty());
    disk.repair()
}

/// Counters are booked once, wherever `edge detach` or a takeover is killed.
#[test]
fn a_detach_that_is_killed_books_nothing_twice() -> Result<()> {
    if !root_or_skip("a_detach_that_is_killed_books_nothing_twice") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let ends = Ends::open(&lab)?;
    let pass = || -> Result<()> {
        let sent = frame_of(FRAME)?;
        (0..10).try_for_each(|_| ends.customer.0.send(&sent))?;
        assert_eq!(ends.core.1.collect(10, PATIENCE)?.len(), 10);
        Ok(())
    };
    for moment in 0..10 {
        let daemon = Daemon::start(&lab, &config())?;
        pass()?;
        daemon.kill()?;
        let mut detaching =
            lab.edge().command(edge_binary()).args(["detach", "-c", CONFIG_PATH]).spawn()?;
        thread::sleep(Duration::from_millis(10 + 8 * moment));
        detaching.kill()?;
        detaching.wait()?;
    }
    let daemon = Daemon::start(&lab, &config())?;
    pass()?;
    book()?;
    assert_eq!(booked()?, received(&lab)?);
    daemon.stop()?;

    // Between the last booking and the removal of the first table.
    let pins = Pins::new(Path::new(PIN_DIR));
    Books::open(&pins)?.context("the books")?.close();
    let daemon = Daemon::start(&lab, &config())?;
    pass()?;
    book()?;
    assert_eq!(booked()?, received(&lab)?);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// Builds both executables before frames are sent, as that takes a minute.
fn build_both() {
    let _both = [binary(false), binary(true)];
}

fn binary(is_other: bool) -> &'static Path {
    if is_other { other_layout_binary() } else { edge_binary() }
}

/// The versions that have pins.
fn versions() -> Result<BTreeSet<String>> {
    let Ok(entries) = fs::read_dir(PIN_DIR) else { return Ok(BTreeSet::new()) };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
