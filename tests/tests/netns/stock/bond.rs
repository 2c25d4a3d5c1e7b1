//! A port that is a bond of two veth ends (active-backup): its frames leave by the active one, and
//! a frame that neither takes is not billed.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    daemon::{Daemon, configure, detach, reload, status},
    ends::contoso,
    notation::frame_of,
    stock::{
        INTERFACE, PlainEnd, bare_lab, forwarded, ip, lay_cable, peering, reason, settled,
        stock_or_skip, wait_for,
    },
};
use edge_user::{
    config::sample::Sample,
    lab::{
        Lab, NetNs, WireCount, WireWatch,
        raw::{RawCollector, RawSender},
    },
};

const FRAME: &str = "88a8:100 8100:10 ipv4 payload=176";
const FRAMES: u64 = 20;
const FRAME_BYTES: u64 = 14 + 8 + 200;
/// Long enough for frames that should not arrive to have arrived.
const QUIET: Duration = Duration::from_millis(200);
/// The bond's ports at the edge, and their other ends.
const SLAVES: [(&str, &str); 2] = [("b0", "m0"), ("b1", "m1")];

/// An edge whose port `core0` is a bond.
struct Edge {
    lab: Lab,
    customer: PlainEnd,
    /// A switch's end of both cables, more or less.
    core: NetNs,
    watches: [WireWatch; 2],
}

impl Edge {
    fn new() -> Result<Self> {
        let lab = bare_lab()?;
        let customer = PlainEnd::cable(&lab, "customer0", 1)?;
        let core = NetNs::new()?;
        ip(lab.edge(), "link add core0 type bond mode active-backup miimon 20")?;
        ip(lab.edge(), "link set core0 addrgenmode none mtu 1600")?;
        for (number, (slave, peer)) in (2..).zip(SLAVES) {
            lay_cable(&lab, slave, &core, peer, number)?;
            ip(lab.edge(), &format!("link set {slave} down"))?;
            ip(lab.edge(), &format!("link set {slave} master core0"))?;
        }
        ip(lab.edge(), "link set core0 up")?;
        let watch = |peer| WireWatch::on(&core, peer);
        let watches = [watch("m0")?, watch("m1")?];
        let edge = Self { lab, customer, core, watches };
        edge.wait_until_active(Some("b0"))?;
        Ok(edge)
    }

    fn wait_until_active(&self, slave: Option<&str>) -> Result<()> {
        wait_for(&format!("the active port of the bond is {slave:?}"), || {
            let shown = self.lab.edge().output("ip", &["-d", "link", "show", "core0"])?;
            let mut words = shown.split_whitespace().skip_while(|word| *word != "active_slave");
            Ok(words.nth(1) == slave)
        })
    }

    /// Sends frames from the customer, and returns how many came to each end of the bond's cables.
    fn send_inbound(&self, frames: u64) -> Result<[WireCount; 2]> {
        let received = || {
            let [first, second] = &self.watches;
            Ok([first.received()?.total(), second.received()?.total()])
        };
        let before = received()?;
        let sender = RawSender::open(&self.customer.ns, INTERFACE)?;
        for _ in 0..frames {
            sender.send(&frame_of(FRAME)?)?;
        }
        let mut arrived = settled(received)?;
        for (arrived, before) in arrived.iter_mut().zip(before) {
            arrived.frames -= before.frames;
            arrived.bytes -= before.bytes;
        }
        Ok(arrived)
    }

    /// Sends frames by one of the bond's cables, and returns how many came to the customer.
    fn send_outbound(&self, peer: &str) -> Result<u64> {
        let collector = RawCollector::open(&self.customer.ns, INTERFACE)?;
        let sender = RawSender::open(&self.core, peer)?;
        for _ in 0..FRAMES {
            sender.send(&frame_of(FRAME)?)?;
        }
        let mut arrived = collector.collect(usize::try_from(FRAMES)?, QUIET * 5)?;
        arrived.extend(collector.collect(1, QUIET)?);
        Ok(arrived.len() as u64)
    }

    fn link(&self, peer: &str, state: &str) -> Result<()> {
        ip(&self.core, &format!("link set {peer} {state}"))
    }
}

fn counted(direction: &str) -> Result<WireCount> {
    Ok(forwarded(&peering(&status()?, "contoso", "private", direction)?.total))
}

fn frames(frames: u64) -> WireCount {
    WireCount { frames, bytes: frames * FRAME_BYTES }
}

fn refused() -> Result<u64> {
    reason(&status()?, "customer0", "egress-refused")
}

#[test]
fn a_bond_sends_by_its_active_port_and_bills_once() -> Result<()> {
    if !stock_or_skip("a_bond_sends_by_its_active_port_and_bills_once", &["bonding"]) {
        return Ok(());
    }
    let edge = Edge::new()?;
    let daemon = start(&edge, "native")?;
    native(&edge)?;
    daemon.stop()?;
    detach(&edge.lab)?;
    refused_in(&edge, "generic", "xdp_mode = \"generic\" is refused; use \"native\"")?;
    // A port without native XDP takes it from the bond, which is not what auto makes generic then.
    ip(edge.lab.edge(), "link add d0 type dummy")?;
    ip(edge.lab.edge(), "link set d0 master core0")?;
    for mode in ["native", "auto"] {
        refused_in(&edge, mode, "native XDP as it is set up now, and generic mode is none for")?;
    }
    Ok(())
}

fn in_mode(mode: &str) -> Sample {
    Sample::lab().circuit(contoso()).xdp_mode(mode)
}

fn start(edge: &Edge, mode: &str) -> Result<Daemon> {
    let daemon = Daemon::start(&edge.lab, &in_mode(mode))?;
    ensure!(!daemon.said().contains("egress-refused"), "{}", daemon.said());
    for port in status()?.ports {
        assert_eq!(port.xdp_mode, mode, "{}", port.name);
    }
    Ok(daemon)
}

/// Bonding has had native XDP since Linux 5.15 (9e2ee5c7e7c3): it passes the program on to its ports,
/// and frames for it to the active one.
fn native(edge: &Edge) -> Result<()> {
    for interface in ["core0", "b0", "b1"] {
        assert!(!hides_tags(edge, interface)?, "{interface}");
    }
    assert_eq!(edge.send_inbound(FRAMES)?, [frames(FRAMES), frames(0)]);
    assert_eq!(counted("inbound")?, frames(FRAMES));
    assert_eq!(edge.send_outbound("m0")?, FRAMES);
    // A bond takes nothing from the other port, but the program has its frames before the bond.
    assert_eq!(edge.send_outbound("m1")?, FRAMES);
    assert_eq!(counted("outbound")?, frames(2 * FRAMES));

    // Another program in place of this one, on both ports.
    configure(&in_mode("native").edge("unmatched", "pass"))?;
    reload()?;
    assert_eq!(edge.send_inbound(FRAMES)?, [frames(FRAMES), frames(0)]);

    // Frames on the way while the active port goes down are refused or arrive.
    edge.link("m0", "down")?;
    let [first, second] = edge.send_inbound(FRAMES)?;
    assert_eq!(first.frames, 0);
    assert_eq!(counted("inbound")?, frames(2 * FRAMES + second.frames));
    assert_eq!(refused()?, FRAMES - second.frames);
    edge.wait_until_active(Some("b1"))?;
    let (inbound, before) = (counted("inbound")?.frames, refused()?);
    assert_eq!(edge.send_inbound(FRAMES)?, [frames(0), frames(FRAMES)]);
    assert_eq!(edge.send_outbound("m1")?, FRAMES);

    // There is no port left.
    edge.link("m1", "down")?;
    edge.wait_until_active(None)?;
    assert_eq!(edge.send_inbound(FRAMES)?, [frames(0); 2]);
    assert_eq!(refused()?, before + FRAMES);
    assert_eq!(counted("inbound")?, frames(inbound + FRAMES));

    edge.link("m0", "up")?;
    edge.wait_until_active(Some("b0"))?;
    assert_eq!(edge.send_inbound(FRAMES)?, [frames(FRAMES), frames(0)]);
    assert_eq!(counted("inbound")?, frames(inbound + 2 * FRAMES));
    Ok(())
}

/// In generic mode the program would be on the bond itself, behind its ports. The stack has taken the
/// outer tag out of a frame by then (`skb_vlan_untag` in `__netif_receive_skb_core`), and what is left
/// has the look of a Dot1Q circuit's; and a bond without ports takes frames and throws them away.
fn refused_in(edge: &Edge, mode: &str, why: &str) -> Result<()> {
    let refused = Daemon::start(&edge.lab, &in_mode(mode)).map(drop);
    let refused = format!("{:#}", refused.err().with_context(|| format!("{mode} is refused"))?);
    assert!(refused.contains("port \"core0\": ") && refused.contains(why), "{refused}");
    Ok(())
}

/// Whether the interface takes tags out of frames before XDP sees them.
fn hides_tags(edge: &Edge, interface: &str) -> Result<bool> {
    let shown = edge.lab.edge().output("ethtool", &["-k", interface])?;
    let hides = ["rx-vlan-offload: on", "rx-vlan-stag-hw-parse: on"];
    Ok(hides.iter().any(|line| shown.contains(line)))
}
