//! TCP flows side by side on one path, and how they share it.

use std::{
    mem,
    net::TcpStream,
    os::fd::AsRawFd as _,
    panic,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::errno::Errno;

use super::{
    path::{IpFamily, Path},
    running::Stop,
    tcp::{connection, receive, send},
};

/// Flows that send as fast as the path allows.
#[derive(Clone, Copy, Debug)]
pub struct FlowsLoad<'a> {
    /// IPv4 or IPv6.
    pub family: IpFamily,
    /// DSCP of the packets of both ends.
    pub dscp: u8,
    /// The congestion control of each flow, as the kernel calls it.
    pub congestion: &'a [&'a str],
    /// Whether the senders space their segments, as with `fq` in a host; BBR does in any case.
    ///
    /// A cable of the lab has no line rate, so a window that is sent at once stays together, and
    /// comes to a policer as one burst.
    pub paced: bool,
    /// Time before the measurement.
    pub warm_up: Duration,
    /// Time that the measurement takes.
    pub length: Duration,
}

/// The result of the flows after the warm-up.
#[derive(Clone, Debug)]
pub struct FlowsReport {
    /// The flows, in the load's order.
    pub flows: Vec<FlowReport>,
    /// Time that the measurement took.
    pub elapsed: Duration,
}

/// The result of one flow.
#[derive(Clone, Copy, Debug)]
pub struct FlowReport {
    /// Bytes that the receiver read.
    pub received_bytes: u64,
    /// Segments that the sender sent again.
    pub retransmits: u32,
    /// The sender's smoothed round-trip time at the end.
    pub rtt: Duration,
    /// The sender's window at the end, in segments.
    pub window_segments: u32,
}

impl FlowsReport {
    /// Payload that a flow's receiver read, in bit/s.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "exact to 9 petabytes")]
    pub fn goodput_bps(&self, flow: &FlowReport) -> f64 {
        flow.received_bytes as f64 * 8.0 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Payload that the receivers of all flows read, in bit/s.
    #[must_use]
    pub fn total_goodput_bps(&self) -> f64 {
        self.flows.iter().map(|flow| self.goodput_bps(flow)).sum()
    }

    /// Segments that were sent again.
    #[must_use]
    pub fn retransmits(&self) -> u32 {
        self.flows.iter().map(|flow| flow.retransmits).sum()
    }

    /// Jain's index of fairness: 1 where all flows got the same, 1/n where one got everything.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "there are not that many flows")]
    pub fn jain(&self) -> f64 {
        let squares: f64 = self.flows.iter().map(|flow| self.goodput_bps(flow).powi(2)).sum();
        self.total_goodput_bps().powi(2) / (self.flows.len() as f64 * squares).max(1e-9)
    }
}

/// Runs flows from the path's near end to its far end for the time of warm-up and measurement, and
/// not much longer even if they stall.
pub fn run(path: &Path, load: FlowsLoad<'_>) -> Result<FlowsReport> {
    let flows = load
        .congestion
        .iter()
        .map(|congestion| {
            let (sender, receiver) = connection(path, load.family, load.dscp, Some(congestion))?;
            if load.paced {
                pace(&sender)?;
            }
            Ok(TcpFlow { sender, receiver, received_bytes: AtomicU64::new(0) })
        })
        .collect::<Result<Vec<_>>>()?;
    let stop = Stop::default();
    let start = Instant::now();
    let deadline = start + load.warm_up + load.length;
    thread::scope(|scope| {
        let mut threads = Vec::new();
        for flow in &flows {
            let TcpFlow { sender, receiver, received_bytes } = flow;
            let stop = &stop;
            threads.push(scope.spawn(move || send(sender, deadline, stop).map(drop)));
            threads.push(
                scope.spawn(move || {
                    receive(receiver, received_bytes, start, deadline, stop).map(drop)
                }),
            );
        }
        thread::sleep(load.warm_up);
        let before = look(&flows);
        thread::sleep(load.length);
        let after = look(&flows);
        stop.set();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
        }
        Ok(report(&before?, &after?))
    })
}

struct TcpFlow {
    sender: TcpStream,
    receiver: TcpStream,
    received_bytes: AtomicU64,
}

/// The figures of all flows at one moment.
struct Look {
    at: Instant,
    flows: Vec<(u64, libc::tcp_info)>,
}

fn look(flows: &[TcpFlow]) -> Result<Look> {
    let at = Instant::now();
    let flows = flows
        .iter()
        .map(|flow| Ok((flow.received_bytes.load(Ordering::Relaxed), tcp_info(&flow.sender)?)));
    Ok(Look { at, flows: flows.collect::<Result<_>>()? })
}

fn report(before: &Look, after: &Look) -> FlowsReport {
    let flows =
        before.flows.iter().zip(&after.flows).map(|((bytes, info), (bytes_now, now))| FlowReport {
            received_bytes: bytes_now - bytes,
            retransmits: now.tcpi_total_retrans - info.tcpi_total_retrans,
            rtt: Duration::from_micros(now.tcpi_rtt.into()),
            window_segments: now.tcpi_snd_cwnd,
        });
    FlowsReport { flows: flows.collect(), elapsed: after.at - before.at }
}

/// Has TCP space segments at the rate of its congestion control: it does so when any limit is set.
fn pace(socket: &TcpStream) -> Result<()> {
    let beyond_reach_bytes_per_s: libc::c_uint = libc::c_uint::MAX - 1;
    let len = libc::socklen_t::try_from(size_of_val(&beyond_reach_bytes_per_s))?;
    // SAFETY: points to a live integer of that length.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MAX_PACING_RATE,
            (&raw const beyond_reach_bytes_per_s).cast(),
            len,
        )
    };
    Errno::result(set).context("cannot pace a TCP flow")?;
    Ok(())
}

fn tcp_info(socket: &TcpStream) -> Result<libc::tcp_info> {
    // SAFETY: the information is integers, for which zero is a value.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    let mut len = libc::socklen_t::try_from(size_of_val(&info))?;
    // SAFETY: points to a live buffer of the length told, which is live too.
    let got = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            (&raw mut info).cast(),
            &raw mut len,
        )
    };
    Errno::result(got)?;
    Ok(info)
}
