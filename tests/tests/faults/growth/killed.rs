//! A daemon is killed at any moment of a reload, or of a start, that makes other tables.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    daemon::{Daemon, configure, edge_binary, reload},
    ends::lab,
    frames::{frame, ipv4},
    load::{Sent, check_all, under_load},
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::{Lab, raw::RawSender, root_or_skip},
};

use super::config::{only_set, with_others, with_unmatched};

const MOMENTS: u32 = 8;
/// A circuit that is offered far more than its rate all the time.
const SLOW_BPS: u64 = 64_000;
const SLOW_BURST_BYTES: u64 = 80_000;
const SLOW_TAGS: (u16, u16) = (4000, 1);

/// Configurations of which each needs other tables than the one before: by turns for what ports do,
/// and for their size.
fn config(round: u32) -> Sample {
    let (s_tag, c_tag) = SLOW_TAGS;
    let slow = SampleCircuit::new("slow", SLOW_BPS).key("burst", SLOW_BURST_BYTES);
    let others = if round.is_multiple_of(4) { 40 << (round / 4) } else { 0 };
    let config = with_others(others, others.max(1));
    let config = config.circuit(slow.s_tag(s_tag).peering("private", c_tag));
    with_unmatched(config, !round.is_multiple_of(2))
}

#[test]
fn a_reload_that_is_killed_anywhere_loses_nothing() -> Result<()> {
    if !root_or_skip("a_reload_that_is_killed_anywhere_loses_nothing") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut daemon = Daemon::start(&lab, &config(0))?;
    let (sent, daemon) = under_both_loads(&lab, || {
        let started = Instant::now();
        configure(&config(1))?;
        reload()?;
        let length = started.elapsed();
        for moment in 0..MOMENTS {
            configure(&config(moment + 2))?;
            let reloading = thread::spawn(reload);
            thread::sleep(length * moment / (MOMENTS - 1));
            daemon.kill()?;
            // Its answer, or that there is none.
            let _killed = reloading.join();
            // The configuration in effect is the new one or the one before.
            daemon = Daemon::start(&lab, &config(moment + 2 - moment % 2))?;
        }
        Ok(daemon)
    })?;
    only_set(&daemon)?;
    check_all(&lab, sent, daemon)
}

#[test]
fn a_start_that_is_killed_anywhere_loses_nothing() -> Result<()> {
    if !root_or_skip("a_start_that_is_killed_anywhere_loses_nothing") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut daemon = Daemon::start(&lab, &config(0))?;
    let (sent, daemon) = under_both_loads(&lab, || {
        daemon.kill()?;
        let started = Instant::now();
        daemon = Daemon::start(&lab, &config(1))?;
        let length = started.elapsed();
        for moment in 0..MOMENTS {
            daemon.kill()?;
            configure(&config(moment + 2))?;
            let starting = Daemon::spawn(&lab, edge_binary())?;
            thread::sleep(length * moment / (MOMENTS - 1));
            starting.kill()?;
            daemon = Daemon::start(&lab, &config(moment + 2 - moment % 2))?;
        }
        Ok(daemon)
    })?;
    only_set(&daemon)?;
    check_all(&lab, sent, daemon)
}

/// The load that arrives, and a load far above its circuit's rate, of which no more may pass than
/// its burst, once, and the rate.
fn under_both_loads(
    lab: &Lab,
    work: impl FnOnce() -> Result<Daemon>,
) -> Result<([Sent; 2], Daemon)> {
    let end = lab.far_end("customer0")?;
    let sender = RawSender::open(end.ns(), end.interface())?;
    let is_over = AtomicBool::new(false);
    let started = Instant::now();
    let done = thread::scope(|scope| {
        let offering = scope.spawn(|| -> Result<()> {
            let (s_vid, c_vid) = SLOW_TAGS;
            let sent = frame(&[(0x88a8, s_vid), (0x8100, c_vid)], 0x0800, &ipv4(0, 1500));
            while !is_over.load(Ordering::Relaxed) {
                sender.send(&sent)?;
                thread::sleep(Duration::from_millis(2));
            }
            Ok(())
        });
        let done = under_load(lab, work);
        is_over.store(true, Ordering::Relaxed);
        offering.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        done
    })?;
    ensure!(lab.settle(Duration::from_secs(5))?, "frames are under way");
    let (s_vid, c_vid) = SLOW_TAGS;
    let passed = lab.far_end("core0")?.received()?.tagged(s_vid, c_vid).bytes;
    let bits = started.elapsed().as_nanos() * u128::from(SLOW_BPS) / 1_000_000_000;
    let granted = SLOW_BURST_BYTES + u64::try_from(bits / 8)? + 1522;
    println!("{passed} of {granted} bytes pass the slow circuit");
    ensure!(passed <= granted, "{passed} bytes pass, {granted} are granted");
    ensure!(passed >= SLOW_BURST_BYTES - 1522, "{passed} bytes pass");
    Some(done).context("done")
}
