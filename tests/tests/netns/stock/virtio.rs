//! `edge run` on network cards: two of qemu's, each joined by a hub with one that is a far end.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    daemon::{Daemon, detach, status},
    notation::frame_of,
    stock::{INTERFACE, bare_lab, forwarded, ip, is_on, peering, reason, stock_or_skip, wait_for},
};
use edge_user::{
    config::sample::Sample,
    kernel::host::{interface::Interface, xdp_features::XdpFeatures},
    lab::{
        Lab, NetNs, WireCount,
        raw::{RawCollector, RawSender},
    },
};

use super::{PEERINGS, config};

/// Port of the edge, the card that it is, and the one at the other end of the hub.
const CARDS: [(&str, &str, &str); 2] = [("customer0", "eth0", "eth1"), ("core0", "eth2", "eth3")];
const WAIT: Duration = Duration::from_secs(5);
/// Long enough for a frame that should not arrive to have arrived.
const QUIET: Duration = Duration::from_millis(300);
/// Fewer than a card's queue holds.
const ROUNDS: u64 = 20;
/// A socket sends no frame that is longer than the MTU and an Ethernet header.
const TAGS_LEN_BYTES: u32 = 8;
const DEFAULT_MTU: u32 = 1500;

/// The cards in namespaces, until they go back to where they came from.
struct Cards {
    lab: Lab,
    far: [NetNs; 2],
}

impl Cards {
    fn take(mtu_bytes: u32) -> Result<Self> {
        let cards = Self { lab: bare_lab()?, far: [NetNs::new()?, NetNs::new()?] };
        // Else cards that come up ask for routers.
        for ns in cards.far.iter().chain([cards.lab.edge()]) {
            ns.sysctl("net.ipv6.conf.default.disable_ipv6", "1")?;
        }
        for ((port, card, other), far) in CARDS.into_iter().zip(&cards.far) {
            let far_mtu_bytes = mtu_bytes + TAGS_LEN_BYTES;
            for (ns, card, name, mtu_bytes) in
                [(cards.lab.edge(), card, port, mtu_bytes), (far, other, INTERFACE, far_mtu_bytes)]
            {
                let shown = outside(&format!("-o link show {card}"))?;
                let is_ours = shown.contains("link/ether 02:00:00:00:01:0");
                ensure!(is_ours, "{card} is not one of the guest's cards: {shown}");
                outside(&format!("link set {card} netns {} name {name}", ns.path().display()))?;
                ip(ns, &format!("link set {name} addrgenmode none mtu {mtu_bytes} up"))?;
            }
        }
        for far in &cards.far {
            ip(far, &format!("link set {INTERFACE} promisc on"))?;
        }
        Ok(cards)
    }
}

impl Drop for Cards {
    fn drop(&mut self) {
        for ((port, card, other), far) in CARDS.into_iter().zip(&self.far) {
            for (ns, card, name) in [(self.lab.edge(), card, port), (far, other, INTERFACE)] {
                let back = ip(ns, &format!("link set {name} promisc off down mtu {DEFAULT_MTU}"))
                    .and_then(|()| ip(ns, &format!("link set {name} netns 1 name {card}")));
                if let Err(error) = back {
                    println!("{card} stays where it is: {error:#}");
                }
            }
        }
    }
}

/// Runs `ip` where the cards come from.
fn outside(arguments: &str) -> Result<String> {
    let output = Command::new("ip").args(arguments.split(' ')).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {arguments}: {said}");
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Senders and receivers of the far ends.
struct Ends([(RawSender, RawCollector); 2]);

impl Ends {
    fn open(cards: &Cards) -> Result<Self> {
        let open = |ns| -> Result<_> {
            Ok((RawSender::open(ns, INTERFACE)?, RawCollector::open(ns, INTERFACE)?))
        };
        let [customer, core] = &cards.far;
        Ok(Self([open(customer)?, open(core)?]))
    }

    /// Sends frames so many times each way, and holds what arrives against what should.
    fn exchange(&self, rounds: u64, frames: &[(Vec<u8>, Vec<u8>)]) -> Result<()> {
        let [customer, core] = &self.0;
        for (from, to) in [(customer, core), (core, customer)] {
            for _ in 0..rounds {
                for (sent, _) in frames {
                    from.0.send(sent)?;
                }
                let arrived = to.1.collect(frames.len(), WAIT)?;
                let expected: Vec<_> = frames.iter().map(|(_, out)| out.clone()).collect();
                let lens: Vec<_> = arrived.iter().map(Vec::len).collect();
                ensure!(arrived == expected, "frames of {lens:?} bytes, or changed ones, arrived");
            }
            assert_eq!(to.1.collect(1, QUIET)?, Vec::<Vec<u8>>::new());
        }
        Ok(())
    }
}

/// A frame of each of [`PEERINGS`], the first with a packet of so many bytes; and as it should
/// leave.
fn frames(len_bytes: u16) -> Result<[(Vec<u8>, Vec<u8>); 3]> {
    let private = format!("88a8:100 8100:10 ipv4 dscp=26 payload={}", len_bytes - 24);
    let microsoft = |dscp: u8| frame_of(&format!("88a8:100 8100:20 ipv4 dscp={dscp} payload=276"));
    let unchanged = |text: &str| frame_of(text).map(|frame| (frame.clone(), frame));
    Ok([
        unchanged(&private)?,
        (microsoft(46)?, microsoft(0)?),
        unchanged("8100:300 ipv4 payload=36")?,
    ])
}

/// Each peering has forwarded its frame so many times, both ways.
fn check(rounds: u64, len_bytes: u16) -> Result<()> {
    let status = status()?;
    for direction in ["inbound", "outbound"] {
        let lens = [22 + u64::from(len_bytes), 22 + 300, 18 + 60];
        for ((circuit, kind, _), bytes) in PEERINGS.into_iter().zip(lens) {
            let counted = forwarded(&peering(&status, circuit, kind, direction)?.total);
            let expected = WireCount { frames: rounds, bytes: rounds * bytes };
            assert_eq!(counted, expected, "{circuit} {kind} {direction}");
        }
    }
    Ok(())
}

fn in_mode(mode: &str) -> Sample {
    config("reset").xdp_mode(mode)
}

fn features(cards: &Cards, port: &str) -> Result<Option<XdpFeatures>> {
    cards.lab.edge().run(|| Ok(XdpFeatures::of(Interface::find(port)?.index())?))
}

#[test]
fn cards_forward_in_their_driver() -> Result<()> {
    if !stock_or_skip("cards_forward_in_their_driver", &["virtio_net"]) {
        return Ok(());
    }
    let cards = Cards::take(1504)?;
    let edge = cards.lab.edge();
    for (port, ..) in CARDS {
        let driver = edge.output("ethtool", &["-i", port])?;
        assert!(driver.starts_with("driver: virtio_net"), "{driver}");
    }
    let daemon = Daemon::start(&cards.lab, &in_mode("native"))?;
    println!("{}", daemon.said());
    assert!(daemon.said().contains("core0: made promiscuous"), "{}", daemon.said());
    assert!(!daemon.said().contains("egress-refused"), "{}", daemon.said());
    for port in status()?.ports {
        assert_eq!(port.xdp_mode, "native", "{}", port.name);
        // The driver has turned off what joins frames before a program sees them.
        assert!(!is_on(edge, &port.interface, "rx-gro-hw")?, "{}", port.name);
        assert!(!is_on(edge, &port.interface, "rx-vlan-offload")?, "{}", port.name);
        println!("{}: {:?}", port.name, features(&cards, &port.interface)?.map(|f| f.to_string()));
    }
    let ends = Ends::open(&cards)?;
    ends.exchange(ROUNDS, &frames(1500)?)?;
    check(ROUNDS, 1500)?;

    // Frames are for others' addresses, which is why the edge has made its cards promiscuous.
    for (port, ..) in CARDS {
        ip(edge, &format!("link set {port} promisc off"))?;
    }
    let received = || Ok::<_, anyhow::Error>(status()?.ports[0].rx_frames);
    let before = received()?;
    ends.0[0].0.send(&frames(1500)?[0].0)?;
    assert_eq!(ends.0[1].1.collect(1, QUIET)?.len(), 0);
    assert_eq!(received()?, before);
    for (port, ..) in CARDS {
        ip(edge, &format!("link set {port} promisc on"))?;
    }
    ends.exchange(1, &frames(1500)?)?;
    check(ROUNDS + 1, 1500)?;

    // The kernel takes no frame for a device that is down.
    let refused = || reason(&status()?, "customer0", "egress-refused");
    assert_eq!(refused()?, 0);
    ip(edge, "link set core0 down")?;
    for _ in 0..ROUNDS {
        ends.0[0].0.send(&frames(1500)?[0].0)?;
    }
    wait_for("all frames are refused", || Ok(refused()? == ROUNDS))?;
    assert_eq!(ends.0[1].1.collect(1, QUIET)?.len(), 0);
    check(ROUNDS + 1, 1500)?;
    ip(edge, "link set core0 up")?;
    ends.exchange(1, &frames(1500)?)?;
    check(ROUNDS + 2, 1500)?;
    daemon.stop()?;
    detach(&cards.lab)?;
    Ok(())
}

/// From 6.3 on, drivers say whether a program gets frames of several buffers from them.
#[test]
fn cards_forward_jumbo_frames_where_their_driver_can() -> Result<()> {
    if !stock_or_skip("cards_forward_jumbo_frames_where_their_driver_can", &["virtio_net"]) {
        return Ok(());
    }
    let cards = Cards::take(9000)?;
    let can = features(&cards, "customer0")?.is_some_and(XdpFeatures::has_rx_sg);
    let mode = if can {
        "native"
    } else {
        let refused = Daemon::start(&cards.lab, &in_mode("native")).map(drop);
        let refused = format!("{:#}", refused.err().context("native mode should be refused")?);
        assert!(refused.contains("customer0 has an MTU of 9000"), "{refused}");
        "generic"
    };
    let daemon = Daemon::start(&cards.lab, &in_mode("auto"))?;
    println!("{}", daemon.said());
    for port in status()?.ports {
        assert_eq!(port.xdp_mode, mode, "{}", port.name);
    }
    let ends = Ends::open(&cards)?;
    ends.exchange(ROUNDS, &frames(8900)?)?;
    check(ROUNDS, 8900)?;
    daemon.stop()?;
    detach(&cards.lab)?;
    Ok(())
}
