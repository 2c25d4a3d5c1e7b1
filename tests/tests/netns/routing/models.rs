//! The examples of connectivity models, as they are in `contrib/examples`, with the routers' configurations from there.
//!
//! ```text
//!            ┌ eth0 .17 ══ ens1f0 .18 ┐              ┌ virtual network
//!  router ───┤                        ├ edge ─ ens2f0 ┤
//!            └ eth1 .21 ══ ens1f1 .22 ┘              └ services
//! ```

mod two_links;
mod vpn;

use std::fs;

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, configure, edge_binary},
    exchange::{Exchange, ExchangeDaemon as _, GATEWAY, LAN, LINK, SECOND_LINK, VNET},
    probes::{Probes, received},
    speaker::wait,
};
use edge_user::lab::{LabTag, NetNs, TagStack, Trunk, WireCount, private_mounts};

use super::two_links::{ip, sources};

const MTU_BYTES: u32 = 1500;

/// The edge of an example, with both cables to a router, and that to the core.
struct ModelLab {
    exchange: Exchange,
    /// The customer's router, or the provider's.
    router: NetNs,
    /// S-tag and C-tag of the private peering on each link.
    links: [(u16, u16); 2],
    /// The virtual network's gateway, and a host in the network.
    vnet: NetNs,
}

/// Both tags have the TPID that ports have first by default.
const fn tags((s_vid, c_vid): (u16, u16)) -> TagStack {
    TagStack {
        outer: LabTag { tpid: 0x8100, tci: s_vid },
        inner: LabTag { tpid: 0x8100, tci: c_vid },
    }
}

impl ModelLab {
    /// A private peering behind these tags on each link.
    fn new(links: [(u16, u16); 2]) -> Result<Self> {
        private_mounts()?;
        let edge = NetNs::new()?;
        let mut customer_side = Trunk::new(&edge, "ens1f0", MTU_BYTES)?;
        let mut second = Trunk::new(&edge, "ens1f1", MTU_BYTES)?;
        let mut core_side = Trunk::new(&edge, "ens2f0", MTU_BYTES)?;
        let router = NetNs::new()?;
        customer_side.lead_to(&router, "eth0", tags(links[0]))?;
        second.lead_to(&router, "eth1", tags(links[1]))?;
        let vnet = core_side.host(tags((2001, 1)))?;
        for (ns, commands) in [
            (
                &router,
                &[
                    format!("address add {}/30 dev eth0", LINK.0),
                    format!("address add {}/30 dev eth1", SECOND_LINK.0),
                ],
            ),
            (
                &vnet,
                &[
                    format!("address add {}/30 dev eth0", GATEWAY.0),
                    format!("address add {}/32 dev lo", VNET.1),
                ],
            ),
        ] {
            ns.sysctl("net.ipv4.ip_forward", "1")?;
            commands.iter().try_for_each(|command| ip(ns, command).map(drop))?;
        }
        let (second_side, customers) = (Some(second), Vec::new());
        let exchange = Exchange { edge, customer_side, second_side, core_side, customers };
        Ok(Self { exchange, router, links, vnet })
    }

    /// Starts a daemon on an example, which has no fault and no warning.
    fn start(&self, example: &str) -> Result<Daemon> {
        fs::write("/run/edge/westeurope.txt", WESTEUROPE)?;
        configure(example)?;
        let checked = self.exchange.edge(&["check", "-c", CONFIG_PATH])?;
        ensure!(checked.starts_with("ok: ") && checked.lines().count() == 1, "{checked}");
        let daemon = Daemon::spawn_in(&self.exchange.edge, edge_binary())?;
        daemon.wait_until_ready()?;
        Ok(daemon)
    }

    /// Addresses of hosts of the customer's, on its `lo`.
    fn add_hosts(customer: &NetNs) -> Result<()> {
        sources()
            .iter()
            .try_for_each(|own| ip(customer, &format!("address add {own}/32 dev lo")).map(drop))
    }

    /// The virtual network's gateway knows the way to the customer by itself.
    fn know_the_customer(&self) -> Result<()> {
        let way = format!("route add {} via {} dev eth0 src {}", LAN.0, GATEWAY.1, VNET.1);
        ip(&self.vnet, &way).map(drop)
    }

    fn second(&mut self) -> Result<&mut Trunk> {
        self.exchange.second_side.as_mut().context("the cable of the secondary link")
    }

    /// Probes that the edge has sent towards the customer by each link, with that link's own tags.
    fn by_link(&self) -> Result<[WireCount; 2]> {
        let second = self.exchange.second_side.as_ref().context("a second cable")?;
        let [first_tags, second_tags] = self.links;
        Ok([received(&self.exchange.customer_side, first_tags)?, received(second, second_tags)?])
    }

    /// Sends probes both ways until none is lost, and returns their numbers on each link.
    fn probed(&self, customer: &NetNs) -> Result<[u64; 2]> {
        let before = self.by_link()?;
        let probes = Probes::start(customer, &sources(), &self.vnet, VNET.1)?;
        probes.wait_until_whole()?;
        probes.end()?;
        let after = self.by_link()?;
        Ok([0, 1].map(|link: usize| after[link].frames - before[link].frames))
    }

    /// Waits until probes are on these links, and on no other.
    fn carry(&self, customer: &NetNs, links: [bool; 2]) -> Result<()> {
        let mut last = [0; 2];
        wait(|| {
            last = self.probed(customer)?;
            Ok((last.map(|frames| frames > 0) == links).then_some(()))
        })
        .with_context(|| format!("{last:?} probes by link instead of {links:?}"))
    }
}

/// The prefixes beside the example of an IPVPN.
const WESTEUROPE: &str = include_str!("../../../../contrib/examples/westeurope.txt");
