//! Ends whose tags are the kernel's own: VLAN devices of 802.1ad and 802.1Q, with real traffic, and
//! a sender that keeps tags outside of its frames.

use std::{collections::BTreeMap, path::Path as FilePath, time::Duration};

use anyhow::{Context as _, Result};
use edge_api::Status;
use edge_tests::{
    books::STATE_DIR,
    daemon::{Daemon, book, detach, status},
    ends::PORTS,
    stock::{
        INTERFACE, PlainEnd, bare_lab, forwarded, is_on, path, peering, reason, run, settled,
        stock_or_skip,
    },
};
use edge_user::{
    billing::ledger::{Ledger, UsageQuery},
    lab::{
        IpFamily, Lab, Path, TagStack, WireCount, WireCounts,
        tcp::{self, TcpLoad},
        udp::{self, UdpLoad},
    },
};

use super::{PEERINGS, config};

const HIDING: [&str; 2] = ["rx-vlan-offload", "rx-vlan-stag-hw-parse"];
const PINGS: u64 = 3;
/// Ethernet, IP and ICMP headers, and payload.
const PING_BYTES: u64 = 14 + 20 + 8 + 100;

/// Both ends with a VLAN device for each of [`PEERINGS`].
struct Edge {
    lab: Lab,
    customer: PlainEnd,
    core: PlainEnd,
    paths: Vec<Path>,
}

impl Edge {
    fn new() -> Result<Self> {
        let lab = bare_lab()?;
        let customer = PlainEnd::cable(&lab, "customer0", 1)?;
        let core = PlainEnd::cable(&lab, "core0", 2)?;
        for end in [&customer, &core] {
            end.vlan("s100", INTERFACE, "802.1ad", 100)?;
            end.vlan("c10", "s100", "802.1q", 10)?;
            end.vlan("c20", "s100", "802.1q", 20)?;
            end.vlan("d300", INTERFACE, "802.1q", 300)?;
        }
        let paths = [
            ("c10", TagStack::qinq(100, 10)),
            ("c20", TagStack::qinq(100, 20)),
            ("d300", TagStack::dot1q(300)),
        ];
        let paths = (1..)
            .zip(paths)
            .map(|(number, (device, tags))| {
                let (near, far) = (customer.host(device, number)?, core.host(device, number)?);
                Ok(path(tags, near, far))
            })
            .collect::<Result<_>>()?;
        Ok(Self { lab, customer, core, paths })
    }

    /// Returns the counts at the customer and at the core, once all frames have arrived.
    fn received(&self) -> Result<[WireCounts; 2]> {
        settled(|| Ok([self.customer.watch.received()?, self.core.watch.received()?]))
    }

    /// Compares counters and arrivals at one moment: hosts ask for addresses again at
    /// times of their own.
    fn counts(&self) -> Result<(Status, [WireCounts; 2])> {
        loop {
            let (received, status) = (self.received()?, status()?);
            if self.received()? == received {
                return Ok((status, received));
            }
        }
    }

    /// Checks that the forwarded frames have arrived, frame by frame and byte by byte.
    fn check(&self) -> Result<()> {
        let (status, [at_customer, at_core]) = self.counts()?;
        for (circuit, kind, (s_vid, c_vid)) in PEERINGS {
            for (direction, received) in [("inbound", &at_core), ("outbound", &at_customer)] {
                let counted = forwarded(&peering(&status, circuit, kind, direction)?.total);
                let arrived = received.tagged(s_vid, c_vid);
                assert_eq!(counted, arrived, "{circuit} {kind} {direction}");
            }
        }
        let counted: u64 =
            PORTS.iter().map(|port| reason(&status, port, "ok")).sum::<Result<_>>()?;
        let refused: u64 =
            PORTS.iter().map(|port| reason(&status, port, "egress-refused")).sum::<Result<_>>()?;
        assert_eq!(counted, at_customer.total().frames + at_core.total().frames, "{refused}");
        Ok(())
    }
}

fn ping(path: &Path) -> Result<()> {
    let command = format!("busybox ping -q -c {PINGS} -i 0.1 -W 2 -s 100 {}", path.far.v4);
    run(&path.near.ns, &command)
}

fn flood(path: &Path, traffic_class: u8, rate_bps: u64) -> Result<WireCount> {
    let duration = Duration::from_millis(200);
    let load =
        UdpLoad { family: IpFamily::V4, traffic_class, frame_bytes: 1000, rate_bps, duration };
    let report = udp::start(path, load)?.join()?;
    Ok(WireCount { frames: report.frames, bytes: report.bytes })
}

#[test]
fn tags_of_vlan_devices_are_circuits() -> Result<()> {
    if !stock_or_skip("tags_of_vlan_devices_are_circuits", &["8021q"]) {
        return Ok(());
    }
    let edge = Edge::new()?;
    for port in PORTS {
        for setting in HIDING {
            run(edge.lab.edge(), &format!("ethtool -K {port} {setting} on"))?;
            assert!(is_on(edge.lab.edge(), port, setting)?, "{port} {setting}");
        }
    }
    // The burst is 40 ms of the rate.
    let config = config("trust").change_circuit("fabrikam", |fabrikam| {
        fabrikam.key("bandwidth", "4 Mbps").key("burst", 20_000).key("ecn", "mark")
    });
    let daemon = Daemon::start(&edge.lab, &config)?;
    for port in PORTS {
        for setting in HIDING {
            assert!(!is_on(edge.lab.edge(), port, setting)?, "{port} {setting}");
        }
    }

    for path in &edge.paths {
        ping(path)?;
    }
    let received = edge.received()?;
    for (circuit, kind, (s_vid, c_vid)) in PEERINGS {
        let tag_bytes = if s_vid == 0 { 4 } else { 8 };
        let bytes = PINGS * (PING_BYTES + tag_bytes);
        for received in &received {
            let pings = received
                .sum(|key| (key.s_vid, key.c_vid) == (s_vid, c_vid) && key.dscp() == Some(0));
            assert_eq!(pings, WireCount { frames: PINGS, bytes }, "{circuit} {kind}");
            // ARP requests and replies carry the same tags.
            let arp = received
                .sum(|key| (key.s_vid, key.c_vid) == (s_vid, c_vid) && key.dscp().is_none());
            assert!(arp.frames > 0, "{circuit} {kind}");
            assert_eq!(arp.bytes, arp.frames * (14 + 28 + tag_bytes), "{circuit} {kind}");
        }
    }
    edge.check()?;

    udp_keeps_or_loses_its_mark(&edge)?;
    for path in [edge.paths[0].clone(), edge.paths[0].reversed()] {
        let load = TcpLoad { family: IpFamily::V4, dscp: 0, duration: Duration::from_millis(300) };
        let report = tcp::start(&path, load)?.join()?;
        assert!(report.received_bytes > 50_000, "{report:?}");
        assert_eq!(report.sent_bytes, report.received_bytes);
    }
    edge.check()?;
    check_books(&edge)?;
    hidden_tags_are_no_circuits(&edge)?;
    daemon.stop()?;
    detach(&edge.lab)?;
    Ok(())
}

fn udp_keeps_or_loses_its_mark(edge: &Edge) -> Result<()> {
    const AF31: u8 = 26 << 2;
    const ECT0: u8 = 2;
    let [private, microsoft, dot1q] = [&edge.paths[0], &edge.paths[1], &edge.paths[2]];
    for reversed in [false, true] {
        let way = |path: &Path| if reversed { path.reversed() } else { path.clone() };
        let now = || Ok::<_, anyhow::Error>(edge.received()?[usize::from(!reversed)].clone());

        // `preserve` leaves the DSCP as it came; `trust` of one that no class lists doesn't.
        for (path, dscp) in [(private, 26), (microsoft, 0)] {
            let before = now()?;
            let sent = flood(&way(path), AF31, 4_000_000)?;
            let arrived = now()?.since(&before);
            let vids = path.tags.vids();
            let arrived =
                arrived.sum(|key| (key.s_vid, key.c_vid) == vids && key.dscp() == Some(dscp));
            assert!(sent.frames > 10, "{sent:?}");
            assert_eq!(arrived, sent, "{vids:?}, DSCP {dscp}, reversed {reversed}");
        }

        // More than the circuit's rate: some are marked, and not all arrive.
        let before = now()?;
        let sent = flood(&way(dot1q), ECT0, 8_000_000)?;
        let arrived = now()?.since(&before);
        let [marked, unmarked] = [3, 2].map(|ecn| arrived.sum(|key| key.ecn() == Some(ecn)).frames);
        assert!(marked > 0 && unmarked > 0, "{marked} marked, {unmarked} not, of {sent:?}");
        assert!(marked + unmarked < sent.frames, "{marked} marked, {unmarked} not, of {sent:?}");
    }
    Ok(())
}

/// Bytes by circuit, peering and direction.
fn booked() -> Result<BTreeMap<(String, String, String), u64>> {
    book()?;
    let mut booked = BTreeMap::new();
    let ledger = Ledger::open_read_only(FilePath::new(STATE_DIR))?;
    for record in ledger.usage(&UsageQuery::default())? {
        let key = (record.circuit, record.peering, record.direction);
        *booked.entry(key).or_default() += record.bytes;
    }
    Ok(booked)
}

/// The ledger has what has arrived.
fn check_books(edge: &Edge) -> Result<()> {
    let (booked, [at_customer, at_core]) = loop {
        let received = edge.received()?;
        let booked = booked()?;
        if edge.received()? == received {
            break (booked, received);
        }
    };
    for (circuit, kind, (s_vid, c_vid)) in PEERINGS {
        for (direction, received) in [("inbound", &at_core), ("outbound", &at_customer)] {
            let key = (circuit.to_owned(), kind.to_owned(), direction.to_owned());
            let bytes = booked.get(&key).copied().context("usage")?;
            assert_eq!(bytes, received.tagged(s_vid, c_vid).bytes, "{key:?}");
        }
    }
    Ok(())
}

/// A veth end with VLAN offload hands its peer the outer tag beside the frame, where XDP has no
/// sight of it. No NIC's wire does that; two namespaces of one host do.
fn hidden_tags_are_no_circuits(edge: &Edge) -> Result<()> {
    // Addresses that are asked for meanwhile belong to no IP packet.
    let packets =
        || Ok::<_, anyhow::Error>(edge.received()?.map(|r| r.sum(|key| key.dscp().is_some())));
    let before = packets()?;
    let reasons = |reason_of: &str| reason(&status()?, "customer0", reason_of);
    assert_eq!((reasons("untagged")?, reasons("unmatched")?), (0, 0));

    // C-tags alone: those of Dot1Q circuits are gone, and those under an S-tag are where they were.
    let [private, dot1q] = [&edge.paths[0], &edge.paths[2]];
    run(&edge.customer.ns, &format!("ethtool -K {INTERFACE} txvlan on"))?;
    let sent = flood(dot1q, 0, 1_000_000)?;
    assert_eq!(packets()?, before);
    let untagged = reasons("untagged")?;
    assert!(untagged >= sent.frames, "{untagged} of {sent:?}");
    ping(private)?;
    let before = packets()?;

    // S-tags, too: what is left of a QinQ frame has the look of a Dot1Q circuit's. None has VID 10.
    run(&edge.customer.ns, &format!("ethtool -K {INTERFACE} tx-vlan-stag-hw-insert on"))?;
    let sent = flood(private, 0, 1_000_000)?;
    assert_eq!(packets()?, before);
    let unmatched = reasons("unmatched")?;
    assert!(unmatched >= sent.frames, "{unmatched} of {sent:?}");
    edge.check()
}
