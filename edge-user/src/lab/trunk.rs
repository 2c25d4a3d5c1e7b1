//! A cable to a port of the edge that many hosts share, each behind tags of its own. Their frames are tagged whatever they
//! are: ARP and neighbour discovery work, too.
//!
//! ```text
//!  host: eth0 ──── h1 ┐
//!  host: eth0 ──── h2 ┴ hub: tags ── trunk ════ port of the edge
//! ```

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{HashMap, MapData},
    programs::{SchedClassifier, TcAttachType, tc},
};
use edge_common::abi::lab::{TagStack, TrunkAccess};
use nix::net::if_::if_nametoindex;
use zerocopy::transmute;

use super::{
    OBJECT,
    counts::WireCounts,
    far_end::{count, program},
    netns::NetNs,
};

/// The interface of the hub that leads to the port.
const TRUNK: &str = "trunk";
/// Offloads that are turned off: a wire carries no partial checksums, tags in metadata or frames of 64 KB.
const OFFLOADS: [&str; 5] = ["tx", "txvlan", "tx-vlan-stag-hw-insert", "tso", "gso"];

/// A trunk to a port of the edge. It goes with its hub, when this and all hosts are gone.
#[derive(Debug)]
pub struct Trunk {
    hub: NetNs,
    programs: Ebpf,
    /// Its interface.
    ifindex: u32,
    mtu_bytes: u32,
    hosts: u32,
    /// Tags and interfaces of hosts whose frames are lost.
    cuts: Vec<(TagStack, u32)>,
}

impl Trunk {
    /// Makes the interface `port` in the edge's namespace, and the trunk at its other end. Packets of hosts have up to
    /// `mtu_bytes`. The cable has room for two tags around them: veth takes frames up to 18 bytes above its MTU, of which
    /// the Ethernet header has 14.
    pub fn new(edge: &NetNs, port: &str, mtu_bytes: u32) -> Result<Self> {
        let hub = NetNs::new()?;
        let cable_mtu = mtu_bytes + 4;
        hub.sysctl("net.ipv6.conf.default.disable_ipv6", "1")?;
        edge.ip(&format!(
            "link add name {port} mtu {cable_mtu} type veth peer {TRUNK} mtu {cable_mtu} netns {}",
            hub.path().display()
        ))?;
        edge.ip(&format!("link set {port} addrgenmode none"))?;
        offloads_off(edge, port)?;
        offloads_off(&hub, TRUNK)?;
        let mut programs = Ebpf::load(OBJECT).context("cannot load the lab's programs")?;
        let ifindex = hub.run(|| {
            attach(&mut programs, "from_trunk", TRUNK)?;
            count(&mut programs, TRUNK)?;
            Ok(if_nametoindex(TRUNK)?)
        })?;
        hub.ip(&format!("link set {TRUNK} up"))?;
        edge.ip(&format!("link set {port} up"))?;
        Ok(Self { hub, programs, ifindex, mtu_bytes, hosts: 0, cuts: Vec::new() })
    }

    /// A host behind these tags, with the interface `eth0`.
    pub fn host(&mut self, tags: TagStack) -> Result<NetNs> {
        let ns = NetNs::new()?;
        self.lead_to(&ns, "eth0", tags)?;
        Ok(ns)
    }

    /// Gives a namespace an interface behind these tags, and sets it up.
    pub fn lead_to(&mut self, ns: &NetNs, interface: &str, tags: TagStack) -> Result<()> {
        self.hosts += 1;
        let (near, mtu_bytes) = (format!("h{}", self.hosts), self.mtu_bytes);
        self.hub.ip(&format!(
            "link add name {near} mtu {mtu_bytes} type veth peer {interface} mtu {mtu_bytes} netns {}",
            ns.path().display()
        ))?;
        offloads_off(ns, interface)?;
        offloads_off(&self.hub, &near)?;
        let Self { hub, programs, .. } = self;
        let index = hub.run(|| {
            attach(programs, "to_trunk", &near)?;
            Ok(if_nametoindex(near.as_str())?)
        })?;
        self.join(tags, index)?;
        self.hub.ip(&format!("link set {near} up"))?;
        ns.ip(&format!("link set {interface} up"))
    }

    /// Has frames to and from the host behind these tags be lost, as on a cable that is cut where neither end sees it.
    /// Frames that the edge goes on sending still count as received, and the host's frames don't count as offered.
    pub fn cut(&mut self, tags: TagStack) -> Result<()> {
        let interface = self.behind()?.get(&key(tags), 0);
        let interface = interface.context("no host is behind these tags")?;
        self.behind()?.remove(&key(tags)).context("cannot cut the way to a host")?;
        self.access()?.remove(&interface).context("cannot cut the way from a host")?;
        self.cuts.push((tags, interface));
        Ok(())
    }

    /// Ends a cut.
    pub fn mend(&mut self, tags: TagStack) -> Result<()> {
        let place = self.cuts.iter().position(|(cut, _)| *cut == tags);
        let (_, interface) = self.cuts.swap_remove(place.context("no cut has these tags")?);
        self.join(tags, interface)
    }

    /// Gives the host behind these tags others, as a provider does that moves it to another VLAN.
    pub fn retag(&mut self, from: TagStack, to: TagStack) -> Result<()> {
        self.cut(from)?;
        let (_, interface) = self.cuts.pop().context("the cut that was just made")?;
        self.join(to, interface)
    }

    /// Pulls the cable out of its far end, so that the port loses its carrier, or puts it in again.
    pub fn plug(&self, is_in: bool) -> Result<()> {
        self.hub.ip(&format!("link set {TRUNK} {}", if is_in { "up" } else { "down" }))
    }

    /// The counts of frames from the edge, as they came off the wire.
    pub fn received(&self) -> Result<WireCounts> {
        WireCounts::read(&self.programs, "RECEIVED")
    }

    /// The counts of frames to the edge, as they went on the wire.
    pub fn offered(&self) -> Result<WireCounts> {
        WireCounts::read(&self.programs, "OFFERED")
    }

    /// Has frames pass between the trunk and an interface with a host behind it.
    fn join(&mut self, tags: TagStack, interface: u32) -> Result<()> {
        let full = "the trunk has no room for another host";
        let access: AccessBytes = transmute!(TrunkAccess { tags, trunk: self.ifindex });
        self.access()?.insert(interface, access, 0).context(full)?;
        self.behind()?.insert(key(tags), interface, 0).context(full)
    }

    /// Tags of hosts, by their interfaces.
    fn access(&mut self) -> Result<HashMap<&mut MapData, u32, AccessBytes>> {
        let map = self.programs.map_mut("ACCESS").context("lab.o has no map ACCESS")?;
        Ok(map.try_into()?)
    }

    /// Interfaces of hosts, by their tags.
    fn behind(&mut self) -> Result<HashMap<&mut MapData, TagBytes, u32>> {
        let map = self.programs.map_mut("BEHIND").context("lab.o has no map BEHIND")?;
        Ok(map.try_into()?)
    }
}

fn key(tags: TagStack) -> TagBytes {
    transmute!(tags)
}

type AccessBytes = [u8; size_of::<TrunkAccess>()];
type TagBytes = [u8; size_of::<TagStack>()];

fn offloads_off(ns: &NetNs, interface: &str) -> Result<()> {
    let mut arguments = vec!["-K", interface];
    arguments.extend(OFFLOADS.iter().flat_map(|feature| [*feature, "off"]));
    ns.output("ethtool", &arguments).map(drop)
}

fn attach(programs: &mut Ebpf, name: &str, interface: &str) -> Result<()> {
    drop(tc::qdisc_add_clsact(interface));
    let program: &mut SchedClassifier = program(programs, name)?.try_into()?;
    if program.fd().is_err() {
        program.load()?;
    }
    program.attach(interface, TcAttachType::Ingress)?;
    Ok(())
}
