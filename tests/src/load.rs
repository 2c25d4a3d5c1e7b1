//! Frames of one circuit, which both ends of a lab send as long as some other work lasts. Each
//! frame has a number, so that a missing or changed one shows.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_user::{
    billing::ledger::{Grain, Ledger, UsageQuery},
    config::sample::Sample,
    lab::{
        Lab,
        raw::{RawCollector, RawSender},
    },
};

use crate::{
    daemon::{Daemon, book, detach, status},
    ends::{Ends, PORTS, contoso},
    faults::disk::STATE_DIR,
    frames::{frame, ipv4},
};

/// The tags of the frames: S-VID 100, C-VID 10.
const TAGS: [(u16, u16); 2] = [(0x88a8, 100), (0x8100, 10)];
/// The length of one look for frames.
const QUIET: Duration = Duration::from_millis(50);
/// Between two frames of one direction.
const GAP: Duration = Duration::from_micros(400);
/// So many frames of a direction are under way at most: far fewer than the 256 that a cable has room for. A machine that keeps
/// the kernel's thread from its CPU, which takes frames from a cable, makes a sender wait; no frame is without room for it.
const UNDER_WAY: usize = 100;
/// The sender looks for what has arrived each time that it has sent so many.
const LOOK: u32 = 20;
/// Frames that have not come for so long won't come.
const GIVE_UP: Duration = Duration::from_secs(2);
/// Where a frame has its number.
const NUMBER_AT: usize = 122;

/// Ports, ledger, and the circuit of the frames.
pub fn config() -> Sample {
    Sample::lab().ledger("checkpoint", "1s").circuit(contoso().key("bandwidth", "10 Gbps"))
}

/// Frames that an end sent, and those of them that arrived.
#[derive(Debug)]
pub struct Sent {
    /// Sent.
    pub frames: u64,
    /// Arrived at the other end.
    pub arrived: u64,
}

/// Sends frames from both ends as long as `work` takes, and returns their counts, by the ports that
/// they were sent to.
pub fn under_load<T>(lab: &Lab, work: impl FnOnce() -> Result<T>) -> Result<([Sent; 2], T)> {
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

fn numbered(number: u32) -> Vec<u8> {
    let mut frame = frame(&TAGS, 0x0800, &ipv4(10 << 2, 200));
    frame[NUMBER_AT..NUMBER_AT + 4].copy_from_slice(&number.to_be_bytes());
    frame
}

fn send(to: &RawSender, from: &RawCollector, is_over: &AtomicBool) -> Result<Sent> {
    let mut number: u32 = 0;
    let mut arrived = BTreeSet::new();
    let len_bytes = numbered(0).len();
    let mut take = |frames: usize, wait| -> Result<usize> {
        // Frames of others have other lengths, or don't end as ours.
        let taken = from.collect(frames, wait)?;
        for taken in taken.iter().filter(|taken| taken.len() == len_bytes) {
            let number = taken[NUMBER_AT..].first_chunk().context("a frame as long as ours")?;
            let number = u32::from_be_bytes(*number);
            ensure!(*taken == numbered(number), "a frame is not what was sent: {taken:02x?}");
            ensure!(arrived.insert(number), "frame {number} came twice");
        }
        Ok(arrived.len())
    };
    // It waits until no more than so many are missing, or until none has come for so long that none will.
    let mut wait_for = |sent: usize, missing: usize, so_far: usize| -> Result<usize> {
        let mut arrived = so_far;
        let mut last = Instant::now();
        while arrived + missing < sent && last.elapsed() < GIVE_UP {
            let before = arrived;
            arrived = take(sent - missing - arrived, QUIET)?;
            if arrived != before {
                last = Instant::now();
            }
        }
        Ok(arrived)
    };
    let mut arrived_so_far = 0;
    let mut given_up = 0;
    while !is_over.load(Ordering::Relaxed) {
        to.send(&numbered(number))?;
        number += 1;
        thread::sleep(GAP);
        if number.is_multiple_of(LOOK) {
            let sent = number as usize;
            let missing = UNDER_WAY - LOOK as usize + given_up;
            arrived_so_far = wait_for(sent, missing, arrived_so_far)?;
            // They are missing in the end, but not waited for again.
            given_up += sent.saturating_sub(arrived_so_far + missing);
        }
    }
    let arrived = wait_for(usize::try_from(number)?, 0, arrived_so_far)?;
    Ok(Sent { frames: number.into(), arrived: u64::try_from(arrived)? })
}

/// Every frame has arrived, and wire, ledger and counters are the same; then all of it ends.
pub fn check_all(lab: &Lab, sent: [Sent; 2], daemon: Daemon) -> Result<()> {
    book().with_context(|| daemon.said())?;
    ensure!(booked()? == received(lab)?, "ledger {:?} and wire {:?}", booked()?, received(lab)?);
    let status = status()?;
    let peerings = &status.circuits[0].peerings;
    for (port, Sent { frames, arrived }) in PORTS.into_iter().zip(sent) {
        let counted = status.ports.iter().find(|counted| counted.name == port).context(port)?;
        let reason = |name| counted.reasons.get(name).copied().unwrap_or(0);
        let (unsent, refused) = (lab.unsent_frames(port)?, reason("egress-refused"));
        let reasons = &counted.reasons;
        ensure!(
            arrived == frames,
            "port {port}: {arrived} of {frames} arrived, {unsent} unsent, {refused} refused: {reasons:?}\n{}",
            daemon.said()
        );
        ensure!(reason("ok") >= arrived, "port {port}: {arrived} arrived: {reasons:?}");
        let peering = peerings.iter().find(|peering| peering.port == port).context(port)?;
        let forwarded = peering.total.forwarded_frames;
        ensure!(forwarded == arrived, "peering on {port}: {forwarded}, and {arrived} arrived");
    }
    let problems = Ledger::open(STATE_DIR.as_ref())?.check()?;
    ensure!(problems.is_empty(), "{problems:?}");
    let gaps = Ledger::open_read_only(STATE_DIR.as_ref())?.gaps()?;
    ensure!(gaps.is_empty(), "{gaps:?}");
    daemon.stop()?;
    detach(lab).map(drop)
}

/// Frames and bytes that came off the wire with tags, at both ends.
pub fn received(lab: &Lab) -> Result<(u64, u64)> {
    let mut sum = (0, 0);
    for port in PORTS {
        let count = lab.far_end(port)?.received()?.sum(|key| key.s_vid != 0);
        sum = (sum.0 + count.frames, sum.1 + count.bytes);
    }
    Ok(sum)
}

/// Frames and bytes that the ledger has.
pub fn booked() -> Result<(u64, u64)> {
    let query = UsageQuery { grain: Grain::Total, ..UsageQuery::default() };
    let usage = Ledger::open_read_only(STATE_DIR.as_ref())?.usage(&query)?;
    Ok(usage.iter().fold((0, 0), |sum, record| (sum.0 + record.frames, sum.1 + record.bytes)))
}
