//! Frames of every circuit from every far end, until they are stopped.

use std::{
    collections::BTreeSet,
    panic,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};
use edge_user::lab::{Lab, WireCount, raw::RawSender};
use nix::errno::Errno;

use super::{
    chance::Chance,
    groups::{GROUPS, UNCLAIMED},
    wires::WIRES,
};
use crate::frames::{frame, ipv4, ipv6};

const TICK: Duration = Duration::from_micros(500);
/// The most frames that a sender sends at once after it was held up.
const BURST: u64 = 64;

/// The source address of every frame begins so, and ends with the number of the wire.
pub const SENDERS: [u8; 5] = [2, 0, 0, 0, 0x5e];

/// A sender at each far end, by wire.
pub struct Traffic(Vec<Sender>);

struct Sender {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<()>>>,
}

struct Shared {
    /// Opened anew where a cable is laid anew.
    socket: Mutex<RawSender>,
    stop: AtomicBool,
    pause: AtomicBool,
    is_paused: AtomicBool,
    frames: AtomicU64,
    /// Those that the far end's own queue had no room for: counted as offered, and on no wire.
    unsent_frames: AtomicU64,
    unsent_bytes: AtomicU64,
}

impl Traffic {
    /// Starts to send `frames_per_s` from each far end.
    pub fn start(lab: &Lab, seed: u64, frames_per_s: u64) -> Result<Self> {
        let mut senders = Vec::new();
        for (number, wire) in (0..).zip(WIRES) {
            let shared = Arc::new(Shared {
                socket: Mutex::new(socket(lab, wire.name)?),
                stop: AtomicBool::new(false),
                pause: AtomicBool::new(false),
                is_paused: AtomicBool::new(false),
                frames: AtomicU64::new(0),
                unsent_frames: AtomicU64::new(0),
                unsent_bytes: AtomicU64::new(0),
            });
            let theirs = Arc::clone(&shared);
            let chance = Chance::new(seed ^ (u64::from(number) + 1));
            let thread = thread::Builder::new()
                .name(format!("from-{}", wire.name))
                .spawn(move || send(&theirs, &all_frames(number), chance, frames_per_s))?;
            senders.push(Sender { shared, thread: Some(thread) });
        }
        Ok(Self(senders))
    }

    /// Has the far end of a wire send nothing, and waits until it does.
    pub fn pause(&self, wire: usize) {
        let shared = &self.0[wire].shared;
        // Of a pause before, which the sender may not know to be over.
        shared.is_paused.store(false, Ordering::Release);
        shared.pause.store(true, Ordering::Release);
        while !shared.is_paused.load(Ordering::Acquire) && !self.has_ended(wire) {
            thread::sleep(TICK);
        }
    }

    /// Has it go on.
    pub fn resume(&self, wire: usize) {
        self.0[wire].shared.pause.store(false, Ordering::Relaxed);
    }

    /// Has it send by the interface that the far end has now.
    pub fn open_again(&self, lab: &Lab, wire: usize) -> Result<()> {
        let opened = socket(lab, WIRES[wire].name)?;
        *self.0[wire].shared.socket.lock().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(())
    }

    /// Frames that a far end has sent.
    #[must_use]
    pub fn sent(&self, wire: usize) -> u64 {
        self.0[wire].shared.frames.load(Ordering::Relaxed)
    }

    /// Frames that a far end's own queue had no room for.
    #[must_use]
    pub fn unsent(&self, wire: usize) -> WireCount {
        let shared = &self.0[wire].shared;
        WireCount {
            frames: shared.unsent_frames.load(Ordering::Relaxed),
            bytes: shared.unsent_bytes.load(Ordering::Relaxed),
        }
    }

    /// Ends it all; counts can still be asked for.
    pub fn stop(&mut self) -> Result<()> {
        for sender in &self.0 {
            sender.shared.stop.store(true, Ordering::Relaxed);
        }
        for sender in &mut self.0 {
            if let Some(thread) = sender.thread.take() {
                thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
            }
        }
        Ok(())
    }

    fn has_ended(&self, wire: usize) -> bool {
        self.0[wire].thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        for sender in &mut self.0 {
            sender.shared.stop.store(true, Ordering::Relaxed);
            if let Some(thread) = sender.thread.take() {
                let _whatever_became_of_it = thread.join();
            }
        }
    }
}

fn socket(lab: &Lab, wire: &str) -> Result<RawSender> {
    let end = lab.far_end(wire)?;
    RawSender::open(end.ns(), end.interface())
}

fn send(shared: &Shared, frames: &[Vec<u8>], mut chance: Chance, per_s: u64) -> Result<()> {
    let mut started = Instant::now();
    let mut sent = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        if shared.pause.load(Ordering::Acquire) {
            shared.is_paused.store(true, Ordering::Release);
            thread::sleep(TICK);
            (started, sent) = (Instant::now(), 0);
            continue;
        }
        shared.is_paused.store(false, Ordering::Release);
        let due = u64::try_from(started.elapsed().as_micros())? * per_s / 1_000_000;
        if due <= sent {
            thread::sleep(TICK);
            continue;
        }
        if due - sent > BURST {
            (started, sent) = (Instant::now(), 0);
        }
        let socket = shared.socket.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..(due.saturating_sub(sent)).min(BURST) {
            let place = usize::try_from(chance.below(frames.len() as u64))?;
            send_one(&socket, shared, &frames[place])?;
            sent += 1;
        }
    }
    Ok(())
}

fn send_one(socket: &RawSender, shared: &Shared, frame: &[u8]) -> Result<()> {
    match socket.send(frame) {
        Ok(()) => {
            shared.frames.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
        Err(error) if is_no_room(&error) => {
            shared.unsent_frames.fetch_add(1, Ordering::Relaxed);
            shared.unsent_bytes.fetch_add(frame.len() as u64, Ordering::Relaxed);
            Ok(())
        }
        Err(error) => Err(anyhow!(error).context("the traffic of the test")),
    }
}

fn is_no_room(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<Errno>() == Some(&Errno::ENOBUFS))
}

/// The frames that a wire's far end sends, each as often as any other: every circuit's tags, both
/// versions of IP, every class, small and large; the tags of `beta` four times, as it is to be
/// above its rate.
fn all_frames(wire: u8) -> Vec<Vec<u8>> {
    let mut claimed: Vec<(u16, u16)> = Vec::new();
    let mut seen = BTreeSet::new();
    for group in &GROUPS {
        let times = if group.names[0] == "beta" { 4 } else { 1 };
        // Tags that several have, on one wire or another, are sent on every wire.
        for tags in group.tags.iter().filter(|tags| seen.insert(**tags)) {
            claimed.extend(std::iter::repeat_n(*tags, times));
        }
    }
    let mut frames = Vec::new();
    for (s_vid, c_vid) in claimed.into_iter().chain([UNCLAIMED]) {
        let tags = [(0x88a8, s_vid), (0x8100, c_vid | 0x4000)];
        let tags = if s_vid == 0 { &tags[1..] } else { &tags[..] };
        for (number, len) in (0..).zip([46u16, 61, 222, 577, 1000, 1500]) {
            for dscp in [46u8, 18, 0] {
                let ds = dscp << 2;
                frames.push(match (number + dscp) % 3 {
                    0 => frame(tags, 0x86dd, &ipv6(ds, len.max(48))),
                    _ => frame(tags, 0x0800, &ipv4(ds, len)),
                });
            }
        }
        frames.push(frame(tags, 0x0806, &[7; 46]));
    }
    for frame in &mut frames {
        frame[6..11].copy_from_slice(&SENDERS);
        frame[11] = wire;
    }
    frames
}
