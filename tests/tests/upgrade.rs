//! A version with tables of another layout takes over under load, is killed at it, and goes back;
//! and what `edge detach` does about the last of the counters.

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
    daemon::{CONFIG_PATH, Daemon, book, detach, edge, edge_binary, other_layout_binary, status},
    ends::{Ends, PORTS, lab},
    faults::disk::{Disk, STATE_DIR},
    frames::{frame, ipv4},
    guest::is_emulated,
    lab_config,
};
use edge_user::{
    dataplane::{Pins, books::Books},
    lab::{
        Lab,
        raw::{RawCollector, RawSender},
        root_or_skip,
    },
    ledger::{Grain, Ledger, UsageQuery},
};

const CONFIG: &str = lab_config!(
    r#"[ledger]
checkpoint = "1s"
[[circuit]]
name = "contoso"
bandwidth = "10 Gbps"
s_tag = 100
  [[circuit.peering]]
  kind = "private"
  c_tag = 10
"#
);
const TAGS: [(u16, u16); 2] = [(0x88a8, 100), (0x8100, 10)];
const PIN_DIR: &str = "/sys/fs/bpf/edge";
/// The longest time that old tables may stay and frames be under way.
fn patience() -> Duration {
    Duration::from_secs(if is_emulated() { 60 } else { 5 })
}
/// The length of one look for frames.
const QUIET: Duration = Duration::from_millis(50);
/// Between two frames of one direction.
const GAP: Duration = Duration::from_micros(400);

#[test]
fn a_takeover_loses_no_frame() -> Result<()> {
    if !root_or_skip("a_takeover_loses_no_frame") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, CONFIG)?;
    let versions = versions()?;
    let sent = under_load(&lab, || {
        let mut daemon = daemon;
        let binaries = [other_layout_binary(), edge_binary()];
        for (number, binary) in binaries.into_iter().cycle().take(4).enumerate() {
            if number < 2 {
                daemon.stop()?;
            } else {
                daemon.kill()?;
            }
            daemon = Daemon::start_as(&lab, binary, CONFIG)?;
            // The old tables go when they are booked.
            let deadline = Instant::now() + patience();
            while self::versions()?.len() > 1 && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(10));
            }
            let now = self::versions()?;
            assert_eq!(now.len(), 1, "{now:?}");
            assert_eq!(now == versions, number % 2 == 1, "{now:?}");
        }
        Ok(daemon)
    })?;
    check(&lab, sent)
}

#[test]
fn a_takeover_that_is_killed_anywhere_loses_nothing() -> Result<()> {
    if !root_or_skip("a_takeover_that_is_killed_anywhere_loses_nothing") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, CONFIG)?;
    let sent = under_load(&lab, || {
        let mut daemon = daemon;
        let mut is_other = false;
        for moment in 0..12u64 {
            daemon.kill()?;
            is_other = !is_other;
            let taking_over = Daemon::spawn(&lab, binary(is_other))?;
            thread::sleep(Duration::from_millis(20 + 35 * moment));
            taking_over.kill()?;
            // Whoever comes next finds two sets of tables, perhaps.
            is_other ^= moment % 3 == 0;
            daemon = Daemon::start_as(&lab, binary(is_other), CONFIG)?;
        }
        Ok(daemon)
    })?;
    check(&lab, sent)
}

#[test]
fn a_takeover_whose_books_cant_be_kept_loses_nothing() -> Result<()> {
    if !root_or_skip("a_takeover_whose_books_cant_be_kept_loses_nothing") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut disk = Disk::new()?;
    let daemon = Daemon::start(&lab, CONFIG)?;
    let sent = under_load(&lab, || {
        let mut daemon = daemon;
        daemon.kill()?;
        disk.set_read_only(true)?;
        for is_other in [true, false, true] {
            daemon = Daemon::start_as(&lab, binary(is_other), CONFIG)?;
            assert_eq!(versions()?.len(), 2, "no table goes that is not booked");
            thread::sleep(Duration::from_millis(200));
            daemon.kill()?;
        }
        disk.repair()?;
        Daemon::start_as(&lab, binary(true), CONFIG)
    })?;
    check(&lab, sent)
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
        let sent = frame(&TAGS, 0x0800, &ipv4(0, 300));
        (0..frames).try_for_each(|_| ends.customer.0.send(&sent))?;
        assert_eq!(ends.core.1.collect(frames, patience())?.len(), frames);
        Ok(())
    };
    let daemon = Daemon::start(&lab, CONFIG)?;
    pass(10)?;
    daemon.kill()?;
    pass(10)?;
    detach(&lab)?;
    assert_eq!(booked()?, received(&lab)?);
    assert!(versions()?.is_empty());

    // A disk that can't be written.
    let daemon = Daemon::start(&lab, CONFIG)?;
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

    // Unless it may.
    let daemon = Daemon::start(&lab, CONFIG)?;
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
        let sent = frame(&TAGS, 0x0800, &ipv4(0, 300));
        (0..10).try_for_each(|_| ends.customer.0.send(&sent))?;
        assert_eq!(ends.core.1.collect(10, patience())?.len(), 10);
        Ok(())
    };
    for moment in 0..10 {
        let daemon = Daemon::start(&lab, CONFIG)?;
        pass()?;
        daemon.kill()?;
        let mut detaching =
            lab.edge().command(edge_binary()).args(["detach", "-c", CONFIG_PATH]).spawn()?;
        thread::sleep(Duration::from_millis(10 + 8 * moment));
        detaching.kill()?;
        detaching.wait()?;
    }
    let daemon = Daemon::start(&lab, CONFIG)?;
    pass()?;
    book()?;
    assert_eq!(booked()?, received(&lab)?);
    daemon.stop()?;

    // Between the last booking and the removal of the first table.
    let pins = Pins::new(Path::new(PIN_DIR));
    Books::open(&pins)?.context("the books")?.close();
    let daemon = Daemon::start(&lab, CONFIG)?;
    pass()?;
    book()?;
    assert_eq!(booked()?, received(&lab)?);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

fn binary(is_other: bool) -> &'static Path {
    if is_other { other_layout_binary() } else { edge_binary() }
}

/// Frames that an end sent, and those of them that arrived.
#[derive(Debug)]
struct Sent {
    frames: u64,
    arrived: u64,
}

/// Sends frames from both ends, each with its number, as long as `work` takes.
fn under_load(lab: &Lab, work: impl FnOnce() -> Result<Daemon>) -> Result<([Sent; 2], Daemon)> {
    // What takes a minute to build takes it before.
    let _both = [binary(false), binary(true)];
    let ends = Ends::open(lab)?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (over, ends) = (&is_over, &ends);
        let ways = [(&ends.customer.0, &ends.core.1), (&ends.core.0, &ends.customer.1)];
        let senders = ways.map(|(to, from)| scope.spawn(move || send(to, from, over)));
        let worked = work();
        is_over.store(true, Ordering::Relaxed);
        let [first, second] = senders
            .map(|sender| sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        Ok(([first?, second?], worked?))
    })
}

fn send(to: &RawSender, from: &RawCollector, is_over: &AtomicBool) -> Result<Sent> {
    let mut number: u32 = 0;
    let mut arrived = BTreeSet::new();
    let numbered = |number: u32| {
        let mut packet = ipv4(0, 200);
        packet[100..104].copy_from_slice(&number.to_be_bytes());
        frame(&TAGS, 0x0800, &packet)
    };
    let number_at = numbered(0).len() - 100;
    let mut take = |frames: usize, wait| -> Result<usize> {
        let taken = from.collect(frames, wait)?;
        for frame in &taken {
            if let Some(number) = frame.get(number_at..).and_then(|rest| rest.first_chunk()) {
                arrived.insert(u32::from_be_bytes(*number));
            }
        }
        Ok(arrived.len())
    };
    let mut arrived_so_far = 0;
    while !is_over.load(Ordering::Relaxed) {
        to.send(&numbered(number))?;
        number += 1;
        thread::sleep(GAP);
        if number.is_multiple_of(100) {
            // Most of what is not taken yet, so that the socket's buffer never runs over, and so that
            // no look waits for frames that are still under way.
            let outstanding = number as usize - arrived_so_far;
            arrived_so_far = take(outstanding.saturating_sub(20), QUIET)?;
        }
    }
    let sent = usize::try_from(number)?;
    // Until all are there, or nothing has come for so long that nothing will.
    let mut arrived = take(1, QUIET)?;
    let mut last = Instant::now();
    while arrived < sent && last.elapsed() < QUIET * 40 {
        let before = arrived;
        arrived = take(1, QUIET)?;
        if arrived != before {
            last = Instant::now();
        }
    }
    Ok(Sent { frames: number.into(), arrived: u64::try_from(arrived)? })
}

/// Every frame has arrived, and wire, ledger and counters are the same; then all of it ends.
///
/// An emulated machine is not fast enough for its cables, so that frames may be missing there. Each
/// of those is one that the sender's interface, or the edge's, has counted.
fn check(lab: &Lab, (sent, daemon): ([Sent; 2], Daemon)) -> Result<()> {
    book().with_context(|| daemon.said())?;
    assert_eq!(booked()?, received(lab)?, "ledger and wire");
    let status = status()?;
    let peerings = &status.circuits[0].peerings;
    for (port, Sent { frames, arrived }) in PORTS.into_iter().zip(sent) {
        let counted = status.ports.iter().find(|counted| counted.name == port).context(port)?;
        let reason = |name| counted.reasons.get(name).copied().unwrap_or(0);
        let (unsent, refused) = (lab.unsent_frames(port)?, reason("egress-refused"));
        println!("{port}: {frames} sent, {unsent} unsent, {refused} refused, {arrived} arrived");
        assert!(is_emulated() || unsent + refused == 0, "{unsent} unsent and {refused} refused");
        assert_eq!(arrived + unsent + refused, frames, "port {port}: {:?}", counted.reasons);
        assert_eq!(reason("ok"), arrived, "port {port}: {:?}", counted.reasons);
        let peering = peerings.iter().find(|peering| peering.port == port).context(port)?;
        assert_eq!(peering.total.forwarded_frames, arrived, "peering on {port}");
    }
    let problems = Ledger::open(Path::new(STATE_DIR))?.check()?;
    assert!(problems.is_empty(), "{problems:?}");
    daemon.stop()?;
    detach(lab).map(drop)
}

/// What came off the wire with the circuit's tags, at both ends: frames and bytes.
fn received(lab: &Lab) -> Result<(u64, u64)> {
    let mut sum = (0, 0);
    for port in PORTS {
        let count = lab.far_end(port)?.received()?.tagged(100, 10);
        sum = (sum.0 + count.frames, sum.1 + count.bytes);
    }
    Ok(sum)
}

/// What the ledger has.
fn booked() -> Result<(u64, u64)> {
    let query = UsageQuery { grain: Grain::Total, ..UsageQuery::default() };
    let usage = Ledger::open_read_only(Path::new(STATE_DIR))?.usage(&query)?;
    Ok(usage.iter().fold((0, 0), |sum, record| (sum.0 + record.frames, sum.1 + record.bytes)))
}

/// The versions that have pins.
fn versions() -> Result<BTreeSet<String>> {
    let Ok(entries) = fs::read_dir(PIN_DIR) else { return Ok(BTreeSet::new()) };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
