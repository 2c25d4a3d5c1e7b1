//! Two edges around two customers, their virtual networks and the network of public services.
//!
//! ```text
//!            ┌ eth0 ══ customer0  edge a  core0 ══ eth0 ┐
//!  customer ─┤                                          ├ virtual network, services
//!            └ eth1 ══ customer0  edge b  core0 ══ eth1 ┘
//! ```
//!
//! A customer's Microsoft peering has interfaces of its own, `eth2` and `eth3`.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use edge_common::abi::lab::TagStack;
use edge_tests::{
    daemon::{Daemon, edge_binary},
    exchange::{CUSTOMER_ASN, LAN, VNET},
    speaker::{BirdPeer, FrrPeer, plans::PeerConfig},
};
use edge_user::{
    config::sample::{Sample, SampleCircuit, SamplePort, Value},
    lab::{NetNs, Trunk},
};

/// Sessions of an edge: of two customers' private and Microsoft peerings, of their gateways, and of the services.
pub(super) const SESSIONS: usize = 7;
/// A host in the services of the edges' area, of another one, and of a national cloud.
pub(super) const NEAR: &str = "20.33.0.1";
pub(super) const FAR: &str = "20.34.0.1";
pub(super) const NATIONAL: &str = "20.35.0.1";
/// The customers' circuits.
pub(super) const SKUS: [&str; 2] = ["standard", "premium"];
const SERVICE_TAGS: TagStack = TagStack::qinq(3_000, 1);
const GATEWAY_ASN: u32 = 65_515;
const SERVICES_ASN: u32 = 65_516;
const MTU_BYTES: u32 = 1500;
/// Milliseconds between packets of BFD, of which three may be missing.
const BFD_MS: u32 = 100;
/// Flows of probes. That all of 12 take the same one of two ways happens once in two thousand times.
const FLOWS: usize = 12;

/// The regions that the services are in.
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
[[region]]
name = "national"
area = "one"
cloud = "government"
community = "12076:51006"
prefixes_file = "national.txt"
[[location]]
name = "here"
area = "one"
local = ["near"]
"#;
const REGIONS: [(&str, &str); 3] =
    [("near", "20.33.0.0/16"), ("far", "20.34.0.0/16"), ("national", "20.35.0.0/16")];

/// The addresses of a link: its network, the far end, and the edge.
type LinkAddresses = (&'static str, &'static str, &'static str);

/// One of two edges.
pub(super) struct SiteEdge {
    number: usize,
    pub(super) ns: NetNs,
    pub(super) customer_side: Trunk,
    pub(super) core_side: Trunk,
    daemon: Option<Daemon>,
}

/// A customer with its virtual network.
pub(super) struct Site {
    number: u16,
    pub(super) router: NetNs,
    pub(super) gateway: NetNs,
    /// A host with a registered address.
    pub(super) host: &'static str,
    registered: &'static str,
    /// Links of the Microsoft peering.
    public: [LinkAddresses; 2],
}

/// Links of every private peering, and of every gateway.
const PRIVATE: [LinkAddresses; 2] = [
    ("192.168.15.16/30", "192.168.15.17", "192.168.15.18"),
    ("192.168.15.20/30", "192.168.15.21", "192.168.15.22"),
];
const GATEWAYS: [(&str, &str); 2] = [("10.1.255.6", "10.1.255.5"), ("10.1.255.10", "10.1.255.9")];
const SERVICES: [(&str, &str); 2] = [("10.255.0.2", "10.255.0.1"), ("10.255.0.6", "10.255.0.5")];

/// Addresses of hosts of every customer.
pub(super) fn sources() -> Vec<String> {
    (1..=FLOWS).map(|host| format!("10.9.0.{host}")).collect()
}

impl SiteEdge {
    fn new(number: usize) -> Result<Self> {
        let ns = NetNs::new()?;
        let customer_side = Trunk::new(&ns, "customer0", MTU_BYTES)?;
        let core_side = Trunk::new(&ns, "core0", MTU_BYTES)?;
        let edge = Self { number, ns, customer_side, core_side, daemon: None };
        fs::create_dir_all(edge.directory()).context("a directory of an edge")?;
        for (region, prefix) in REGIONS {
            fs::write(format!("{}/{region}.txt", edge.directory()), format!("{prefix}\n"))?;
        }
        Ok(edge)
    }

    pub(super) fn name(&self) -> String {
        format!("edge-{}", ["a", "b"][self.number])
    }

    fn directory(&self) -> String {
        format!("/run/{}", self.name())
    }

    pub(super) fn state_dir(&self) -> String {
        format!("/var/lib/{}", self.name())
    }

    fn config_path(&self) -> String {
        format!("{}/edge.toml", self.directory())
    }

    pub(super) fn configure(&self, config: &Sample) -> Result<()> {
        fs::write(self.config_path(), config.to_string()).context("writing a configuration")
    }

    pub(super) fn start(&mut self, config: &Sample) -> Result<()> {
        self.configure(config)?;
        let daemon = Daemon::spawn_on(&self.ns, Path::new(&self.config_path()))?;
        daemon.wait_until_ready()?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Kills the daemon.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.daemon.take().context("no daemon runs")?.kill()
    }

    /// Runs a command of `edge` at this edge, which has to succeed, and returns what it printed.
    pub(super) fn edge(&self, arguments: &[&str]) -> Result<String> {
        let binary = edge_binary().to_str().context("a path in UTF-8")?;
        let socket = format!("{}/control.sock", self.directory());
        let arguments = [arguments, &["--socket", &socket]].concat();
        self.ns.output(binary, &arguments)
    }

    fn end(mut self) -> Result<()> {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop()?;
        }
        let binary = edge_binary().to_str().context("a path in UTF-8")?;
        self.ns.output(binary, &["detach", "-c", &self.config_path()]).map(drop)
    }
}

impl Site {
    fn new(number: u16) -> Result<Self> {
        let (router, gateway) = (NetNs::new()?, NetNs::new()?);
        Ok(if number == 1 {
            Self {
                number,
                router,
                gateway,
                host: "203.0.113.1",
                registered: "203.0.113.0/25",
                public: [
                    ("198.51.100.16/30", "198.51.100.17", "198.51.100.18"),
                    ("198.51.100.20/30", "198.51.100.21", "198.51.100.22"),
                ],
            }
        } else {
            Self {
                number,
                router,
                gateway,
                host: "203.0.113.129",
                registered: "203.0.113.128/25",
                public: [
                    ("198.51.100.24/30", "198.51.100.25", "198.51.100.26"),
                    ("198.51.100.28/30", "198.51.100.29", "198.51.100.30"),
                ],
            }
        })
    }

    pub(super) fn name(&self) -> String {
        format!("customer{}", self.number)
    }

    pub(super) fn tags(&self) -> TagStack {
        TagStack::qinq(100 + self.number, 10)
    }

    pub(super) fn service_tags(&self) -> TagStack {
        TagStack::qinq(100 + self.number, 20)
    }

    pub(super) fn vnet_tags(&self) -> TagStack {
        TagStack::qinq(2_000 + self.number, 1)
    }

    /// Lays the cables to an edge.
    fn join(&self, edge: &mut SiteEdge) -> Result<()> {
        let at = edge.number;
        let (private, public) = (["eth0", "eth1"][at], ["eth2", "eth3"][at]);
        edge.customer_side.lead_to(&self.router, private, self.tags())?;
        edge.customer_side.lead_to(&self.router, public, self.service_tags())?;
        edge.core_side.lead_to(&self.gateway, private, self.vnet_tags())?;
        ip(&self.router, &format!("address add {}/30 dev {private}", PRIVATE[at].1))?;
        ip(&self.router, &format!("address add {}/30 dev {public}", self.public[at].1))?;
        ip(&self.gateway, &format!("address add {}/30 dev {private}", GATEWAYS[at].0))
    }

    fn hosts(&self) -> Result<()> {
        for ns in [&self.router, &self.gateway] {
            forwards(ns)?;
        }
        for source in sources().iter().map(String::as_str).chain([self.host]) {
            ip(&self.router, &format!("address add {source}/32 dev lo"))?;
        }
        ip(&self.gateway, &format!("address add {}/32 dev lo", VNET.1))
    }

    fn circuit(&self, at: usize, sku: &str) -> SampleCircuit {
        let link = ["primary", "secondary"][at];
        let interval = format!("{BFD_MS}ms");
        let bfd =
            || Value::table([("interval", interval.as_str().into()), ("multiplier", 3.into())]);
        SampleCircuit::new(self.name(), "1 Gbps")
            .s_tag(100 + self.number)
            .key("sku", sku)
            .key("accounting", "l2")
            .peering("private", 10)
            .of_peering("private", "peer_asn", CUSTOMER_ASN)
            .of_peering("private", link, PRIVATE[at].0)
            .of_peering("private", "bfd", bfd())
            .peering("microsoft", 20)
            .of_peering("microsoft", "dscp", "preserve")
            .of_peering("microsoft", "peer_asn", CUSTOMER_ASN)
            .of_peering("microsoft", link, self.public[at].0)
            .of_peering("microsoft", "bfd", bfd())
            .of_peering("microsoft", "advertised_prefixes", vec![self.registered])
            .of_peering(
                "microsoft",
                "route_filter",
                vec!["12076:51002", "12076:51004", "12076:51006"],
            )
            .of_vnet("hub", "port", "core0")
            .of_vnet("hub", "s_tag", 2_000 + self.number)
            .of_vnet("hub", "c_tag", 1)
            .of_vnet("hub", "own", format!("{}/30", GATEWAYS[at].1))
            .of_vnet("hub", "gateway", GATEWAYS[at].0)
            .of_vnet("hub", "asn", GATEWAY_ASN)
            .of_vnet("hub", "bfd", bfd())
    }

    /// The configuration of its routers.
    fn peer(&self) -> PeerConfig {
        let [first, second] = PRIVATE.map(|(_, own, edge)| (own, edge));
        let [third, fourth] = self.public.map(|(_, own, edge)| (own, edge));
        PeerConfig::new(CUSTOMER_ASN, &[first, second, third, fourth], &[LAN.0, self.registered])
            .bfd_ms(BFD_MS)
            .balances()
    }
}

/// Everything.
pub(super) struct TwoEdges {
    pub(super) edges: [SiteEdge; 2],
    pub(super) sites: [Site; 2],
    services: NetNs,
}

/// Routers of the outside, which end with this.
pub(super) struct Peers {
    _frr: FrrPeer,
    _birds: Vec<BirdPeer>,
}

impl TwoEdges {
    /// Lays all cables, and starts both edges.
    pub(super) fn new() -> Result<Self> {
        let mut edges = [SiteEdge::new(0)?, SiteEdge::new(1)?];
        let sites = [Site::new(1)?, Site::new(2)?];
        let services = NetNs::new()?;
        for edge in &mut edges {
            for site in &sites {
                site.join(edge)?;
            }
            let interface = ["eth0", "eth1"][edge.number];
            edge.core_side.lead_to(&services, interface, SERVICE_TAGS)?;
            let own = SERVICES[edge.number].0;
            ip(&services, &format!("address add {own}/30 dev {interface}"))?;
        }
        sites.iter().try_for_each(Site::hosts)?;
        forwards(&services)?;
        for host in [NEAR, FAR, NATIONAL] {
            ip(&services, &format!("address add {host}/32 dev lo"))?;
        }
        let mut lab = Self { edges, sites, services };
        for at in 0..2 {
            let config = lab.config(&lab.edges[at], SKUS);
            lab.edges[at].start(&config)?;
        }
        Ok(lab)
    }

    /// The configuration of an edge.
    pub(super) fn config(&self, edge: &SiteEdge, skus: [&str; 2]) -> Sample {
        let at = edge.number;
        let provider = |port: SamplePort| port.key("tpids", ["0x88a8", "0x8100"]);
        let link = ["primary", "secondary"][at];
        let (gateway, own) = SERVICES[at];
        let network = format!(
            "[service_network]\nport = \"core0\"\ns_tag = 3000\nc_tag = 1\nown = \"{own}/30\"\n\
             gateway = \"{gateway}\"\nasn = {SERVICES_ASN}\n\
             bfd = {{ interval = \"{BFD_MS}ms\", multiplier = 3 }}\n"
        );
        Sample::new(&edge.name())
            .edge("metrics", "127.0.0.1:0")
            .edge("control", format!("{}/control.sock", edge.directory()))
            .edge("state_dir", edge.state_dir())
            .edge("pin_dir", format!("/sys/fs/bpf/{}", edge.name()))
            .pair("customer0", "core0")
            .change_port("customer0", |port| provider(port).key("link", link))
            .change_port("core0", |port| provider(port).key("link", link))
            .ledger("checkpoint", "1s")
            .circuits(self.sites.iter().zip(skus).map(|(site, sku)| site.circuit(at, sku)))
            .routing("asn", 12_076)
            .routing("router_id", ["192.0.2.1", "192.0.2.2"][at])
            .routing("netns", format!("routing-{}", edge.name()))
            .routing("location", "here")
            .tables(&format!("{PLACES}{network}"))
    }

    /// The first customer's FRR, and the BIRDs of all others.
    pub(super) fn peers(&self) -> Result<Peers> {
        let [one, other] = &self.sites;
        let frr = FrrPeer::of(&one.router, &one.peer())?;
        let mut birds = vec![BirdPeer::start(&other.router, &other.peer())?];
        for site in &self.sites {
            let gateway =
                PeerConfig::new(GATEWAY_ASN, &GATEWAYS, &[VNET.0]).bfd_ms(BFD_MS).balances();
            birds.push(BirdPeer::start(&site.gateway, &gateway)?);
        }
        let prefixes = REGIONS.map(|(_, prefix)| prefix);
        let services =
            PeerConfig::new(SERVICES_ASN, &SERVICES, &prefixes).bfd_ms(BFD_MS).balances();
        birds.push(BirdPeer::start(&self.services, &services)?);
        Ok(Peers { _frr: frr, _birds: birds })
    }

    /// Ends both edges, which leave nothing.
    pub(super) fn end(self) -> Result<()> {
        self.edges.into_iter().try_for_each(SiteEdge::end)
    }
}

fn forwards(ns: &NetNs) -> Result<()> {
    ns.sysctl("net.ipv4.ip_forward", "1")?;
    // Answers may come by the other edge.
    ns.sysctl("net.ipv4.conf.all.rp_filter", "0")?;
    // Flows with different ports of the same hosts, and so of the same addresses, take different ways.
    ns.sysctl("net.ipv4.fib_multipath_hash_policy", "1")
}

fn ip(ns: &NetNs, arguments: &str) -> Result<()> {
    ns.output("ip", &arguments.split(' ').collect::<Vec<_>>()).map(drop)
}
