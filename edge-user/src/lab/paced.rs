//! UDP frames one after the other at a steady pace, each of which is looked for at the other end: how many are lost, and for
//! how long none comes.

use std::{
    io::ErrorKind,
    net::{SocketAddr, UdpSocket},
    panic,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use nix::sys::socket::{setsockopt, sockopt};

use super::{
    path::{IpFamily, Path},
    running::{RunningTraffic, Stop},
    tcp::set_traffic_class,
};

/// Time between two frames.
pub const PACE: Duration = Duration::from_millis(1);
/// The last frames may be under way for this long.
const DRAIN: Duration = Duration::from_millis(500);
/// A receiver looks whether all is over this often.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of a frame's payload, the first eight of which are its number.
const PAYLOAD_BYTES: usize = 200;
/// A receiver that does not run for a while is to lose nothing by that.
const BUFFER_BYTES: usize = 16 << 20;

/// The result of a stream.
#[derive(Clone, Copy, Debug)]
pub struct PacedReport {
    /// Frames sent, those included for which the sender had no route.
    pub frames: u64,
    /// Frames that arrived.
    pub arrived: u64,
    /// The longest time for which none arrived.
    pub silence: Duration,
    /// Frames behind the last one that arrived.
    pub lost_at_end: u64,
}

impl PacedReport {
    /// Frames that did not arrive.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.frames - self.arrived
    }
}

/// Starts a stream from the path's near end to its far end, which goes on until it is stopped.
pub fn start(path: &Path, family: IpFamily, dscp: u8) -> Result<RunningTraffic<PacedReport>> {
    let sink = path.far.ns.run(|| {
        let sink = UdpSocket::bind(SocketAddr::new(path.far.address(family), 0))?;
        setsockopt(&sink, sockopt::RcvBufForce, &BUFFER_BYTES)?;
        sink.set_read_timeout(Some(LOOK))?;
        Ok(sink)
    })?;
    let to = sink.local_addr()?;
    let socket = path.near.ns.run(|| {
        let socket = UdpSocket::bind(SocketAddr::new(path.near.address(family), 0))?;
        set_traffic_class(&socket, family, dscp << 2)?;
        Ok(socket)
    })?;
    RunningTraffic::start(move |stop| {
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            let receiver = scope.spawn(|| receive(&sink, &is_over));
            let frames = send(&socket, to, stop);
            thread::sleep(DRAIN);
            is_over.store(true, Ordering::Relaxed);
            let seen = receiver.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
            let frames = frames?;
            ensure!(seen.arrived <= frames, "a frame has come twice");
            let (arrived, silence) = (seen.arrived, seen.silence);
            Ok(PacedReport { frames, arrived, silence, lost_at_end: frames - seen.next })
        })
    })
}

/// Whether a frame arrives of a stream that lasts a moment.
pub fn is_open(path: &Path, family: IpFamily, dscp: u8) -> Result<bool> {
    let stream = start(path, family, dscp)?;
    thread::sleep(LOOK);
    stream.stop();
    Ok(stream.join()?.arrived > 0)
}

/// Sends until it is stopped, and returns the number of frames.
fn send(socket: &UdpSocket, to: SocketAddr, stop: &Stop) -> Result<u64> {
    let mut payload = [0x5a; PAYLOAD_BYTES];
    let (mut frames, mut due) = (0u64, Instant::now());
    while !stop.wanted() {
        payload[..8].copy_from_slice(&frames.to_be_bytes());
        frames += 1;
        match socket.send_to(&payload, to) {
            Ok(_) => {}
            // For want of a route, or told so by a router: the frame is lost.
            Err(error) if is_loss(error.kind()) => {}
            Err(error) => return Err(error.into()),
        }
        due += PACE;
        // A sender that was held up does not make up for it.
        due = due.max(Instant::now().checked_sub(PACE).unwrap_or(due));
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    Ok(frames)
}

fn is_loss(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::ConnectionRefused
    )
}

#[derive(Default)]
struct Seen {
    arrived: u64,
    /// The number behind the highest that arrived.
    next: u64,
    silence: Duration,
}

fn receive(sink: &UdpSocket, is_over: &AtomicBool) -> Result<Seen> {
    let (mut seen, mut last) = (Seen::default(), None::<Instant>);
    let mut payload = [0; PAYLOAD_BYTES];
    loop {
        match sink.recv(&mut payload) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if is_over.load(Ordering::Relaxed) {
                    return Ok(seen);
                }
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        let now = Instant::now();
        let silence = last.map_or(Duration::ZERO, |last| now.duration_since(last));
        seen.silence = seen.silence.max(silence);
        last = Some(now);
        seen.arrived += 1;
        let number = payload.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        seen.next = seen.next.max(number + 1);
    }
}
