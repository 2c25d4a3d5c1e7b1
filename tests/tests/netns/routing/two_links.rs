//! Customers with two links: a second cable leads from their routers to the edge.
//!
//! ```text
//!            ┌ eth0 .17 ══ customer0 .18 ┐
//!  customer ─┤                           ├ edge ─ virtual network
//!            └ eth1 .21 ══ customer1 .22 ┘
//! ```

use anyhow::Result;
use edge_common::abi::lab::WireCount;
use edge_tests::{
    exchange::{CUSTOMER_ASN, Customer, Exchange, LAN, LINK, VNET},
    probes::{Bystander, Probes, received},
    speaker::{BirdPeer, FrrPeer, plans::PeerConfig},
};
use edge_user::{
    config::sample::{Sample, SamplePort, Value},
    lab::{NetNs, Trunk},
};

/// The customer's router on its second link, and the edge there.
pub(super) const SECOND: (&str, &str) = ("192.168.15.21", "192.168.15.22");
/// Flows of probes. That all of 12 take the same one of two ways happens once in two thousand times.
const FLOWS: usize = 12;

/// An exchange with two customers, both of which have two links. The second one stands by, and is to notice nothing.
pub(super) struct TwoLinks {
    pub(super) exchange: Exchange,
    /// The second cable.
    pub(super) second: Trunk,
}

impl TwoLinks {
    pub(super) fn new() -> Result<Self> {
        let exchange = Exchange::new(2)?;
        let mut second = Trunk::new(&exchange.edge, "customer1", 1500)?;
        for customer in &exchange.customers {
            second.lead_to(&customer.router, "eth1", customer.tags())?;
            let address = format!("{}/30", SECOND.0);
            ip(&customer.router, &format!("address add {address} dev eth1"))?;
        }
        for source in sources().iter().skip(1) {
            let router = &exchange.customers[0].router;
            ip(router, &format!("address add {source}/32 dev lo"))?;
        }
        Ok(Self { exchange, second })
    }

    /// A configuration with the second link.
    pub(super) fn with_second(config: Sample) -> Sample {
        let port = SamplePort::new("customer1", "customer").key("link", "secondary");
        let config = config.port(port.key("tpids", ["0x88a8", "0x8100"]));
        config.change_circuits(|circuit| {
            circuit.of_peering("private", "secondary", "192.168.15.20/30")
        })
    }

    /// The configuration with BGP, and BFD with this interval.
    pub(super) fn bgp_config(&self, bfd_ms: u32) -> Sample {
        let interval = format!("{bfd_ms}ms");
        Self::with_second(self.exchange.bgp_config()).change_circuits(|circuit| {
            let bfd = [("interval", interval.as_str().into()), ("multiplier", 3.into())];
            circuit.of_peering("private", "bfd", Value::table(bfd))
        })
    }

    /// The first customer.
    pub(super) fn customer(&self) -> &Customer {
        &self.exchange.customers[0]
    }

    /// The FRR of the first customer, which takes both links, and the BIRD of the one that stands by.
    pub(super) fn peers(&self, bfd_ms: u32) -> Result<(FrrPeer, BirdPeer)> {
        let asn = CUSTOMER_ASN;
        let each = |text: &dyn Fn(&str) -> String| [LINK.1, SECOND.1].map(text).concat();
        let neighbours = each(&|edge| {
            format!(
                " neighbor {edge} remote-as 12076\n neighbor {edge} bfd\n \
                 neighbor {edge} timers connect 1\n"
            )
        });
        let bfd = each(&|edge| {
            format!(" peer {edge}\n  receive-interval {bfd_ms}\n  transmit-interval {bfd_ms}\n")
        });
        let config = format!(
            "router bgp {asn}\n bgp router-id 10.255.0.3\n no bgp ebgp-requires-policy\n \
             no bgp network import-check\n{neighbours} address-family ipv4 unicast\n  \
             network {}\n  maximum-paths 2\n exit-address-family\nbfd\n{bfd}",
            LAN.0
        );
        // BGP is to find the ways, and not the exchange.
        ip(&self.customer().router, &format!("route del {}", VNET.0))?;
        let frr = FrrPeer::start(&self.customer().router, &config)?;
        let idle = PeerConfig::new(asn, &[LINK, SECOND], &[LAN.0]);
        Ok((frr, BirdPeer::start(&self.exchange.customers[1].router, &idle)?))
    }

    /// Probes from hosts of the first customer to its virtual network.
    pub(super) fn probes(&self) -> Result<Probes> {
        let customer = self.customer();
        Probes::start(&customer.router, &sources(), &customer.vnet, VNET.1)
    }

    /// The addresses of the customer that stands by: the same as those of the other.
    pub(super) fn bystanders(&self) -> Result<Vec<Bystander>> {
        let idle = &self.exchange.customers[1];
        let mut all = vec![Bystander::new(&idle.vnet, VNET.1)?];
        // Anything that comes to its router with any address.
        all.push(Bystander::new(&idle.router, LAN.1)?);
        for source in sources().iter().skip(1) {
            ip(&idle.router, &format!("address add {source}/32 dev lo"))?;
            all.push(Bystander::new(&idle.router, source)?);
        }
        Ok(all)
    }

    /// Probes that the edge has sent to the first customer by each link.
    pub(super) fn by_link(&self) -> Result<[WireCount; 2]> {
        let vids = self.customer().tags().vids();
        Ok([received(&self.exchange.customer_side, vids)?, received(&self.second, vids)?])
    }
}

/// Addresses of hosts of the customer's, the first of which the exchange has already.
pub(super) fn sources() -> Vec<String> {
    (1..=FLOWS).map(|host| format!("10.9.0.{host}")).collect()
}

/// Runs `ip` in a namespace.
pub(super) fn ip(ns: &NetNs, arguments: &str) -> Result<String> {
    ns.output("ip", &arguments.split(' ').collect::<Vec<_>>())
}
