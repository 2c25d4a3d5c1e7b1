//! An exchange in a lab: an edge that routes between customers and their virtual networks. All customers have the same
//! addresses.
//!
//! ```text
//!  customer 1 ─┐                                   ┌─ virtual network 1
//!  customer 2 ─┴ cust0 ══ customer0  edge  core0 ══┴─ virtual network 2
//!   10.9.0.1      .17          .18         .5    .6    10.1.0.1
//! ```
//!
//! A customer may have a second link, from `eth1` of its router to `customer1` of the edge.

mod customer;

use anyhow::Result;
use edge_common::abi::lab::{TagStack, WireCount};

pub use self::customer::{Customer, pings, wait_for_way};
use super::{netns::NetNs, trunk::Trunk};
use crate::config::sample::{Sample, SampleCircuit, SamplePort, Value};

/// The customer's router on its link, and the edge there.
pub const LINK: (&str, &str) = ("192.168.15.17", "192.168.15.18");
/// IPv6 addresses of the customer's router and of the edge on that link.
pub const LINK_V6: (&str, &str) = ("fd00:15::1", "fd00:15::2");
/// The customer's router on its second link, and the edge there.
pub const SECOND_LINK: (&str, &str) = ("192.168.15.21", "192.168.15.22");
/// IPv6 addresses of the customer's router and of the edge on the second link.
pub const SECOND_LINK_V6: (&str, &str) = ("fd00:15::5", "fd00:15::6");
/// The customer's network and a host in it.
pub const LAN: (&str, &str) = ("10.9.0.0/16", "10.9.0.1");
/// The customer's IPv6 network and a host in it.
pub const LAN_V6: (&str, &str) = ("2001:db8:9::/48", "2001:db8:9::1");
/// The virtual network and a host in it.
pub const VNET: (&str, &str) = ("10.1.0.0/16", "10.1.0.1");
/// The virtual network's IPv6 prefix and a host in it.
pub const VNET_V6: (&str, &str) = ("2001:db8:1::/48", "2001:db8:1::1");
/// The gateway of the virtual network, and the edge there.
pub const GATEWAY: (&str, &str) = ("10.1.255.6", "10.1.255.5");
/// IPv6 addresses of the gateway and of the edge there.
pub const GATEWAY_V6: (&str, &str) = ("fd00:1::6", "fd00:1::5");
/// The customers' AS.
pub const CUSTOMER_ASN: u32 = 65_001;
/// Milliseconds between packets of BFD, of which three may be missing.
pub const BFD_MS: u32 = 100;
const MTU_BYTES: u32 = 1500;
/// The edge's identifier in BGP.
pub const ROUTER_ID: &str = "192.0.2.1";
/// The port of second links.
const SECOND_PORT: &str = "customer1";

/// Everybody around an edge.
pub struct Exchange {
    /// The edge's namespace.
    pub edge: NetNs,
    /// The cable to the customers.
    pub customer_side: Trunk,
    /// The cable of second links.
    pub second_side: Option<Trunk>,
    /// The cable to the virtual networks.
    pub core_side: Trunk,
    /// Customers, by number from 1 on.
    pub customers: Vec<Customer>,
}

impl Exchange {
    /// An edge with this many customers, whose routers and gateways know the ways by themselves.
    pub fn new(customers: u16) -> Result<Self> {
        Self::with_core_mtu(customers, MTU_BYTES)
    }

    /// Makes such an exchange, with packets of at most this length towards virtual networks.
    pub fn with_core_mtu(customers: u16, mtu_bytes: u32) -> Result<Self> {
        let edge = NetNs::new()?;
        let customer_side = Trunk::new(&edge, "customer0", MTU_BYTES)?;
        let core_side = Trunk::new(&edge, "core0", mtu_bytes)?;
        let customers_yet = Vec::new();
        let mut exchange =
            Self { edge, customer_side, second_side: None, core_side, customers: customers_yet };
        for number in 1..=customers {
            exchange.add(number)?;
        }
        Ok(exchange)
    }

    fn add(&mut self, number: u16) -> Result<()> {
        let tags = TagStack::qinq(100 + number, 10);
        let router = self.customer_side.host(tags)?;
        let vnet = self.core_side.host(TagStack::qinq(2_000 + number, 1))?;
        let ends = [
            (&router, LINK, LINK_V6, LAN, LAN_V6, VNET, VNET_V6, ("/30", "/126")),
            (&vnet, GATEWAY, GATEWAY_V6, VNET, VNET_V6, LAN, LAN_V6, ("/30", "/126")),
        ];
        for (ns, link, link_v6, own, own_v6, other, other_v6, lens) in ends {
            ns.sysctl("net.ipv4.ip_forward", "1")?;
            let commands = [
                format!("address add {}{} dev eth0", link.0, lens.0),
                format!("address add {}{} dev eth0 nodad", link_v6.0, lens.1),
                format!("address add {}/32 dev lo", own.1),
                format!("address add {}/128 dev lo nodad", own_v6.1),
                format!("route add {} via {} dev eth0 src {}", other.0, link.1, own.1),
                format!("-6 route add {} via {} dev eth0 src {}", other_v6.0, link_v6.1, own_v6.1),
            ];
            for command in commands {
                ns.output("ip", &command.split(' ').collect::<Vec<_>>())?;
            }
        }
        self.customers.push(Customer { number, router, vnet, has_second_link: false });
        Ok(())
    }

    /// Gives a customer a second link.
    ///
    /// # Panics
    ///
    /// Where there is no customer of this number.
    pub fn add_second_link(&mut self, number: u16) -> Result<()> {
        let customer = self.customers.iter_mut().find(|customer| customer.number == number);
        let customer = customer.expect("a customer of that number");
        let trunk = match &mut self.second_side {
            Some(trunk) => trunk,
            none => none.insert(Trunk::new(&self.edge, SECOND_PORT, MTU_BYTES)?),
        };
        trunk.lead_to(&customer.router, "eth1", customer.tags())?;
        customer.has_second_link = true;
        for (own, len, flag) in [(SECOND_LINK.0, 30, ""), (SECOND_LINK_V6.0, 126, " nodad")] {
            customer.router.ip(&format!("address add {own}/{len} dev eth1{flag}"))?;
        }
        Ok(())
    }

    /// The configuration, with static routes in place of BGP.
    pub fn static_config(&self) -> Sample {
        let circuits = self.customers.iter().map(Customer::static_circuit);
        self.config(circuits).routing("daemon", "none")
    }

    /// The configuration, with BGP.
    pub fn bgp_config(&self) -> Sample {
        self.config(self.customers.iter().map(Customer::bgp_circuit))
            .routing("asn", 12_076)
            .routing("router_id", ROUTER_ID)
    }

    /// The configuration with BGP, and with a key of its own and BFD of [`BFD_MS`] for each customer. The keys are in files.
    pub fn keyed_config(&self) -> Result<Sample> {
        let mut config = self.bgp_config();
        for customer in &self.customers {
            let path = customer.write_key()?;
            config = config.change_circuit(&customer.circuit(), |circuit| {
                let interval = format!("{BFD_MS}ms").into();
                let bfd = Value::table([("interval", interval), ("multiplier", 3.into())]);
                circuit.of_peering("private", "key_file", path).of_peering("private", "bfd", bfd)
            });
        }
        Ok(config)
    }

    /// A configuration with these circuits on the exchange's ports.
    pub fn config(&self, circuits: impl IntoIterator<Item = SampleCircuit>) -> Sample {
        // The first TPID is that of the tags that the edge pushes.
        let provider = |port: SamplePort| port.key("tpids", ["0x88a8", "0x8100"]);
        let second = SamplePort::new(SECOND_PORT, "customer").key("link", "secondary");
        let config = Sample::lab()
            .change_port("customer0", provider)
            .change_port("core0", provider)
            .ledger("checkpoint", "1s")
            .circuits(circuits);
        if self.second_side.is_some() { config.port(provider(second)) } else { config }
    }

    /// Frames that have reached a customer's virtual network, with their bytes on the wire.
    pub fn at_vnet(&self, customer: &Customer) -> Result<WireCount> {
        count(&self.core_side, customer.vnet_tags())
    }

    /// Frames that have reached a customer, with their bytes on the wire.
    pub fn at_customer(&self, customer: &Customer) -> Result<WireCount> {
        count(&self.customer_side, customer.tags())
    }
}

fn count(trunk: &Trunk, tags: TagStack) -> Result<WireCount> {
    let (s_vid, c_vid) = tags.vids();
    Ok(trunk.received()?.tagged(s_vid, c_vid))
}
