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
    guest::is_emulated,
};

/// The tags of the frames: S-VID 100, C-VID 10.
const TAGS: [(u16, u16); 2] = [(0x88a8, 100), (0x8100, 10)];
/// The length of one look for frames.
const QUIET: Duration = Duration::from_millis(50);
/// Between two frames of one direction.
const GAP: Duration = Duration::from_micros(400);
/// A machine that keeps a thread from its CPU for so long may do so to the kernel's thread that takes frames from a cable, too,
/// which then has no room for more: 256 frames are 100 ms.
const STANDS_STILL: Duration = Duration::from_millis(50);
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
    /// The longest time by which the sender's thread, which had slept, was kept from its CPU.
    pub kept_waiting: Duration,
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
    let mut arrived_so_far = 0;
    let mut kept_waiting = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        to.send(&numbered(number))?;
        number += 1;
        let slept = Instant::now();
        thread::sleep(GAP);
        kept_waiting = kept_waiting.max(slept.elapsed().saturating_sub(GAP));
        if number.is_multiple_of(100) {
            // It takes most of the waiting frames, so that the socket's buffer never runs over, and
            // so that no look waits for frames that are still under way.
            let outstanding = number as usize - arrived_so_far;
            arrived_so_far = take(outstanding.saturating_sub(20), QUIET)?;
        }
    }
    let sent = usize::try_from(number)?;
    // It waits until all are there, or until none has come for so long that none will.
    let mut arrived = take(1, QUIET)?;
    let mut last = Instant::now();
    while arrived < sent && last.elapsed() < QUIET * 40 {
        let before = arrived;
        arrived = take(1, QUIET)?;
        if arrived != before {
            last = Instant::now();
        }
    }
    Ok(Sent { frames: number.into(), arrived: u64::try_from(arrived)?, kept_waiting })
}

/// Every frame has arrived, and wire, ledger and counters are the same; then all of it ends.
///
/// An emulated machine is not fast enough for its cables, and neither is one that stands still at times, so that frames may
/// be missing there. Each of those is one that the sender's interface, or the edge's, has counted.
pub fn check_all(lab: &Lab, sent: [Sent; 2], daemon: Daemon) -> Result<()> {
    book().with_context(|| daemon.said())?;
    ensure!(booked()? == received(lab)?, "ledger {:?} and wire {:?}", booked()?, received(lab)?);
    let status = status()?;
    let peerings = &status.circuits[0].peerings;
    let kept_waiting = sent.iter().map(|sent| sent.kept_waiting).max().unwrap_or_default();
    let is_slow = is_emulated() || kept_waiting >= STANDS_STILL;
    for (port, Sent { frames, arrived, .. }) in PORTS.into_iter().zip(sent) {
        let counted = status.ports.iter().find(|counted| counted.name == port).context(port)?;
        let reason = |name| counted.reasons.get(name).copied().unwrap_or(0);
        let (unsent, refused) = (lab.unsent_frames(port)?, reason("egress-refused"));
        let reasons = &counted.reasons;
        println!(
            "{port}: {frames} sent, {unsent} unsent, {refused} refused, {arrived} arrived, {kept_waiting:?}"
        );
        ensure!(
            is_slow || unsent + refused == 0,
            "{unsent} unsent and {refused} refused, though no thread waited for more than {kept_waiting:?}"
        );
        ensure!(
            arrived + unsent + refused == frames,
            "port {port}: {arrived} of {frames} arrived: {reasons:?}\n{}",
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
