//! Public services: two customers and the network of all services, which speak BGP with the edge.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use edge_api::{CircuitReach, RouteLookup};
use edge_common::abi::lab::{TagStack, WireCount};
use edge_tests::{
    books::STATE_DIR,
    daemon::{book, configure, reload},
    exchange::{CUSTOMER_ASN, Exchange, ExchangeDaemon as _, pings},
    probes::{Probes, none_lost, received},
    speaker::{BirdPeer, FrrPeer, plans::PeerConfig, wait},
};
use edge_user::{
    billing::ledger::{Ledger, UsageQuery},
    config::sample::{Sample, SampleCircuit},
    lab::{NetNs, private_mounts, root_or_skip},
};

use super::bgp::{end, has_stayed, wait_for_sessions};

/// The tags of the service network on the core port.
const SERVICE_TAGS: TagStack = TagStack::qinq(3_000, 1);
/// The gateway of the service network, and the edge there.
const GATEWAY: (&str, &str) = ("10.255.0.2", "10.255.0.1");
const GATEWAY_V6: (&str, &str) = ("fd00:255::2", "fd00:255::1");
/// A host in each group of prefixes, and in none.
const NEAR: &str = "20.33.0.1";
const NEAR_V6: &str = "2a01:111::1";
const FAR: &str = "20.34.0.1";
const STORAGE: &str = "20.35.0.1";
const NOBODY: &str = "20.99.0.1";

/// Two regions, one of them near the edge, a service in each, and the network.
const PLACES: &str = r#"
[[region]]
name = "near"
area = "one"
community = "12076:51002"
prefixes_file = "near.txt"
[[region]]
name = "far"
area = "other"
community = "12076:51004"
prefixes_file = "far.txt"
[[service]]
name = "storage"
community = "12076:5020"
region = "near"
prefixes_file = "storage.txt"
[[location]]
name = "here"
area = "one"
local = ["near"]
[service_network]
port = "core0"
s_tag = 3000
c_tag = 1
own = "10.255.0.1/30"
gateway = "10.255.0.2"
own_v6 = "fd00:255::1/126"
gateway_v6 = "fd00:255::2"
asn = 65516
"#;

/// A customer of public services.
struct ServedCustomer {
    number: u16,
    router: NetNs,
    /// Its router on the link, and the edge there.
    link: (&'static str, &'static str),
    link_v6: (&'static str, &'static str),
    /// Its prefixes, and a host in the first of each family.
    prefixes: [&'static str; 2],
    host: &'static str,
    host_v6: &'static str,
}

impl ServedCustomer {
    fn new(exchange: &mut Exchange, number: u16) -> Result<Self> {
        let router = exchange.customer_side.host(TagStack::qinq(100 + number, 20))?;
        let customer = if number == 1 {
            Self {
                number,
                router,
                link: ("198.51.100.17", "198.51.100.18"),
                link_v6: ("fd00:15::1", "fd00:15::2"),
                prefixes: ["203.0.113.0/25", "2001:db8:101::/48"],
                host: "203.0.113.1",
                host_v6: "2001:db8:101::1",
            }
        } else {
            Self {
                number,
                router,
                link: ("198.51.100.21", "198.51.100.22"),
                link_v6: ("fd00:15::5", "fd00:15::6"),
                prefixes: ["203.0.113.128/25", "2001:db8:102::/48"],
                host: "203.0.113.129",
                host_v6: "2001:db8:102::1",
            }
        };
        addresses(
            &customer.router,
            customer.link.0,
            customer.link_v6.0,
            &[customer.host, customer.host_v6],
        )?;
        Ok(customer)
    }

    fn name(&self) -> String {
        format!("customer{}", self.number)
    }

    fn tags(&self) -> (u16, u16) {
        (100 + self.number, 20)
    }

    fn circuit(&self, sku: &str, filter: &[&str]) -> SampleCircuit {
        let network = if self.number == 1 { "198.51.100.16/30" } else { "198.51.100.20/30" };
        let network_v6 = if self.number == 1 { "fd00:15::/126" } else { "fd00:15::4/126" };
        let circuit = SampleCircuit::new(self.name(), "1 Gbps")
            .s_tag(100 + self.number)
            .key("sku", sku)
            .key("accounting", "l2")
            .peering("microsoft", 20)
            .of_peering("microsoft", "dscp", "preserve")
            .of_peering("microsoft", "peer_asn", CUSTOMER_ASN)
            .of_peering("microsoft", "primary", network)
            .of_peering("microsoft", "primary_v6", network_v6)
            .of_peering("microsoft", "advertised_prefixes", self.prefixes);
        if filter.is_empty() {
            circuit
        } else {
            circuit.of_peering("microsoft", "route_filter", filter.to_vec())
        }
    }

    fn peer(&self, more: &[&str]) -> PeerConfig {
        let prefixes = [&self.prefixes[..], more].concat();
        PeerConfig::new(CUSTOMER_ASN, &[self.link, self.link_v6], &prefixes).forwards()
    }
}

fn ip(ns: &NetNs, arguments: &str) -> Result<()> {
    ns.output("ip", &arguments.split(' ').collect::<Vec<_>>()).map(drop)
}

fn addresses(ns: &NetNs, link: &str, link_v6: &str, hosts: &[&str]) -> Result<()> {
    ns.sysctl("net.ipv4.ip_forward", "1")?;
    ip(ns, &format!("address add {link}/30 dev eth0"))?;
    ip(ns, &format!("address add {link_v6}/126 dev eth0 nodad"))?;
    for host in hosts {
        let (len, flag) = if host.contains(':') { (128, " nodad") } else { (32, "") };
        ip(ns, &format!("address add {host}/{len} dev lo{flag}"))?;
    }
    Ok(())
}

fn config(exchange: &Exchange, circuits: [SampleCircuit; 2]) -> Sample {
    exchange
        .config(circuits)
        .routing("asn", 12_076)
        .routing("router_id", "192.0.2.1")
        .routing("bfd", false)
        .routing("location", "here")
        .tables(PLACES)
}

/// Writes a file of prefixes beside the configuration.
fn prefixes(name: &str, text: &str) -> Result<()> {
    fs::write(Path::new("/run/edge").join(name), text).with_context(|| format!("writing {name}"))
}

/// The peer has learned these prefixes, and no others.
fn learns(peer: &BirdPeer, prefixes: &[&str]) -> Result<()> {
    let learned =
        || -> Result<Vec<String>> { Ok([peer.learned("ipv4")?, peer.learned("ipv6")?].concat()) };
    wait(|| Ok((learned()? == prefixes).then_some(())))
        .with_context(|| format!("{:?} instead of {prefixes:?}", learned()))
}

/// A peer's route has these words in its attributes, and none of those.
fn has_attributes(peer: &BirdPeer, prefix: &str, words: &[&str], none: &[&str]) -> Result<()> {
    let lines = peer.route(prefix)?.join("\n");
    ensure!(words.iter().all(|word| lines.contains(word)), "{prefix}: {lines}");
    ensure!(!none.iter().any(|word| lines.contains(word)), "{prefix}: {lines}");
    Ok(())
}

/// The prefixes that `edge reach` says a customer is told, by communities.
fn told(exchange: &Exchange, customer: &ServedCustomer) -> Result<Vec<(String, bool)>> {
    let reach: CircuitReach =
        serde_json::from_str(&exchange.edge(&["reach", &customer.name(), "--json"])?)?;
    Ok(reach.services.iter().map(|it| (it.communities.join(" "), it.told)).collect())
}

/// The bytes that the ledger has of a customer in a direction.
fn booked(customer: &ServedCustomer, direction: &str) -> Result<WireCount> {
    let ledger = Ledger::open_read_only(Path::new(STATE_DIR))?;
    let mut sum = WireCount::default();
    for record in ledger.usage(&UsageQuery::default())? {
        if record.circuit == customer.name() && record.direction == direction {
            sum += WireCount { frames: record.frames, bytes: record.bytes };
        }
    }
    Ok(sum)
}

/// Probes of a customer to hosts of services and back, all of which come back from then on.
fn probe(customer: &ServedCustomer, services: &NetNs, to: &str) -> Result<()> {
    let source = if to.contains(':') { customer.host_v6 } else { customer.host };
    let probes = Probes::start(&customer.router, &[source.to_owned()], services, to)?;
    probes.wait_until_whole()?;
    probes.end()?;
    let probes = Probes::start(&customer.router, &[source.to_owned()], services, to)?;
    probes.wait_until_whole()?;
    none_lost(probes).map(drop)
}

/// Each customer's bytes are its own, in both directions.
fn wire_is_ledger(exchange: &Exchange, customers: [&ServedCustomer; 2]) -> Result<()> {
    book()?;
    let mut inbound = WireCount::default();
    for customer in customers {
        let wire = received(&exchange.customer_side, customer.tags())?;
        let own = booked(customer, "outbound")?;
        ensure!(wire.frames > 0 && own == wire, "{}: {own:?}, {wire:?}", customer.name());
        inbound += booked(customer, "inbound")?;
    }
    let wire = received(&exchange.core_side, SERVICE_TAGS.vids())?;
    ensure!(inbound == wire, "{inbound:?} booked, {wire:?} on the wire");
    Ok(())
}

/// No way to what a filter has not, from a source that is no service's, from another's source, or to another customer.
fn nothing_else_has_a_way(
    exchange: &Exchange,
    [one, other]: [&ServedCustomer; 2],
    services: &NetNs,
) -> Result<()> {
    ip(&one.router, "route add 20.34.0.0/16 via 198.51.100.18")?;
    ensure!(pings(&one.router, 2, one.host, FAR)? == 0, "it is out of reach");
    ensure!(pings(services, 2, NOBODY, one.host)? == 0, "it is no service's");
    ip(&one.router, "address add 203.0.113.193/32 dev lo")?;
    ensure!(pings(&one.router, 2, "203.0.113.193", NEAR)? == 0, "it is the other's");
    ensure!(pings(&one.router, 2, one.host, other.host)? == 0, "no way from customer to customer");
    let lookup: RouteLookup = serde_json::from_str(&exchange.edge(&[
        "lookup",
        "customer1",
        "microsoft",
        one.host,
        "--from",
        NEAR,
        "--json",
    ])?)?;
    ensure!(lookup.reason == "ok" && lookup.direction == "outbound", "{lookup:?}");
    let difference = exchange.edge(&["routes", "customer1", "microsoft", "--diff", "--json"])?;
    ensure!(difference.contains("\"routes\":[]"), "{difference}");
    Ok(())
}

/// A filter is set by a step in the circuit's life, and a wrong one is refused.
fn asks_by_a_step(exchange: &Exchange, bird: &BirdPeer) -> Result<()> {
    let step =
        ["circuit", "peering", "customer1", "microsoft", "--yes", "--route-filter", "12076:5020"];
    exchange.edge(&step)?;
    learns(bird, &["20.35.0.0/16", "20.36.0.0/16"])?;
    let wrong = exchange.edge(&[&step[..6], &["12076:5029"]].concat());
    let refused = wrong.err().context("an unknown community")?;
    ensure!(format!("{refused:#}").contains("unknown community \"12076:5029\""), "{refused:#}");
    Ok(())
}

#[test]
fn customers_reach_the_services_that_they_ask_for_and_no_others() -> Result<()> {
    if !root_or_skip("customers_reach_the_services_that_they_ask_for_and_no_others") {
        return Ok(());
    }
    private_mounts()?;
    let mut exchange = Exchange::new(0)?;
    let one = ServedCustomer::new(&mut exchange, 1)?;
    let other = ServedCustomer::new(&mut exchange, 2)?;
    let services = exchange.core_side.host(SERVICE_TAGS)?;
    addresses(&services, GATEWAY.0, GATEWAY_V6.0, &[NEAR, NEAR_V6, FAR, STORAGE, NOBODY])?;
    prefixes("near.txt", "# near the edge\n20.33.0.0/16\n2a01:111::/32 # IPv6\n")?;
    prefixes("far.txt", "20.34.0.0/16\n")?;
    prefixes("storage.txt", "20.35.0.0/16\n")?;
    let asked = ["12076:51002", "12076:51004"];
    let first = || one.circuit("standard", &asked);
    let second = || other.circuit("premium", &["12076:5020", "12076:51004"]);
    let daemon = exchange.start(&config(&exchange, [first(), second()]))?;

    // The first customer tells more than its own: the other's, private ones and a default route.
    let foreign = ["203.0.113.192/26", "10.9.0.0/16", "0.0.0.0/0", "198.18.0.0/15"];
    let mut config_of_one = one.peer(&foreign);
    config_of_one.export = "bgp_community.add((12076, 51004)); bgp_path.prepend(64600);".to_owned();
    let bird = BirdPeer::start(&one.router, &config_of_one)?;
    let frr = FrrPeer::of(&other.router, &other.peer(&[]))?;
    let network = PeerConfig::new(65_516, &[GATEWAY, GATEWAY_V6], &["20.33.0.0/16"]).forwards();
    let gateway = BirdPeer::start(&services, &network)?;
    let before = wait_for_sessions(&exchange, 6)?;

    // Without premium, the far region is out of reach, whatever the filter says.
    learns(&bird, &["20.33.0.0/16", "20.35.0.0/16", "2a01:111::/32"])?;
    has_attributes(&bird, "20.33.0.0/16", &["(12076,51002)"], &["(12076,5020)", "(12076,51004)"])?;
    has_attributes(&bird, "20.35.0.0/16", &["(12076,51002)", "(12076,5020)"], &[])?;
    wait(|| {
        let learned = frr.ask("show ip bgp")?;
        let has = |prefix: &str| learned.contains(prefix);
        Ok((has("20.34.0.0/16") && has("20.35.0.0/16") && !has("20.33.0.0/16")).then_some(()))
    })?;
    let of_storage = frr.ask("show ip bgp 20.35.0.0/16")?;
    ensure!(of_storage.contains("12076:5020 12076:51002"), "{of_storage}");
    ensure!(
        told(&exchange, &one)?
            == [
                ("12076:51004".to_owned(), false),
                ("12076:51002".to_owned(), true),
                ("12076:51002 12076:5020".to_owned(), true),
            ]
    );
    // The network learns registered prefixes alone, without private AS numbers and customers' communities.
    let registered =
        ["203.0.113.0/25", "203.0.113.128/25", "2001:db8:101::/48", "2001:db8:102::/48"];
    learns(&gateway, &registered)?;
    has_attributes(
        &gateway,
        "203.0.113.0/25",
        &["BGP.as_path: 12076"],
        &["64600", "65001", "community"],
    )?;

    // Both ways, each customer's bytes on its own circuit.
    probe(&one, &services, NEAR)?;
    probe(&one, &services, NEAR_V6)?;
    probe(&one, &services, STORAGE)?;
    probe(&other, &services, STORAGE)?;
    probe(&other, &services, FAR)?;
    wire_is_ledger(&exchange, [&one, &other])?;
    ensure!(pings(&services, 20, NEAR, one.host)? == 20);

    nothing_else_has_a_way(&exchange, [&one, &other], &services)?;

    // Other filters, another file and another SKU, without a session's reset.
    prefixes("storage.txt", "20.35.0.0/16\n20.36.0.0/16\n")?;
    configure(&config(
        &exchange,
        [one.circuit("premium", &["12076:5020", "12076:51004"]), second()],
    ))?;
    reload()?;
    learns(&bird, &["20.34.0.0/16", "20.35.0.0/16", "20.36.0.0/16"])?;
    wait(|| Ok((pings(&one.router, 1, one.host, FAR)? == 1).then_some(())))?;
    wait(|| Ok((pings(&services, 1, FAR, one.host)? == 1).then_some(())))?;
    configure(&config(&exchange, [one.circuit("premium", &[]), second()]))?;
    reload()?;
    learns(&bird, &[])?;
    ensure!(frr.ask("show ip bgp")?.contains("20.36.0.0/16"));
    ensure!(pings(&other.router, 20, other.host, STORAGE)? == 20);
    asks_by_a_step(&exchange, &bird)?;
    configure(&config(&exchange, [first(), second()]))?;
    reload()?;
    learns(&bird, &["20.33.0.0/16", "20.35.0.0/16", "20.36.0.0/16", "2a01:111::/32"])?;
    // The kernel of the customer's router has the route after its BIRD.
    wait(|| Ok((pings(&one.router, 1, one.host, NEAR)? == 1).then_some(())))?;
    let after = wait_for_sessions(&exchange, 6)?;
    for (before, after) in before.iter().zip(&after) {
        ensure!(has_stayed(before, after), "{before:?} {after:?}");
    }

    // A file that is wrong changes nothing.
    prefixes("near.txt", "20.33.0.0/33\n")?;
    let refused = reload().err().context("a wrong file")?.to_string();
    ensure!(refused.contains("is wrong in line 1"), "{refused}");
    ensure!(pings(&one.router, 20, one.host, NEAR)? == 20);

    // The daemon's end costs no frame, and the next one takes all over.
    prefixes("near.txt", "20.33.0.0/16\n2a01:111::/32\n")?;
    let probes = Probes::start(&one.router, &[one.host.to_owned()], &services, NEAR)?;
    probes.wait_until_whole()?;
    daemon.kill()?;
    probes.wait_until_whole()?;
    let daemon = exchange.start(&config(&exchange, [first(), second()]))?;
    wait_for_sessions(&exchange, 6)?;
    probes.wait_until_whole()?;
    none_lost(probes)?;
    end(&exchange, daemon)
}
