//! A host beyond a port of the edge.

use std::net::{IpAddr, Ipv6Addr};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::HashMap,
    programs::{SchedClassifier, TcAttachType, Xdp, XdpMode, tc},
};
use edge_common::abi::lab::TagStack;
use zerocopy::transmute;

use super::{OBJECT, counts::WireCounts, netns::NetNs, path::Host};

/// The interface of every far end.
pub(super) const INTERFACE: &str = "eth0";

/// TCP's least retransmission timeout. A round trip through the lab takes some 50 µs. The usual
/// least timeout, 200 ms, is 4,000 round trips: a policed stream would be silent for most of its
/// time.
const RTO_MIN: &str = "2ms";

/// A host with one interface, `eth0`, whose peer is a port of the edge.
#[derive(Debug)]
pub struct FarEnd {
    port: String,
    mac: String,
    ns: NetNs,
    programs: Ebpf,
}

impl FarEnd {
    /// Takes over the host side of a port whose link is up.
    pub(super) fn new(port: &str, mac: String, ns: NetNs) -> Result<Self> {
        let mut programs = Ebpf::load(OBJECT).context("cannot load the lab's programs")?;
        ns.run(|| attach(&mut programs))
            .with_context(|| format!("cannot put the lab's programs on the far end of {port}"))?;
        Ok(Self { port: port.to_owned(), mac, ns, programs })
    }

    /// Attaches the programs to an interface that has taken the place of the one before.
    pub(super) fn attach_again(&mut self) -> Result<()> {
        let Self { port, ns, programs, .. } = self;
        ns.run(|| attach(programs)).with_context(|| {
            format!("cannot put the lab's programs on the far end of {port} again")
        })
    }

    /// The edge's interface at the other end of the cable.
    #[must_use]
    pub fn port(&self) -> &str {
        &self.port
    }

    /// Its namespace.
    #[must_use]
    pub fn ns(&self) -> &NetNs {
        &self.ns
    }

    /// The name of its interface.
    #[must_use]
    pub fn interface(&self) -> &'static str {
        INTERFACE
    }

    /// The MAC address of its interface.
    #[must_use]
    pub fn mac(&self) -> &str {
        &self.mac
    }

    /// The counts of the frames that it has sent, as they went on the wire.
    pub fn offered(&self) -> Result<WireCounts> {
        WireCounts::read(&self.programs, "OFFERED")
    }

    /// The counts of the frames that have reached it, as they came off the wire.
    pub fn received(&self) -> Result<WireCounts> {
        WireCounts::read(&self.programs, "RECEIVED")
    }

    /// Has frames to `other` tagged, and makes addresses, neighbour and route for it.
    pub(super) fn meet(
        &mut self,
        own: &Host,
        other: &Host,
        ip_mtu: u32,
        tags: TagStack,
    ) -> Result<()> {
        let pairs: [(IpAddr, IpAddr, &str); 2] = [
            (own.v4.into(), other.v4.into(), "/32"),
            (own.v6.into(), other.v6.into(), "/128 nodad"),
        ];
        let mac = &other.mac;
        for (own, to, host) in pairs {
            self.ns.ip(&format!("address add {own}{host} dev {INTERFACE}"))?;
            self.ns
                .ip(&format!("neighbour add {to} lladdr {mac} dev {INTERFACE} nud permanent"))?;
            self.ns.ip(&format!(
                "route add {to} dev {INTERFACE} src {own} mtu {ip_mtu} rto_min {RTO_MIN}"
            ))?;
            self.tag(to, tags)?;
        }
        Ok(())
    }

    fn tag(&mut self, destination: IpAddr, tags: TagStack) -> Result<()> {
        let key: Ipv6Addr = match destination {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        let map = self.programs.map_mut("TAGS").context("lab.o has no map TAGS")?;
        let mut map: HashMap<_, [u8; 16], [u8; size_of::<TagStack>()]> = map.try_into()?;
        let tags: [u8; size_of::<TagStack>()] = transmute!(tags);
        map.insert(key.octets(), tags, 0).context("the lab has no room for another path")
    }
}

fn attach(programs: &mut Ebpf) -> Result<()> {
    // Kernels from 6.6 on attach without this qdisc, so it may be absent. On others, attaching then
    // fails with an error about it.
    drop(tc::qdisc_add_clsact(INTERFACE));
    for (name, hook) in [("push", TcAttachType::Egress), ("pop", TcAttachType::Ingress)] {
        let program: &mut SchedClassifier = program(programs, name)?.try_into()?;
        if program.fd().is_err() {
            program.load()?;
        }
        program.attach(INTERFACE, hook)?;
    }
    count(programs, INTERFACE)
}

/// Has an interface count the frames that it receives.
pub(super) fn count(programs: &mut Ebpf, interface: &str) -> Result<()> {
    let count: &mut Xdp = program(programs, "count")?.try_into()?;
    if count.fd().is_err() {
        count.load()?;
    }
    count.attach(interface, XdpMode::Driver)?;
    Ok(())
}

pub(super) fn program<'a>(
    programs: &'a mut Ebpf,
    name: &str,
) -> Result<&'a mut aya::programs::Program> {
    programs.program_mut(name).with_context(|| format!("lab.o has no program {name}"))
}
