//! Datagrams of several flows, which the other end sends back. Each has a number, so that a lost one shows, and the time for
//! which none came.

use std::{
    io::ErrorKind,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_common::abi::lab::WireCount;
use edge_user::lab::{NetNs, Trunk};
use nix::sys::socket::{setsockopt, sockopt};

use crate::patience::PATIENCE;

/// The UDP port of both ends.
const PORT: u16 = 7_007;
/// IPv4 type of service of all probes, which nothing else in a lab has.
const TYPE_OF_SERVICE: u8 = 0x28;
/// Bytes of a probe's payload: 108 with the IP and the UDP header.
const PAYLOAD_BYTES: usize = 80;
/// Time between two probes of a flow.
const GAP: Duration = Duration::from_millis(2);
/// Probes in a row that make a flow whole.
const WHOLE: usize = 100;
/// The youngest probes of a flow, which may be under way.
const UNDER_WAY: usize = 25;
/// Time that the last ones have to come back.
const LATE: Duration = Duration::from_secs(2);

/// Probes under way. Dropping them ends them.
pub struct Probes {
    flows: Arc<Mutex<Vec<Flow>>>,
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<()>>>,
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
        let to = SocketAddr::new(to.parse::<IpAddr>()?, PORT);
        let echo = bound(far, to)?;
        let sockets =
            sources.iter().map(|source| bound(near, SocketAddr::new(source.parse()?, PORT)));
        let sockets: Vec<UdpSocket> = sockets.collect::<Result<_>>()?;
        let flows: Vec<Flow> = sources.iter().map(|_| Flow::default()).collect();
        let (flows, is_over) = (Arc::new(Mutex::new(flows)), Arc::<AtomicBool>::default());
        let mut probes = Self { flows, is_over, threads: Vec::new() };
        let (flows, is_over) = (Arc::clone(&probes.flows), Arc::clone(&probes.is_over));
        probes.threads.push(thread::spawn(move || send(&sockets, to, &flows, &is_over)));
        let is_over = Arc::clone(&probes.is_over);
        probes.threads.push(thread::spawn(move || {
            send_back(&echo, &is_over);
            Ok(())
        }));
        Ok(probes)
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
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        Ok(losses(&self.flows()))
    }

    fn flows(&self) -> MutexGuard<'_, Vec<Flow>> {
        locked(&self.flows)
    }
}

impl Drop for Probes {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
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
    Ok(trunk.received()?.sum(|key| {
        (key.s_vid, key.c_vid) == vids && key.traffic_class == u16::from(TYPE_OF_SERVICE)
    }))
}

/// An address that gets probes only if they go astray.
pub struct Bystander(UdpSocket);

impl Bystander {
    /// The address in this namespace.
    pub fn new(ns: &NetNs, address: &str) -> Result<Self> {
        Ok(Self(bound(ns, SocketAddr::new(address.parse()?, PORT))?))
    }

    /// Fails where a probe has come.
    pub fn has_none(&self) -> Result<()> {
        let heard = self.0.recv_from(&mut [0; PAYLOAD_BYTES]);
        ensure!(
            heard.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock),
            "a probe has gone astray: {heard:?}"
        );
        Ok(())
    }
}

impl Flow {
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

fn locked(flows: &Mutex<Vec<Flow>>) -> MutexGuard<'_, Vec<Flow>> {
    flows.lock().unwrap_or_else(PoisonError::into_inner)
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
    setsockopt(&socket, sockopt::Ipv4Tos, &TYPE_OF_SERVICE.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn send(
    sockets: &[UdpSocket],
    to: SocketAddr,
    flows: &Mutex<Vec<Flow>>,
    is_over: &AtomicBool,
) -> Result<()> {
    let mut next = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        for (place, socket) in sockets.iter().enumerate() {
            let mut payload = [0; PAYLOAD_BYTES];
            let number = {
                let flow = &mut locked(flows)[place];
                flow.sent.push(Instant::now());
                flow.is_back.push(false);
                flow.sent.len() - 1
            };
            payload[..8].copy_from_slice(&(number as u64).to_be_bytes());
            // A host without a route says so: the probe is lost then, like others.
            let _ = socket.send_to(&payload, to);
        }
        next += GAP;
        while next > Instant::now() {
            if !take(sockets, flows)? {
                thread::sleep(Duration::from_micros(200));
            }
        }
        take(sockets, flows)?;
    }
    let deadline = Instant::now() + LATE;
    let is_back = |flow: &Flow| flow.is_back.iter().all(|is_back| *is_back);
    while !locked(flows).iter().all(is_back) && Instant::now() < deadline {
        if !take(sockets, flows)? {
            thread::sleep(GAP);
        }
    }
    Ok(())
}

/// Takes what has come back. Returns whether anything has.
fn take(sockets: &[UdpSocket], flows: &Mutex<Vec<Flow>>) -> Result<bool> {
    let mut is_any = false;
    for (place, socket) in sockets.iter().enumerate() {
        let mut payload = [0; PAYLOAD_BYTES];
        while socket.recv_from(&mut payload).is_ok() {
            let number = payload.first_chunk().context("a payload with a number")?;
            let number = usize::try_from(u64::from_be_bytes(*number))?;
            let flow = &mut locked(flows)[place];
            let is_back = flow.is_back.get_mut(number).context("a probe that was sent")?;
            ensure!(!*is_back, "probe {number} has come back twice");
            *is_back = true;
            is_any = true;
        }
    }
    Ok(is_any)
}

fn send_back(echo: &UdpSocket, is_over: &AtomicBool) {
    let mut last = Instant::now();
    let mut payload = [0; PAYLOAD_BYTES];
    // It outlives the sender, so that it has answered the last probe.
    while !is_over.load(Ordering::Relaxed) || last.elapsed() < LATE / 4 {
        match echo.recv_from(&mut payload) {
            Ok((len_bytes, from)) => {
                let _ = echo.send_to(&payload[..len_bytes], from);
                last = Instant::now();
            }
            Err(_nothing) => thread::sleep(Duration::from_micros(200)),
        }
    }
}
