//! The edge's namespace and the far ends around it.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_common::abi::lab::TagStack;

use super::{
    counts::WireCounts,
    far_end::{FarEnd, INTERFACE},
    netns::NetNs,
    path::{Host, Path},
    preflight::preflight,
};

/// The largest IP packet of a path: with two tags, frames of 1,522 bytes.
pub(super) const IP_MTU: u32 = 1500;
/// veth refuses to send on a frame longer than MTU + 18, so the links have room for any tags.
const LINK_MTU: u32 = 1600;
/// Offloads that are turned off: a wire carries no partial checksums, tags in metadata or frames of
/// 64 KB.
const OFFLOADS: [&str; 5] = ["tx", "txvlan", "tx-vlan-stag-hw-insert", "tso", "gso"];
/// The most paths of a lab. The addresses have room for more, the tag map has not.
const MOST_PATHS: u16 = 500;
const SETTLED: Duration = Duration::from_millis(60);

/// A namespace for an edge, and a far end for each of its ports. Dropping it removes everything.
#[derive(Debug)]
pub struct Lab {
    far_ends: Vec<FarEnd>,
    edge: NetNs,
    mtu_bytes: u32,
    paths: u16,
}

impl Lab {
    /// An edge with these interfaces, each cabled to a far end of its own.
    pub fn new(ports: &[&str]) -> Result<Self> {
        Self::with_mtu(ports, LINK_MTU)
    }

    /// Makes such a lab with cables of this MTU, on which a frame may be 18 bytes longer.
    pub fn with_mtu(ports: &[&str], mtu_bytes: u32) -> Result<Self> {
        preflight()?;
        let edge = NetNs::new()?;
        let mut far_ends = Vec::new();
        for (number, port) in (1..).zip(ports) {
            let cable = Cable { edge: &edge, interface: port, number, ifindex: None, mtu_bytes };
            far_ends.push(cable.to_new_far_end()?);
        }
        Ok(Self { far_ends, edge, mtu_bytes, paths: 0 })
    }

    /// Lays the cable of a port whose interface is gone again, to a new far end. The new interface
    /// gets this index, where one is given.
    pub fn cable_again(&mut self, port: &str, ifindex: Option<u32>) -> Result<()> {
        let index = self.index(port)?;
        let (number, mtu_bytes) = (u8::try_from(index + 1)?, self.mtu_bytes);
        let cable = Cable { edge: &self.edge, interface: port, number, ifindex, mtu_bytes };
        self.far_ends[index] = cable.to_new_far_end()?;
        Ok(())
    }

    /// Lays the cable of a port anew after its interface in the edge's namespace was deleted. The
    /// new interface gets the name `interface` when the far end is ready, and this index or,
    /// without one, the next. The far end keeps its counts, but not its addresses.
    pub fn lay_again(&mut self, port: &str, interface: &str, ifindex: Option<u32>) -> Result<()> {
        let index = self.index(port)?;
        let (number, mtu_bytes) = (u8::try_from(index + 1)?, self.mtu_bytes);
        let cable = Cable { edge: &self.edge, interface, number, ifindex, mtu_bytes };
        let far = &mut self.far_ends[index];
        cable
            .lay(far.ns())
            .and_then(|()| far.attach_again())
            .and_then(|()| cable.connect())
            .with_context(|| format!("cannot lay the lab's cable to {port} again"))
    }

    /// The edge's namespace.
    #[must_use]
    pub fn edge(&self) -> &NetNs {
        &self.edge
    }

    /// The far end of a port.
    pub fn far_end(&self, port: &str) -> Result<&FarEnd> {
        Ok(&self.far_ends[self.index(port)?])
    }

    /// Gives the far ends of two ports a pair of addresses each, IPv4 and IPv6. Packets that they
    /// send to each other's addresses go out with these tags.
    pub fn join(&mut self, near: &str, far: &str, tags: TagStack) -> Result<Path> {
        let (near, far) = (self.index(near)?, self.index(far)?);
        ensure!(near != far, "a path needs two far ends");
        ensure!(self.paths < MOST_PATHS, "a lab has at most {MOST_PATHS} paths");
        self.paths += 1;
        let path = Path {
            tags,
            near: host(&self.far_ends[near], self.paths, 1),
            far: host(&self.far_ends[far], self.paths, 2),
        };
        self.far_ends[near].meet(&path.near, &path.far, IP_MTU, tags)?;
        self.far_ends[far].meet(&path.far, &path.near, IP_MTU, tags)?;
        Ok(path)
    }

    /// Waits until no frame was counted anywhere for a moment, but no longer than `limit`. Returns
    /// whether that happened.
    pub fn settle(&self, limit: Duration) -> Result<bool> {
        let deadline = Instant::now() + limit;
        let mut before = self.counts()?;
        while Instant::now() < deadline {
            thread::sleep(SETTLED);
            let now = self.counts()?;
            if now == before {
                return Ok(true);
            }
            before = now;
        }
        Ok(false)
    }

    /// Frames that the edge sent out of a port and that found no room in the cable: veth holds 256,
    /// and drops frames that are redirected to it beyond that, after the edge has counted them as
    /// forwarded. They are the difference of the counts at both ends.
    pub fn overrun_frames(&self, port: &str) -> Result<u64> {
        self.edge.tx_dropped(port)
    }

    /// Frames that the far end of a port should have sent and that found no room in its cable.
    /// Before Linux 6.16, veth drops frames where the receiver is behind.
    pub fn unsent_frames(&self, port: &str) -> Result<u64> {
        self.far_end(port)?.ns().tx_dropped(INTERFACE)
    }

    fn counts(&self) -> Result<Vec<(WireCounts, WireCounts)>> {
        self.far_ends.iter().map(|end| Ok((end.offered()?, end.received()?))).collect()
    }

    fn index(&self, port: &str) -> Result<usize> {
        self.far_ends
            .iter()
            .position(|end| end.port() == port)
            .with_context(|| format!("the lab has no port {port}"))
    }
}

/// A veth pair between the edge and a far end.
struct Cable<'a> {
    edge: &'a NetNs,
    interface: &'a str,
    number: u8,
    ifindex: Option<u32>,
    mtu_bytes: u32,
}

impl Cable<'_> {
    /// The edge's interface until the far end is ready.
    const UNREADY: &'static str = "unready";

    fn to_new_far_end(&self) -> Result<FarEnd> {
        let laid = || -> Result<FarEnd> {
            let far = NetNs::new()?;
            self.lay(&far)?;
            let far = FarEnd::new(self.interface, self.far_mac(), far)?;
            self.connect()?;
            Ok(far)
        };
        laid().with_context(|| format!("cannot lay the lab's cable to {}", self.interface))
    }

    /// Lays the cable, and sets the far end's interface up.
    fn lay(&self, far: &NetNs) -> Result<()> {
        let Self { edge, number, mtu_bytes, .. } = self;
        let (unready, far_mac, peer) = (Self::UNREADY, self.far_mac(), far.path());
        let index = self.ifindex.map_or_else(String::new, |index| format!(" index {index}"));
        edge.ip(&format!(
            "link add name {unready}{index} address 02:00:00:00:ed:{number:02x} mtu {mtu_bytes} \
             type veth peer {INTERFACE} address {far_mac} mtu {mtu_bytes} netns {}",
            peer.display()
        ))?;
        for (ns, interface) in [(*edge, unready), (far, INTERFACE)] {
            let mut arguments = vec!["-K", interface];
            arguments.extend(OFFLOADS.iter().flat_map(|feature| [*feature, "off"]));
            ns.output("ethtool", &arguments)?;
            // No link-local address, so that IPv6 sends nothing by itself.
            ns.ip(&format!("link set {interface} addrgenmode none"))?;
        }
        // With a queue, the sender of a veth pair waits for a receiver that is behind (from Linux
        // 6.16), and drops nothing.
        far.ip(&format!("link set {INTERFACE} txqueuelen 1000"))?;
        far.output("tc", &["qdisc", "replace", "dev", INTERFACE, "root", "pfifo"])?;
        far.ip(&format!("link set {INTERFACE} up"))
    }

    /// Gives the edge's interface its name, and sets it up.
    fn connect(&self) -> Result<()> {
        let Self { edge, interface, .. } = self;
        edge.ip(&format!("link set {} name {interface}", Self::UNREADY))?;
        edge.ip(&format!("link set {interface} up"))
    }

    fn far_mac(&self) -> String {
        format!("02:00:00:00:fa:{:02x}", self.number)
    }
}

fn host(end: &FarEnd, path: u16, number: u8) -> Host {
    let [high, low] = path.to_be_bytes();
    Host {
        ns: end.ns().clone(),
        mac: end.mac().to_owned(),
        v4: Ipv4Addr::new(10, 77 + high, low, number),
        v6: Ipv6Addr::new(0xfd00, 0x77, 0, path, 0, 0, 0, number.into()),
    }
}
