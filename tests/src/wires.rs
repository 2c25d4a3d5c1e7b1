//! A lab with two customers who use the same tags: only the interface tells the owner of a frame.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_api::PortStatus;
use edge_user::{
    billing::ledger::{Ledger, UsageQuery},
    config::sample::{Sample, SampleCircuit, SamplePort},
    lab::{
        Lab,
        raw::{RawCollector, RawSender},
    },
};

use crate::{
    books::STATE_DIR,
    daemon::{book, status},
    frames::{frame, ipv4},
};

/// The customers, which are their circuits' names, too.
pub const CUSTOMERS: [&str; 2] = ["alpha", "zeta"];
/// The interfaces of each customer: that to the customer, that to the core.
pub const WIRES: [[&str; 2]; 2] = [["cust0", "core0"], ["cust1", "core1"]];
/// Both directions, as the ledger calls them, by the end of a wire that sends.
const DIRECTIONS: [&str; 2] = ["inbound", "outbound"];
/// Ports for [`WIRES`], by name and interface.
pub const PORTS: [(&str, &str); 4] =
    [("P1", "cust0"), ("P2", "cust1"), ("C1", "core0"), ("C2", "core1")];
const TAGS: [(u16, u16); 2] = [(0x8100, 100), (0x8100, 10)];
const LEN_BYTES: u16 = 200;
/// Longest wait for something that should come about at once.
pub const WAIT: Duration = Duration::from_secs(15);
/// Long enough for a frame that should not arrive to have arrived.
const QUIET: Duration = Duration::from_millis(30);

/// The configuration in which each customer has the ports with the interfaces of its wires; in the
/// order of `ports`.
pub fn config(ports: &[(&str, &str)], wires: &[[&str; 2]; 2]) -> Sample {
    let port_of = |interface: &str| {
        ports.iter().find(|(_, other)| *other == interface).map(|(port, _)| *port)
    };
    let mut sample = Sample::new("lab").edge("metrics", "127.0.0.1:0").ledger("checkpoint", "1s");
    for (port, interface) in ports {
        let wire = wires.iter().find(|wire| wire.contains(interface));
        let [customer, core] = wire.copied().unwrap_or([interface, ""]);
        let (side, peer) =
            if *interface == customer { ("customer", core) } else { ("core", customer) };
        let port = SamplePort::new(port, side).interface(interface);
        sample = sample.port(port.forward(port_of(peer).unwrap_or("stack")));
    }
    for (customer, wire) in CUSTOMERS.iter().zip(wires) {
        let own: Vec<_> = wire.iter().filter_map(|interface| port_of(interface)).collect();
        if own.is_empty() {
            continue;
        }
        let circuit = SampleCircuit::new(*customer, "10 Gbps").s_tag(100).key("ports", own);
        sample = sample.circuit(circuit.peering("private", 10));
    }
    sample
}

/// An end of a wire.
pub struct End {
    /// Sends.
    pub sender: RawSender,
    /// Keeps what arrives.
    pub collector: RawCollector,
    sent: AtomicU64,
}

impl End {
    /// The one beyond this interface.
    pub fn open(lab: &Lab, interface: &str) -> Result<Self> {
        let end = lab.far_end(interface)?;
        Ok(Self {
            sender: RawSender::open(end.ns(), end.interface())?,
            collector: RawCollector::open(end.ns(), end.interface())?,
            sent: AtomicU64::new(0),
        })
    }

    /// Takes the frames of ours that have arrived, and none that the edge's stack sent.
    pub fn take(&self) -> Result<Vec<Vec<u8>>> {
        let mut ours = Vec::new();
        loop {
            let arrived = self.collector.collect(64, Duration::from_millis(1))?;
            if arrived.is_empty() {
                return Ok(ours);
            }
            ours.extend(arrived.into_iter().filter(|frame| is_ours(frame)));
        }
    }

    /// The same, once it is that many frames.
    fn arrived(&self, frames: u64) -> Result<Vec<Vec<u8>>> {
        let deadline = Instant::now() + WAIT;
        let mut ours = self.take()?;
        while (ours.len() as u64) < frames && Instant::now() < deadline {
            ours.extend(self.take()?);
        }
        Ok(ours)
    }
}

fn is_ours(frame: &[u8]) -> bool {
    frame.starts_with(&frame_of(0, 0, 0)[..12])
}

/// The four ends of the lab, by customer and side.
pub struct Wires {
    /// The lab.
    pub lab: Lab,
    ends: [[End; 2]; 2],
    /// Frames that have arrived, by circuit and direction.
    arrived: BTreeMap<(String, String), u64>,
}

impl Wires {
    /// A lab with [`WIRES`] and `more` interfaces.
    pub fn new(more: &[&str]) -> Result<Self> {
        let interfaces: Vec<&str> = WIRES.iter().flatten().chain(more).copied().collect();
        let lab = Lab::with_mtu(&interfaces, 1600)?;
        let [[a, b], [c, d]] = WIRES;
        let open = |interface| End::open(&lab, interface);
        let ends = [[open(a)?, open(b)?], [open(c)?, open(d)?]];
        Ok(Self { lab, ends, arrived: BTreeMap::new() })
    }

    /// Lays the cable of an interface again, which is gone.
    pub fn cable_again(&mut self, interface: &str, ifindex: Option<u32>) -> Result<()> {
        self.lab.cable_again(interface, ifindex)?;
        for (customer, wire) in WIRES.iter().enumerate() {
            if let Some(side) = wire.iter().position(|other| *other == interface) {
                self.ends[customer][side] = End::open(&self.lab, interface)?;
            }
        }
        Ok(())
    }

    /// Runs `ip` in the edge's namespace.
    pub fn ip(&self, arguments: &str) -> Result<String> {
        let arguments: Vec<_> = arguments.split(' ').collect();
        self.lab.edge().output("ip", &arguments)
    }

    /// Waits until the far end of an interface sends again, after its link was down: the kernel has it do that a
    /// moment after both ends have their carrier (`linkwatch_do_dev` in `net/core/link_watch.c`).
    pub fn wait_for_far_end(&self, interface: &str) -> Result<()> {
        let far = self.lab.far_end(interface)?;
        let shown = || far.ns().output("ip", &["link", "show", far.interface()]);
        wait_until(|| shown().is_ok_and(|link| link.contains("state UP")))
    }

    /// The index of an interface.
    pub fn ifindex(&self, name: &str) -> Result<u32> {
        self.lab.edge().run(|| Ok(nix::net::if_::if_nametoindex(name)?))
    }

    /// The end that `customer` has on `side`: 0 is its own, 1 is the core's.
    #[must_use]
    pub fn end(&self, customer: usize, side: usize) -> &End {
        &self.ends[customer][side]
    }

    /// Sends a few frames of each customer in `customers` both ways, all of which arrive.
    pub fn pass(&mut self, customers: &[usize]) -> Result<()> {
        for customer in customers {
            // A cable that was put in just before may not carry frames yet.
            for interface in WIRES[*customer] {
                self.wait_for_far_end(interface)?;
            }
            for side in [0, 1] {
                self.send(*customer, side, 5)?;
            }
        }
        self.check(customers)
    }

    fn send(&self, customer: usize, side: usize, frames: u64) -> Result<()> {
        let end = self.end(customer, side);
        for _ in 0..frames {
            let number = end.sent.fetch_add(1, Ordering::Relaxed);
            end.sender.send(&frame_of(customer, side, number))?;
        }
        Ok(())
    }

    /// Sends a frame that nobody expects, if it can be sent.
    pub fn try_send(&self, customer: usize, side: usize) -> Result<()> {
        self.end(customer, side).sender.send(&frame_of(customer, side, u64::MAX))
    }

    /// Sends frames of `customers` both ways before, during and after `work`: all of them arrive at
    /// their own customer's other end, and nothing else does.
    pub fn under_traffic<T>(
        &mut self,
        customers: &[usize],
        work: impl FnOnce(&Lab) -> Result<T>,
    ) -> Result<T> {
        const BEFORE: u64 = 20;
        const AFTER: u64 = 20;
        let is_over = AtomicBool::new(false);
        let done = thread::scope(|scope| -> Result<T> {
            let mut senders = Vec::new();
            for customer in customers {
                for side in [0, 1] {
                    let (wires, is_over) = (&*self, &is_over);
                    senders.push(scope.spawn(move || -> Result<()> {
                        while !is_over.load(Ordering::Relaxed) {
                            wires.send(*customer, side, 1)?;
                            thread::sleep(Duration::from_micros(500));
                        }
                        wires.send(*customer, side, AFTER)
                    }));
                }
            }
            let begun = || {
                let mut ends = customers.iter().flat_map(|customer| &self.ends[*customer]);
                ends.all(|end| end.sent.load(Ordering::Relaxed) >= BEFORE)
            };
            let deadline = Instant::now() + WAIT;
            while !begun() && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(1));
            }
            let done = work(&self.lab);
            is_over.store(true, Ordering::Relaxed);
            for sender in senders {
                sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            }
            done
        })?;
        self.check(customers)?;
        Ok(done)
    }

    /// All frames of `customers` have arrived as they were sent, and nothing else has arrived
    /// anywhere.
    ///
    /// # Panics
    ///
    /// If a frame is missing, changed or in the wrong place.
    pub fn check(&mut self, customers: &[usize]) -> Result<()> {
        for customer in customers {
            for (side, direction) in DIRECTIONS.iter().enumerate() {
                let sent = self.end(*customer, side).sent.swap(0, Ordering::Relaxed);
                let mut arrived = self.end(*customer, 1 - side).arrived(sent)?;
                arrived.sort();
                let expected: Vec<_> =
                    (0..sent).map(|number| frame_of(*customer, side, number)).collect();
                let place = format!("{} {direction}", CUSTOMERS[*customer]);
                assert_eq!(arrived.len(), expected.len(), "{place}");
                let strange = arrived.iter().zip(&expected).find(|(one, other)| one != other);
                assert_eq!(strange, None, "{place}");
                let key = (CUSTOMERS[*customer].to_owned(), (*direction).to_owned());
                *self.arrived.entry(key).or_default() += sent;
            }
        }
        self.is_quiet()
    }

    /// Checks that no other frame has arrived.
    ///
    /// # Panics
    ///
    /// If one has.
    pub fn is_quiet(&self) -> Result<()> {
        thread::sleep(QUIET);
        for (customer, ends) in CUSTOMERS.iter().zip(&self.ends) {
            for end in ends {
                // An end that is gone says so, once.
                let strange = end.take().unwrap_or_default();
                assert_eq!(strange, Vec::<Vec<u8>>::new(), "at an end of {customer}");
            }
        }
        Ok(())
    }

    /// Checks that the ledger has the frames that have arrived, under their circuits, and nothing
    /// else.
    ///
    /// # Panics
    ///
    /// If they differ.
    pub fn check_books(&self) -> Result<()> {
        book()?;
        self.check_sums()
    }

    /// Does the same, where no daemon can be asked to book what is left.
    ///
    /// # Panics
    ///
    /// If they differ.
    pub fn check_sums(&self) -> Result<()> {
        assert_eq!(booked()?, self.arrived);
        Ok(())
    }
}

/// Frames in the ledger, by circuit and direction.
///
/// # Panics
///
/// If its books do not balance.
pub fn booked() -> Result<BTreeMap<(String, String), u64>> {
    let ledger = Ledger::open_read_only(Path::new(STATE_DIR))?;
    assert_eq!(ledger.check()?, Vec::<String>::new());
    let mut booked = BTreeMap::new();
    for record in ledger.usage(&UsageQuery::default())? {
        ensure!(record.bytes == record.frames * frame_of(0, 0, 0).len() as u64, "other frames");
        *booked.entry((record.circuit, record.direction)).or_default() += record.frames;
    }
    Ok(booked)
}

/// A frame that says who has sent it.
#[must_use]
pub fn frame_of(customer: usize, side: usize, number: u64) -> Vec<u8> {
    let mut payload = ipv4(0, LEN_BYTES);
    let end = payload.len() - 16;
    payload[end..end + 8].copy_from_slice(&[u8::try_from(customer * 2 + side).unwrap_or(0); 8]);
    payload[end + 8..].copy_from_slice(&number.to_be_bytes());
    frame(&TAGS, 0x0800, &payload)
}

/// A port, as `edge status` has it.
pub fn port(name: &str) -> Result<PortStatus> {
    let port = status()?.ports.into_iter().find(|port| port.name == name);
    port.with_context(|| format!("status has no port {name}"))
}

/// Waits until a condition holds.
pub fn wait_until(mut has_come: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + WAIT;
    while !has_come() {
        ensure!(Instant::now() < deadline, "it has not come about within {WAIT:?}");
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Waits until the port is as wanted, and returns it.
pub fn wait_for_port(name: &str, wanted: impl Fn(&PortStatus) -> bool) -> Result<PortStatus> {
    let deadline = Instant::now() + WAIT;
    loop {
        let port = port(name)?;
        if wanted(&port) {
            return Ok(port);
        }
        ensure!(Instant::now() < deadline, "the port is not as it should be: {port:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the port's program runs, and nothing is amiss with it.
pub fn wait_until_sound(name: &str) -> Result<PortStatus> {
    wait_for_port(name, |port| port.xdp_mode != "none" && port.fault.is_none())
}
