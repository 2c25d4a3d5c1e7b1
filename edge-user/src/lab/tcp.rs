//! Real TCP between far ends.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::{AsFd, AsRawFd as _},
    panic,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, setsockopt, socket, sockopt,
};

use super::{
    path::{IpFamily, Path},
    running::{RunningTraffic, Stop},
};

const CONNECT: Duration = Duration::from_secs(5);
/// Bytes under way at the end may take this much longer to arrive.
const DRAIN: Duration = Duration::from_secs(5);
/// A blocked end looks at the time this often.
const TICK: Duration = Duration::from_millis(50);
const CHUNK_BYTES: usize = 128 << 10;

/// A stream that sends as fast as the path allows.
#[derive(Clone, Copy, Debug)]
pub struct TcpLoad {
    /// IPv4 or IPv6.
    pub family: IpFamily,
    /// DSCP of the packets of both ends.
    pub dscp: u8,
    /// The time for which it sends.
    pub duration: Duration,
}

/// The result of a stream.
#[derive(Clone, Copy, Debug)]
pub struct TcpReport {
    /// Bytes that the sender's stack took.
    pub sent_bytes: u64,
    /// Bytes that the receiver read. Fewer than sent: the stream was cut off while draining.
    pub received_bytes: u64,
    /// Time from the start to the last byte's arrival.
    pub elapsed: Duration,
}

impl TcpReport {
    /// Payload received, in bit/s.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact to 9 petabytes")]
    pub fn goodput_bps(&self) -> f64 {
        self.received_bytes as f64 * 8.0 / self.elapsed.as_secs_f64().max(1e-9)
    }
}

/// Connects from the path's near end to its far end and starts to send.
pub fn start(path: &Path, load: TcpLoad) -> Result<RunningTraffic<TcpReport>> {
    let (sender, receiver) = connection(path, load.family, load.dscp, None)?;
    RunningTraffic::start(move |stop| transfer(&sender, &receiver, load.duration, stop))
}

/// Sender and receiver of a new connection, which never block for longer than a tick. The sender
/// has the kernel's usual congestion control, or this one.
pub(super) fn connection(
    path: &Path,
    family: IpFamily,
    dscp: u8,
    congestion: Option<&str>,
) -> Result<(TcpStream, TcpStream)> {
    let any_port = SocketAddr::new(path.far.address(family), 0);
    let listener = path.far.ns.run(|| {
        let listener = TcpListener::bind(any_port)?;
        set_traffic_class(&listener, family, dscp << 2)?;
        Ok(listener)
    })?;
    let to = listener.local_addr()?;
    let sender = path
        .near
        .ns
        .run(|| connect(to, family, dscp, congestion))
        .with_context(|| format!("no TCP connection to {to} through the lab"))?;
    let (receiver, _) = listener.accept()?;
    for end in [&sender, &receiver] {
        end.set_write_timeout(Some(TICK))?;
        end.set_read_timeout(Some(TICK))?;
        // A reset at the end: a lingering socket would keep the namespace alive.
        setsockopt(end, sockopt::Linger, &libc::linger { l_onoff: 1, l_linger: 0 })?;
    }
    Ok((sender, receiver))
}

/// Sets the IPv4 type of service or IPv6 traffic class of the packets that a socket sends.
pub(super) fn set_traffic_class(socket: &impl AsFd, family: IpFamily, class: u8) -> Result<()> {
    match family {
        IpFamily::V4 => setsockopt(socket, sockopt::Ipv4Tos, &class.into())?,
        IpFamily::V6 => setsockopt(socket, sockopt::Ipv6TClass, &class.into())?,
    }
    Ok(())
}

fn connect(
    to: SocketAddr,
    family: IpFamily,
    dscp: u8,
    congestion: Option<&str>,
) -> Result<TcpStream> {
    let addresses = match family {
        IpFamily::V4 => AddressFamily::Inet,
        IpFamily::V6 => AddressFamily::Inet6,
    };
    let socket = socket(addresses, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    // Set before the connection, so that its first packet has it.
    set_traffic_class(&socket, family, dscp << 2)?;
    if let Some(congestion) = congestion {
        setsockopt(&socket, sockopt::TcpCongestion, &congestion.into())
            .with_context(|| format!("this kernel has no congestion control {congestion}"))?;
    }
    let stream = TcpStream::from(socket);
    // This limits the time of connecting, too.
    stream.set_write_timeout(Some(CONNECT))?;
    nix::sys::socket::connect(stream.as_raw_fd(), &SockaddrStorage::from(to))?;
    Ok(stream)
}

fn transfer(
    sender: &TcpStream,
    receiver: &TcpStream,
    duration: Duration,
    stop: &Stop,
) -> Result<TcpReport> {
    let start = Instant::now();
    let deadline = start + duration;
    thread::scope(|scope| {
        let sending = scope.spawn(|| send(sender, deadline, stop));
        let received_bytes = AtomicU64::new(0);
        let last = receive(receiver, &received_bytes, start, deadline + DRAIN, stop)?;
        // This ends the wait of a sender whose receiver has given up.
        stop.set();
        let sent_bytes = sending.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
        let received_bytes = received_bytes.into_inner();
        Ok(TcpReport { sent_bytes, received_bytes, elapsed: last - start })
    })
}

/// Sends until the deadline or the stop, and returns how many bytes the stack took.
pub(super) fn send(mut to: &TcpStream, deadline: Instant, stop: &Stop) -> Result<u64> {
    let chunk = vec![0x5a; CHUNK_BYTES];
    let mut sent_bytes = 0;
    while Instant::now() < deadline && !stop.wanted() {
        match to.write(&chunk) {
            Ok(written) => sent_bytes += written as u64,
            Err(error) if is_tick(&error) => {}
            Err(error) => return Err(error).context("a TCP stream of the lab broke"),
        }
    }
    to.shutdown(Shutdown::Write)?;
    Ok(sent_bytes)
}

/// Adds up the received bytes, and returns the time of the last one.
pub(super) fn receive(
    mut from: &TcpStream,
    received_bytes: &AtomicU64,
    start: Instant,
    give_up: Instant,
    stop: &Stop,
) -> Result<Instant> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut last = start;
    while Instant::now() < give_up && !stop.wanted() {
        match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => {
                received_bytes.fetch_add(read as u64, Ordering::Relaxed);
                last = Instant::now();
            }
            Err(error) if is_tick(&error) => {}
            Err(error) => return Err(error).context("a TCP stream of the lab broke"),
        }
    }
    Ok(last)
}

fn is_tick(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
