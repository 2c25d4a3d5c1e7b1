//! UDP at a given rate, without regard to losses.

use std::{
    io::{ErrorKind, IoSlice},
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd as _,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, MultiHeaders, sendmmsg},
};

use super::{
    path::{IpFamily, Path},
    running::{RunningTraffic, Stop},
    tcp::set_traffic_class,
};

const ETHERNET_BYTES: usize = 14;
const UDP_BYTES: usize = 8;
/// Frames handed to the kernel in one call.
const BATCH: usize = 32;
/// Time between two looks for frames that are due.
const TICK: Duration = Duration::from_micros(500);
/// A blocked sender looks at the time this often.
const BLOCKED: Duration = Duration::from_millis(50);
/// The receiver's socket outlives the flood by this time: without a socket, ICMP would answer a
/// frame.
const DRAIN: Duration = Duration::from_millis(100);

/// A flood.
#[derive(Clone, Copy, Debug)]
pub struct UdpLoad {
    /// IPv4 or IPv6.
    pub family: IpFamily,
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// Frame length on the wire: Ethernet header and tags in, FCS out.
    pub frame_bytes: usize,
    /// Offered rate in bit/s, of frames of that length.
    pub rate_bps: u64,
    /// The time for which it sends.
    pub duration: Duration,
}

/// The result of a flood at its sender. The wire's counts have the frames that arrived.
#[derive(Clone, Copy, Debug)]
pub struct UdpReport {
    /// Frames sent.
    pub frames: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Time from the first frame to the last.
    pub elapsed: Duration,
}

/// Starts a flood from the path's near end to its far end.
pub fn start(path: &Path, load: UdpLoad) -> Result<RunningTraffic<UdpReport>> {
    let headers = ETHERNET_BYTES + path.tags.bytes() + load.family.header_bytes() + UDP_BYTES;
    let payload_bytes = load
        .frame_bytes
        .checked_sub(headers)
        .with_context(|| format!("frames of this path have at least {headers} bytes"))?;
    ensure!(load.rate_bps > 0, "a flood needs a rate");
    let sink = path
        .far
        .ns
        .run(|| Ok(UdpSocket::bind(SocketAddr::new(path.far.address(load.family), 0))?))?;
    let to = sink.local_addr()?;
    let socket = path.near.ns.run(|| {
        let socket = UdpSocket::bind(SocketAddr::new(path.near.address(load.family), 0))?;
        set_traffic_class(&socket, load.family, load.traffic_class)?;
        socket.connect(to)?;
        socket.set_write_timeout(Some(BLOCKED))?;
        Ok(socket)
    })?;
    RunningTraffic::start(move |stop| {
        let report = flood(&socket, &vec![0x5a; payload_bytes], load, stop);
        thread::sleep(DRAIN);
        // No thread reads the socket: the kernel drops frames beyond its room.
        drop(sink);
        report
    })
}

fn flood(socket: &UdpSocket, payload: &[u8], load: UdpLoad, stop: &Stop) -> Result<UdpReport> {
    let frame_bytes = load.frame_bytes as u64;
    let payload = [IoSlice::new(payload)];
    let batch = [payload; BATCH];
    let mut headers = MultiHeaders::<()>::preallocate(BATCH, None);
    let start = Instant::now();
    let mut frames: u64 = 0;
    while !stop.wanted() {
        let elapsed = start.elapsed();
        if elapsed >= load.duration {
            break;
        }
        let due = frames_due(elapsed, load.rate_bps, frame_bytes).saturating_sub(frames);
        if due == 0 {
            thread::sleep(TICK);
            continue;
        }
        let count = usize::try_from(due).map_or(BATCH, |due| due.min(BATCH));
        frames += send(socket, &mut headers, &batch[..count])?;
    }
    Ok(UdpReport { frames, bytes: frames * frame_bytes, elapsed: start.elapsed() })
}

/// Number of frames that the rate allows in a time.
fn frames_due(elapsed: Duration, rate_bps: u64, frame_bytes: u64) -> u64 {
    let bits = elapsed.as_nanos() * u128::from(rate_bps) / 1_000_000_000;
    u64::try_from(bits / u128::from(frame_bytes * 8)).unwrap_or(u64::MAX)
}

fn send(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<()>,
    batch: &[[IoSlice<'_>; 1]],
) -> Result<u64> {
    let addresses = [None; BATCH];
    let sent = sendmmsg(
        socket.as_raw_fd(),
        headers,
        batch,
        &addresses[..batch.len()],
        [],
        MsgFlags::empty(),
    );
    match sent {
        Ok(results) => Ok(results.count() as u64),
        // The socket or the queue has no room: the frames are sent later.
        Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => Ok(0),
        Err(error) => {
            let error: std::io::Error = error.into();
            ensure!(error.kind() != ErrorKind::ConnectionRefused, "the flood's receiver is gone");
            Err(error).context("cannot send UDP through the lab")
        }
    }
}
