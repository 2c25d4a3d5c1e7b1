//! Paths with a length: a packet that one end sends leaves for the other end only after a delay.
//!
//! ```text
//!  stack ── delay0 ──▶ a thread that waits ──▶ eth0 ── push, count ──▶ the edge's port
//! ```
//!
//! The line holds packets before the far end's program tags and counts them. So it needs no tags,
//! and packets that it holds are not in the offered counts yet.

#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    net::IpAddr,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, ppoll},
    sys::{
        prctl,
        socket::{MsgFlags, send, setsockopt, sockopt},
        time::TimeSpec,
    },
};

use super::{
    far_end::INTERFACE,
    path::{IpFamily, Path},
    raw::packet_socket,
    running::{RunningTraffic, Stop},
    topology::IP_MTU,
    tun::Tun,
};

/// The most packets that wait for the thread: a second of the fastest path.
const RING_PACKETS: usize = 25_000;
const BUFFER_BYTES: usize = 8 << 20;
const ETHERNET_BYTES: usize = 14;
/// The most packets that the thread takes before it puts out those that are due.
const BATCH: usize = 32;
/// An idle line looks this often whether it should end.
const IDLE: Duration = Duration::from_millis(20);

/// Delays both directions of a path, without reordering, for as long as it lives; the path goes
/// with it.
#[derive(Debug)]
pub struct DelayLine([RunningTraffic<DelayReport>; 2]);

/// The accuracy with which a line has kept its delay.
#[derive(Clone, Copy, Debug, Default)]
pub struct DelayReport {
    /// Packets put out.
    pub packets: u64,
    /// Packets that found no room in the line, or in the interface behind it.
    pub lost: u64,
    /// The largest lateness of a packet.
    pub most_late: Duration,
    /// Sum of the lateness of all packets.
    pub late: Duration,
    /// Whether its threads had real-time priority.
    pub realtime: bool,
}

impl DelayLine {
    /// Delays each direction by `one_way`, half of the round trip.
    ///
    /// The path's least retransmission timeout becomes TCP's usual one.
    pub fn along(path: &Path, one_way: Duration) -> Result<Self> {
        let start = |path: &Path| {
            let direction = DelayedWay::new(path, one_way)
                .with_context(|| format!("cannot delay the way to {}", path.far.v4))?;
            RunningTraffic::start(move |stop| direction.run(stop))
        };
        Ok(Self([start(path)?, start(&path.reversed())?]))
    }

    /// Ends the line, and drops the packets that it still holds. A loss before that is an error.
    pub fn finish(self) -> Result<DelayReport> {
        let mut sum = DelayReport { realtime: true, ..DelayReport::default() };
        for direction in self.0 {
            direction.stop();
            let report = direction.join()?;
            sum.packets += report.packets;
            sum.lost += report.lost;
            sum.most_late = sum.most_late.max(report.most_late);
            sum.late += report.late;
            sum.realtime &= report.realtime;
        }
        ensure!(sum.lost == 0, "the lab's delay line itself lost packets: {sum:?}");
        Ok(sum)
    }
}

impl DelayReport {
    /// The average lateness of a packet.
    #[must_use]
    pub fn mean_late(&self) -> Duration {
        let packets = u32::try_from(self.packets.max(1)).unwrap_or(u32::MAX);
        self.late / packets
    }
}

/// The way from the path's near end to its far end.
struct DelayedWay {
    tun: Tun,
    out: OwnedFd,
    one_way: Duration,
    to: [IpAddr; 2],
    addresses: [u8; 12],
}

impl DelayedWay {
    fn new(path: &Path, one_way: Duration) -> Result<Self> {
        let ns = &path.near.ns;
        let mut addresses = [0; 12];
        addresses[..6].copy_from_slice(&mac_address(&path.far.mac)?);
        addresses[6..].copy_from_slice(&mac_address(&path.near.mac)?);
        let tun = Tun::new(ns, "delay%d")?;
        let name = tun.name();
        ns.ip(&format!("link set {name} addrgenmode none"))?;
        ns.ip(&format!("link set {name} mtu {IP_MTU} txqueuelen {RING_PACKETS} up"))?;
        // Packets come back by another interface, which the reverse-path filter must allow.
        for interface in ["all", INTERFACE] {
            ns.sysctl(&format!("net.ipv4.conf.{interface}.rp_filter"), "0")?;
        }
        let to = [IpFamily::V4, IpFamily::V6].map(|family| path.far.address(family));
        let own = [IpFamily::V4, IpFamily::V6].map(|family| path.near.address(family));
        for (to, own) in to.iter().zip(own) {
            ns.ip(&format!("route replace {to} dev {name} src {own} mtu {IP_MTU}"))?;
        }
        let out = packet_socket(ns, INTERFACE, 0, |socket| {
            Ok(setsockopt(socket, sockopt::SndBufForce, &BUFFER_BYTES)?)
        })?;
        Ok(Self { tun, out, one_way, to, addresses })
    }

    fn run(&self, stop: &Stop) -> Result<DelayReport> {
        let mut report = DelayReport { realtime: be_punctual(), ..DelayReport::default() };
        let mut held = VecDeque::new();
        while !stop.wanted() {
            self.take(&mut held)?;
            self.put(&mut held, &mut report)?;
            self.wait(held.front().map(|(due, _)| *due))?;
        }
        report.lost += self.tun.dropped()?;
        Ok(report)
    }

    fn take(&self, held: &mut VecDeque<(Instant, Vec<u8>)>) -> Result<()> {
        for _ in 0..BATCH {
            let mut frame = vec![0; ETHERNET_BYTES + IP_MTU as usize];
            let Some(len_bytes) = self.tun.receive(&mut frame[ETHERNET_BYTES..])? else {
                break;
            };
            frame.truncate(ETHERNET_BYTES + len_bytes);
            if self.address(&mut frame) {
                held.push_back((Instant::now() + self.one_way, frame));
            }
        }
        Ok(())
    }

    /// Fills in the Ethernet header; false: the packet is one of the stack's own, not for the
    /// path's far end.
    fn address(&self, frame: &mut [u8]) -> bool {
        let (header, packet) = frame.split_at_mut(ETHERNET_BYTES);
        let (ethertype, ours) = match (packet[0] >> 4, self.to) {
            (4, [IpAddr::V4(to), _]) => (libc::ETH_P_IP, packet[16..20] == to.octets()),
            (6, [_, IpAddr::V6(to)]) => (libc::ETH_P_IPV6, packet[24..40] == to.octets()),
            _ => return false,
        };
        header[..12].copy_from_slice(&self.addresses);
        let [.., high, low] = ethertype.to_be_bytes();
        header[12..].copy_from_slice(&[high, low]);
        ours
    }

    fn put(&self, held: &mut VecDeque<(Instant, Vec<u8>)>, report: &mut DelayReport) -> Result<()> {
        while let Some((due, frame)) = held.front() {
            let Some(late) = Instant::now().checked_duration_since(*due) else {
                break;
            };
            match send(self.out.as_raw_fd(), frame, MsgFlags::empty()) {
                Ok(_) => report.packets += 1,
                Err(Errno::ENOBUFS) => report.lost += 1,
                Err(error) => return Err(error).context("cannot put out a delayed packet"),
            }
            report.most_late = report.most_late.max(late);
            report.late += late;
            held.pop_front();
        }
        Ok(())
    }

    /// Waits until there is something to do.
    fn wait(&self, due: Option<Instant>) -> Result<()> {
        let left = due.map_or(IDLE, |due| due.saturating_duration_since(Instant::now()));
        let mut readable = [PollFd::new(self.tun.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut readable, Some(TimeSpec::from(left.min(IDLE))), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error).context("cannot wait for packets to delay"),
        }
    }
}

/// Gives this thread real-time priority. Returns whether that is allowed.
fn be_punctual() -> bool {
    // Timers are up to 50 µs late by default. The call fails on no kernel that has it.
    let _best_effort = prctl::set_timerslack(1);
    let first = libc::sched_param { sched_priority: 1 };
    // SAFETY: points to live parameters; 0 is the calling thread.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const first) == 0 }
}

fn mac_address(text: &str) -> Result<[u8; 6]> {
    let bytes: Result<Vec<u8>, _> =
        text.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect();
    let bytes = bytes.with_context(|| format!("{text} is no MAC address"))?;
    bytes.try_into().ok().with_context(|| format!("{text} is no MAC address"))
}
