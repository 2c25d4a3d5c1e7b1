//! Routes: into the kernel, and to the other side only.

use anyhow::{Result, ensure};
use edge_tests::speaker::{
    BirdPeer, SpeakerLab,
    plans::{
        OWN, PEER, PEER_V4, PEER_V6, PeerConfig, V4, V6, announcement, domain, edge, gateway, read,
        session,
    },
    wait,
};
use edge_user::routing::bird::model::{
    AddressFamily, DomainSide,
    community::BgpCommunity,
    domain::{BgpStatic, StaticHop},
};

const GATEWAY: (&str, &str) = ("10.1.255.5", "10.1.255.6");
const OTHER_GATEWAY: (&str, &str) = ("10.1.255.9", "10.1.255.10");
const SECONDARY: (&str, &str) = ("192.168.15.22", "192.168.15.21");

fn swapped((own, peer): (&'static str, &'static str)) -> (&'static str, &'static str) {
    (peer, own)
}

/// The gateway of a virtual network behind `r<index>`.
fn start_gateway(
    lab: &mut SpeakerLab,
    index: u32,
    ends: (&'static str, &'static str),
    routes: &[&str],
) -> Result<BirdPeer> {
    let [own, peer] = [ends.0, ends.1].map(|address| format!("{address}/30"));
    let ns = lab.cable(index, &[&own], &[&peer])?;
    let mut config = PeerConfig::new(65_515, &[swapped(ends)], routes);
    config.export.push_str("bgp_community.add((65000, 1));");
    BirdPeer::start(&ns, &config)
}

fn learns(peer: &BirdPeer, prefixes: &[&str]) -> Result<()> {
    let mut last = Vec::new();
    let learned = wait(|| {
        last = peer.learned("ipv4")?;
        Ok((last == prefixes).then_some(()))
    });
    learned.map_err(|error| error.context(format!("{last:?}, and not {prefixes:?}")))
}

#[test]
fn routes_go_to_the_other_side_and_to_no_other_customer() -> Result<()> {
    let test = "routes_go_to_the_other_side_and_to_no_other_customer";
    let Some(mut lab) = SpeakerLab::new(test)? else {
        return Ok(());
    };
    let primary = {
        let ns = lab.cable(1, &OWN[..1], &PEER[..1])?;
        BirdPeer::start(&ns, &PeerConfig::new(65_001, &[PEER_V4], &["10.11.0.0/16"]))?
    };
    let secondary = {
        let ns = lab.cable(2, &["192.168.15.22/30"], &["192.168.15.21/30"])?;
        BirdPeer::start(&ns, &PeerConfig::new(65_001, &[swapped(SECONDARY)], &["10.12.0.0/16"]))?
    };
    let other = {
        let ns = lab.cable(3, &OWN[..1], &PEER[..1])?;
        BirdPeer::start(&ns, &PeerConfig::new(65_003, &[PEER_V4], &["10.13.0.0/16"]))?
    };
    let hub = start_gateway(&mut lab, 8, GATEWAY, &["10.1.0.0/16"])?;
    let spoke = start_gateway(&mut lab, 9, OTHER_GATEWAY, &["10.2.0.0/16"])?;
    let mut second = session(2, &[SECONDARY]);
    second.peer_asn = 65_001;
    let mut first_domain = domain(
        1_001,
        vec![session(1, &[V4]), second, gateway(8, &[GATEWAY]), gateway(9, &[OTHER_GATEWAY])],
    );
    first_domain.announcements = vec![announcement("10.3.0.0/16")];
    let plan = edge(vec![first_domain.clone(), domain(1_002, vec![session(3, &[V4])])]);
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&plan)?;
    for name in ["c1v4", "c2v4", "c3v4", "g8v4", "g9v4"] {
        lab.up(name)?;
    }
    let cloud = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"];
    learns(&primary, &cloud)?;
    learns(&secondary, &cloud)?;
    learns(&other, &[])?;
    learns(&hub, &["10.11.0.0/16", "10.12.0.0/16"])?;
    learns(&spoke, &["10.11.0.0/16", "10.12.0.0/16"])?;
    // The gateway's community and private AS are gone, and the region's community is there.
    let route = primary.route("10.1.0.0/16")?;
    ensure!(route.contains(&"BGP.as_path: 12076".to_owned()), "{route:?}");
    ensure!(route.contains(&"BGP.community: (12076,51002)".to_owned()), "{route:?}");
    // The announcement is forwarded by the edge's own knowledge.
    let routes = lab.kernel_routes(AddressFamily::V4, 1_001)?;
    ensure!(routes.len() == 4 && !routes.iter().any(|it| it.starts_with("10.3.")), "{routes:?}");
    ensure!(routes[0].starts_with("10.1.0.0/16 via 10.1.255.6 dev r8 "), "{routes:?}");
    // BIRD says the same of them as the peers do.
    let mut control = lab.control()?;
    let mut told: Vec<_> =
        control.advertised(read("c1v4"))?.iter().map(|route| route.prefix.to_string()).collect();
    told.sort();
    ensure!(told == cloud, "{told:?}");
    let accepted = control.accepted(1_001, read("g8v4"))?;
    ensure!(accepted.len() == 1 && accepted[0].communities == [BgpCommunity(12076, 51002)]);
    ensure!(accepted[0].hops[0].device == "r8" && accepted[0].is_best, "{accepted:?}");
    ensure!(control.best(1_001, AddressFamily::V4)?.len() == 5);

    // Where networks of one circuit are joined, each hears of the other, and of itself nothing.
    first_domain.joins_cloud = true;
    supervisor.apply(&edge(vec![first_domain, domain(1_002, vec![session(3, &[V4])])]))?;
    learns(&hub, &["10.11.0.0/16", "10.12.0.0/16", "10.2.0.0/16", "10.3.0.0/16"])?;
    learns(&primary, &cloud)?;
    learns(&other, &[])?;
    Ok(())
}

#[test]
fn both_links_share_traffic_until_one_is_prepended() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("both_links_share_traffic_until_one_is_prepended")? else {
        return Ok(());
    };
    let ns = lab.cable(1, &OWN[..1], &PEER[..1])?;
    let config = PeerConfig::new(65_001, &[PEER_V4], &["10.11.0.0/16"]);
    let _primary = BirdPeer::start(&ns, &config)?;
    let ns = lab.cable(2, &["192.168.15.22/30"], &["192.168.15.21/30"])?;
    let mut config = PeerConfig::new(65_001, &[swapped(SECONDARY)], &["10.11.0.0/16"]);
    let secondary = BirdPeer::start(&ns, &config)?;
    let mut second = session(2, &[SECONDARY]);
    second.peer_asn = 65_001;
    lab.supervisor()?.apply(&edge(vec![domain(1_001, vec![session(1, &[V4]), second])]))?;
    let is_shared = |routes: &[String]| {
        matches!(routes, [route] if route.contains("via 192.168.15.17 dev r1")
            && route.contains("via 192.168.15.21 dev r2"))
    };
    lab.kernel_has(AddressFamily::V4, 1_001, is_shared)?;
    config.export = "bgp_path.prepend(65001);".to_owned();
    secondary.change(&config)?;
    let is_single = |routes: &[String]| matches!(routes, [route] if route.contains("via 192.168.15.17 dev r1") && !route.contains("r2"));
    lab.kernel_has(AddressFamily::V4, 1_001, is_single)?;
    config.export.clear();
    secondary.change(&config)?;
    lab.kernel_has(AddressFamily::V4, 1_001, is_shared)?;
    // A link that goes leaves the other alone.
    drop(secondary);
    lab.kernel_has(AddressFamily::V4, 1_001, |routes| is_single(routes) || is_shared(routes))?;
    lab.edge.output("ip", &["link", "set", "r2", "down"])?;
    lab.kernel_has(AddressFamily::V4, 1_001, is_single)?;
    Ok(())
}

#[test]
fn static_routes_are_installed_by_their_device_and_told() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("static_routes_are_installed_by_their_device_and_told")?
    else {
        return Ok(());
    };
    let mut peers = Vec::new();
    let mut domains = Vec::new();
    for index in 1..=2 {
        let ns = lab.cable(index, &OWN, &PEER)?;
        peers.push(BirdPeer::start(&ns, &PeerConfig::new(65_000 + index, &[PEER_V4], &[]))?);
        // A second device of the same customer, with the network of everybody's.
        lab.cable(10 + index, &OWN, &PEER)?;
        let hop = |gateway: &str, index: u32| StaticHop {
            gateway: read(gateway),
            device: format!("r{index}"),
        };
        let mut domain = domain(1_000 + index, vec![session(index, &[V4])]);
        domain.statics = vec![
            BgpStatic {
                prefix: read("10.9.0.0/16"),
                side: DomainSide::Customer,
                hops: vec![hop(V4.1, index)],
                communities: Vec::new(),
            },
            BgpStatic {
                prefix: read("10.8.0.0/16"),
                side: DomainSide::Cloud,
                hops: vec![hop(V4.1, index), hop(V4.1, 10 + index)],
                communities: vec![BgpCommunity(12076, 51002)],
            },
            BgpStatic {
                prefix: read("fd00:8::/48"),
                side: DomainSide::Cloud,
                hops: vec![hop(V6.1, 10 + index)],
                communities: Vec::new(),
            },
        ];
        domains.push(domain);
    }
    lab.supervisor()?.apply(&edge(domains))?;
    for index in 1..=2 {
        let (table, second) = (1_000 + index, 10 + index);
        let routes = lab.kernel_has(AddressFamily::V4, table, |routes| routes.len() == 2)?;
        ensure!(routes[0].contains(&format!("via 192.168.15.17 dev r{index} ")), "{routes:?}");
        ensure!(routes[0].contains(&format!("via 192.168.15.17 dev r{second} ")), "{routes:?}");
        ensure!(
            routes[1].starts_with(&format!("10.9.0.0/16 via 192.168.15.17 dev r{index} ")),
            "{routes:?}"
        );
        let routes = lab.kernel_has(AddressFamily::V6, table, |routes| routes.len() == 1)?;
        ensure!(
            routes[0].starts_with(&format!("fd00:8::/48 via fd00:15::1 dev r{second} ")),
            "{routes:?}"
        );
    }
    for peer in &peers {
        learns(peer, &["10.8.0.0/16"])?;
        let route = peer.route("10.8.0.0/16")?;
        ensure!(route.contains(&"BGP.community: (12076,51002)".to_owned()), "{route:?}");
        ensure!(route.contains(&"BGP.next_hop: 192.168.15.18".to_owned()), "{route:?}");
    }
    // Of two hops, the one whose device is up is left.
    lab.edge.output("ip", &["link", "set", "r11", "down"])?;
    lab.kernel_has(AddressFamily::V4, 1_001, |routes| {
        routes.len() == 2 && routes[0].contains("dev r1 ") && !routes[0].contains("r11")
    })?;
    Ok(())
}

#[test]
fn a_customer_cannot_take_a_clouds_prefix() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_customer_cannot_take_a_clouds_prefix")? else {
        return Ok(());
    };
    let ns = lab.cable(1, &OWN[..1], &PEER[..1])?;
    let config =
        PeerConfig::new(65_001, &[PEER_V4], &["10.1.0.0/16", "10.3.0.0/16", "10.1.2.0/24"]);
    let _customer = BirdPeer::start(&ns, &config)?;
    let mut domain = domain(1_001, vec![session(1, &[V4]), gateway(8, &[GATEWAY])]);
    domain.announcements = vec![announcement("10.3.0.0/16")];
    let plan = edge(vec![domain]);
    lab.cable_to(&ns, 7, "eth7", &[], &[])?;
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&plan)?;
    lab.up("c1v4")?;
    // As long as no network has the prefix, the customer's route is good; the announced one never.
    lab.kernel_has(AddressFamily::V4, 1_001, |routes| {
        matches!(routes, [a, b] if a.starts_with("10.1.0.0/16 via 192.168.15.17 ") && b.starts_with("10.1.2.0/24 "))
    })?;
    let hub = start_gateway(&mut lab, 8, GATEWAY, &["10.1.0.0/16"])?;
    lab.kernel_has(AddressFamily::V4, 1_001, |routes| {
        matches!(routes, [a, b] if a.starts_with("10.1.0.0/16 via 10.1.255.6 dev r8 ") && b.starts_with("10.1.2.0/24 "))
    })?;
    // The network is not told that its own prefix is elsewhere.
    learns(&hub, &["10.1.2.0/24"])
}

#[test]
fn the_peer_is_the_next_hop_whatever_it_says() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("the_peer_is_the_next_hop_whatever_it_says")? else {
        return Ok(());
    };
    let mut peers = Vec::new();
    let mut domains = Vec::new();
    for index in 1..=2 {
        let ns = lab.cable(index, &OWN, &PEER)?;
        let mut config =
            PeerConfig::new(65_000 + index, &[PEER_V4, PEER_V6], &["10.5.0.0/16", "fd00:5::/48"]);
        // The edge's own address, and a link-local one that nobody has.
        config.export = "if net.type = NET_IP4 then bgp_next_hop = 192.168.15.18; else bgp_next_hop = fd00:15::3;".to_owned();
        peers.push(BirdPeer::start(&ns, &config)?);
        domains.push(domain(1_000 + index, vec![session(index, &[V4, V6])]));
    }
    lab.supervisor()?.apply(&edge(domains))?;
    for index in 1..=2 {
        let session = lab.session(&format!("c{index}v6"), |session| session.received() == 1)?;
        ensure!(session.imported == 1, "{session:?}");
        let expected = format!("fd00:5::/48 via fd00:15::1 dev r{index} ");
        lab.kernel_has(
            AddressFamily::V6,
            1_000 + index,
            |routes| matches!(routes, [route] if route.starts_with(&expected)),
        )?;
        // BIRD takes a route by way of the edge itself for what it is.
        lab.up(&format!("c{index}v4"))?;
        let routes = lab.kernel_routes(AddressFamily::V4, 1_000 + index)?;
        let own = format!("10.5.0.0/16 via 192.168.15.17 dev r{index} ");
        ensure!(routes.iter().all(|route| route.starts_with(&own)), "{routes:?}");
    }
    Ok(())
}
