//! Datagrams of several flows, which the other end sends back. Each has the number of its flow's end and one of its own, so
//! that one that went astray shows, and a lost one, and the time for which none came.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr, UdpSocket},
    os::fd::AsFd as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_common::abi::lab::WireCount;
use edge_user::lab::{NetNs, Trunk};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{setsockopt, sockopt},
};

use crate::patience::PATIENCE;

/// The UDP port of both ends.
pub const PROBE_PORT: u16 = 7_007;
/// Traffic class of all probes, which nothing else in a lab has.
const TRAFFIC_CLASS: u8 = 0x28;
/// Bytes of the shortest and of the longest probe's payload.
const PAYLOAD_BYTES: (usize, usize) = (80, 800);
/// Time between two probes of a flow.
const GAP: Duration = Duration::from_millis(2);
/// The longest wait of a thread that may have been told to end.
const LOOK: Duration = Duration::from_millis(20);
/// Probes in a row that make a flow whole.
const WHOLE: usize = 100;
/// The youngest probes of a flow, which may be under way.
const UNDER_WAY: usize = 25;
/// Time that the last ones have to come back.
const LATE: Duration = Duration::from_secs(2);

/// Probes under way. Dropping them ends them.
pub struct Probes {
    shared: Arc<SharedProbes>,
    threads: Vec<JoinHandle<Result<()>>>,
}

/// The part that both ends have.
struct SharedProbes {
    /// Differs from that of all other probes of this process.
    number: u64,
    gap: Duration,
    flows: Mutex<Vec<Flow>>,
    is_over: AtomicBool,
    is_paused: AtomicBool,
}

/// A flow's probes, by number.
#[derive(Default)]
struct Flow {
    sent: Vec<Instant>,
    is_back: Vec<bool>,
}

/// The losses of a flow.
#[derive(Clone, Copy, Debug)]
pub struct FlowLoss {
    /// Probes that were sent.
    pub sent: usize,
    /// Probes that have not come back.
    pub lost: usize,
    /// The longest time for which none came back.
    pub longest: Duration,
}

impl Probes {
    /// Sends a flow from each of these addresses of `near` to an address of `far`.
    pub fn start(near: &NetNs, sources: &[String], far: &NetNs, to: &str) -> Result<Self> {
        Self::start_at_pace(GAP, near, sources, far, to)
    }

    /// Sends the flows of [`Self::start`] with that much time between two probes of each.
    pub fn start_at_pace(
        gap: Duration,
        near: &NetNs,
        sources: &[String],
        far: &NetNs,
        to: &str,
    ) -> Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let to = SocketAddr::new(to.parse::<IpAddr>()?, PROBE_PORT);
        let echo = bound(far, to)?;
        let sockets =
            sources.iter().map(|source| bound(near, SocketAddr::new(source.parse()?, PROBE_PORT)));
        let sockets: Vec<UdpSocket> = sockets.collect::<Result<_>>()?;
        let shared = Arc::new(SharedProbes {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            gap,
            flows: Mutex::new(sources.iter().map(|_| Flow::default()).collect()),
            is_over: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
        });
        let [near, far] = [Arc::clone(&shared), Arc::clone(&shared)];
        let threads = vec![
            thread::spawn(move || near.send(&sockets, to)),
            thread::spawn(move || far.send_back(&echo)),
        ];
        Ok(Self { shared, threads })
    }

    /// Sends no more for now. Those under way still come back.
    pub fn pause(&self) {
        self.shared.is_paused.store(true, Ordering::Relaxed);
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.shared.is_paused.store(false, Ordering::Relaxed);
    }

    /// Fails where a probe has gone astray or come back twice.
    pub fn are_sound(&mut self) -> Result<()> {
        let ended = self.threads.iter().position(JoinHandle::is_finished);
        ended.map_or(Ok(()), |place| joined(self.threads.swap_remove(place)))
    }

    /// Waits until all flows come back without a loss.
    pub fn wait_until_whole(&self) -> Result<()> {
        let begun: Vec<usize> = self.flows().iter().map(|flow| flow.sent.len()).collect();
        let deadline = Instant::now() + PATIENCE;
        while !self.flows().iter().zip(&begun).all(|(flow, begun)| flow.is_whole(*begun)) {
            ensure!(Instant::now() < deadline, "probes are lost: {:?}", losses(&self.flows()));
            ensure!(!self.threads.iter().any(JoinHandle::is_finished), "the probes have ended");
            thread::sleep(GAP);
        }
        Ok(())
    }

    /// Ends the probes, and returns the losses of each flow.
    pub fn end(mut self) -> Result<Vec<FlowLoss>> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.threads.drain(..).try_for_each(joined)?;
        Ok(losses(&self.flows()))
    }

    fn flows(&self) -> MutexGuard<'_, Vec<Flow>> {
        self.shared.flows()
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

fn joined(thread: JoinHandle<Result<()>>) -> Result<()> {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Ends probes of which none may be lost, and returns their number.
pub fn none_lost(probes: Probes) -> Result<u64> {
    let losses = probes.end()?;
    ensure!(losses.iter().all(|flow| flow.lost == 0), "{losses:?}");
    Ok(losses.iter().map(|flow| flow.sent as u64).sum())
}

/// The most that a flow has lost, in milliseconds: a figure for a report.
#[must_use]
pub fn longest_ms(losses: &[FlowLoss]) -> u128 {
    losses.iter().map(|flow| flow.longest.as_millis()).max().unwrap_or(0)
}

/// Probes that came off a trunk with these tags, and their bytes on the wire.
pub fn received(trunk: &Trunk, vids: (u16, u16)) -> Result<WireCount> {
    Ok(trunk
        .received()?
        .sum(|key| (key.s_vid, key.c_vid) == vids && key.traffic_class == u16::from(TRAFFIC_CLASS)))
}

/// An address that gets probes only if they go astray.
pub struct Bystander(UdpSocket);

impl Bystander {
    /// The address in this namespace.
    pub fn new(ns: &NetNs, address: &str) -> Result<Self> {
        Ok(Self(bound(ns, SocketAddr::new(address.parse()?, PROBE_PORT))?))
    }

    /// Fails where a probe has come.
    pub fn has_none(&self) -> Result<()> {
        let heard = self.0.recv_from(&mut [0; PAYLOAD_BYTES.0]);
        ensure!(
            heard.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock),
            "a probe has gone astray: {heard:?}"
        );
        Ok(())
    }
}

impl Flow {
    /// Notes that a probe is sent, and returns its number.
    fn begin_probe(&mut self) -> usize {
        self.sent.push(Instant::now());
        self.is_back.push(false);
        self.sent.len() - 1
    }

    /// Whether probes from this number on have come back, up to those that may be under way.
    fn is_whole(&self, begun: usize) -> bool {
        let end = self.is_back.len().saturating_sub(UNDER_WAY);
        end >= begun + WHOLE && self.is_back[end - WHOLE..end].iter().all(|is_back| *is_back)
    }

    fn loss(&self) -> FlowLoss {
        let (mut longest, mut begin) = (Duration::ZERO, None);
        for (number, (sent, is_back)) in self.sent.iter().zip(&self.is_back).enumerate() {
            let is_last = number + 1 == self.sent.len();
            let since = *begin.get_or_insert(*sent);
            if *is_back || is_last {
                longest = longest.max(*sent - since);
                begin = None;
            }
        }
        let lost = self.is_back.iter().filter(|is_back| !**is_back).count();
        FlowLoss { sent: self.sent.len(), lost, longest }
    }
}

fn losses(flows: &[Flow]) -> Vec<FlowLoss> {
    flows.iter().map(Flow::loss).collect()
}

fn bound(ns: &NetNs, address: SocketAddr) -> Result<UdpSocket> {
    let deadline = Instant::now() + PATIENCE;
    let socket = loop {
        match ns.run(|| Ok(UdpSocket::bind(address)))? {
            Ok(socket) => break socket,
            // A process that another test is starting may have a copy of a socket from before.
            Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {
                thread::sleep(GAP);
            }
            Err(error) => return Err(error).with_context(|| format!("{address}")),
        }
    };
    set_probe_class(&socket)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Gives packets of a socket the traffic class of probes.
pub fn set_probe_class(socket: &UdpSocket) -> Result<()> {
    match socket.local_addr()? {
        SocketAddr::V4(_) => setsockopt(socket, sockopt::Ipv4Tos, &TRAFFIC_CLASS.into())?,
        SocketAddr::V6(_) => setsockopt(socket, sockopt::Ipv6TClass, &TRAFFIC_CLASS.into())?,
    }
    Ok(())
}

impl SharedProbes {
    fn flows(&self) -> MutexGuard<'_, Vec<Flow>> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn send(&self, sockets: &[UdpSocket], to: SocketAddr) -> Result<()> {
        let mut payload = [0; PAYLOAD_BYTES.1];
        payload[..8].copy_from_slice(&self.number.to_be_bytes());
        let mut next = Instant::now();
        while !self.is_over() {
            for (place, socket) in sockets.iter().enumerate() {
                if self.is_paused.load(Ordering::Relaxed) {
                    break;
                }
                let number = self.flows()[place].begin_probe();
                payload[8..16].copy_from_slice(&(number as u64).to_be_bytes());
                let len_bytes = PAYLOAD_BYTES.0 + number % (PAYLOAD_BYTES.1 - PAYLOAD_BYTES.0);
                // A host without a route says so: the probe is lost then, like others.
                let _ = socket.send_to(&payload[..len_bytes], to);
            }
            // A sender that was held up does not make up for it.
            next = (next + self.gap).max(Instant::now());
            self.take_until(sockets, next)?;
        }
        let deadline = Instant::now() + LATE;
        let is_back = |flow: &Flow| flow.is_back.iter().all(|is_back| *is_back);
        while !self.flows().iter().all(is_back) && Instant::now() < deadline {
            self.take_until(sockets, Instant::now() + GAP)?;
        }
        Ok(())
    }

    /// Takes the probes that come back until then.
    fn take_until(&self, sockets: &[UdpSocket], end: Instant) -> Result<()> {
        loop {
            self.take(sockets)?;
            let left = end.saturating_duration_since(Instant::now());
            if left < Duration::from_millis(1) {
                thread::sleep(left);
                return Ok(());
            }
            let timeout = PollTimeout::try_from(left.min(LOOK))?;
            let mut wanted: Vec<_> =
                sockets.iter().map(|it| PollFd::new(it.as_fd(), PollFlags::POLLIN)).collect();
            poll(&mut wanted, timeout)?;
        }
    }

    /// Takes the probes that have come back.
    fn take(&self, sockets: &[UdpSocket]) -> Result<()> {
        for (place, socket) in sockets.iter().enumerate() {
            let mut payload = [0; PAYLOAD_BYTES.1];
            while let Ok(len_bytes) = socket.recv(&mut payload) {
                let number = self.number_of(&payload[..len_bytes])?;
                let flow = &mut self.flows()[place];
                let is_back = flow.is_back.get_mut(number).context("a probe that was sent")?;
                ensure!(!*is_back, "probe {number} has come back twice");
                *is_back = true;
            }
        }
        Ok(())
    }

    /// The number of a probe, which must be one of these.
    fn number_of(&self, payload: &[u8]) -> Result<usize> {
        let number = |from: usize| payload.get(from..).and_then(|rest| rest.first_chunk());
        let numbers = number(0).zip(number(8)).context("a payload with two numbers")?;
        let (of, number) = (u64::from_be_bytes(*numbers.0), u64::from_be_bytes(*numbers.1));
        ensure!(of == self.number, "a probe of {of} has come to {}", self.number);
        Ok(number.try_into()?)
    }

    fn send_back(&self, echo: &UdpSocket) -> Result<()> {
        let mut last = Instant::now();
        let mut payload = [0; PAYLOAD_BYTES.1];
        // It outlives the sender, so that it has answered the last probe.
        while !self.is_over() || last.elapsed() < LATE / 4 {
            while let Ok((len_bytes, from)) = echo.recv_from(&mut payload) {
                self.number_of(&payload[..len_bytes])?;
                let _ = echo.send_to(&payload[..len_bytes], from);
                last = Instant::now();
            }
            let mut wanted = [PollFd::new(echo.as_fd(), PollFlags::POLLIN)];
            poll(&mut wanted, PollTimeout::try_from(LOOK)?)?;
        }
        Ok(())
    }
}
