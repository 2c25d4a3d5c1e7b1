//! The configuration of the routing edge, and its variants.

use std::collections::BTreeSet;

use anyhow::Result;
use edge_user::config::sample::{Sample, SampleCircuit, Value};

use super::traffic::FlowOwner;
use crate::exchange::{Customer, Exchange, ROUTER_ID, idle_circuit};

/// Customers: two that speak BGP on two links each, and one with static routes.
pub const CUSTOMERS: u16 = 3;
/// The one with static routes.
const STATIC: u16 = 3;
/// Prefixes that a customer may announce.
pub const MAX_ROUTES: usize = 20;
/// Milliseconds between packets of BFD, of which three may be missing. A busy machine is late with some of them.
pub const BFD_MS: u32 = 300;
/// Circuits of [`RoutedVariant::Many`].
const MANY: u16 = 150;

/// A way in which the configuration can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoutedVariant {
    /// The first circuit has another name.
    Renamed,
    /// The first circuit has a service key.
    WithKey,
    /// The first circuit has only one of its links.
    OneLink,
    /// The second circuit is unlimited.
    Unlimited,
    /// The second circuit is not enabled.
    Off,
    /// The third circuit is not there.
    Gone,
    /// There is no BFD.
    NoBfd,
    /// Circuits are in the opposite order.
    Reversed,
    /// The edge has another name, and so another number in its MAC addresses.
    OtherEdge,
    /// There are some hundred routed circuits more.
    Many,
    /// The wire is not there.
    NoWire,
    /// There are no routed circuits.
    NoRouting,
}

/// All of them.
pub const VARIANTS: [RoutedVariant; 12] = [
    RoutedVariant::Renamed,
    RoutedVariant::WithKey,
    RoutedVariant::OneLink,
    RoutedVariant::Unlimited,
    RoutedVariant::Off,
    RoutedVariant::Gone,
    RoutedVariant::NoBfd,
    RoutedVariant::Reversed,
    RoutedVariant::OtherEdge,
    RoutedVariant::Many,
    RoutedVariant::NoWire,
    RoutedVariant::NoRouting,
];

/// The configuration at some moment.
#[derive(Clone, Debug, Default)]
pub struct RoutedModel(BTreeSet<RoutedVariant>);

impl RoutedModel {
    /// The configuration with one variant more or less.
    #[must_use]
    pub fn toggled(&self, variant: RoutedVariant) -> Self {
        let mut other = self.clone();
        if !other.0.remove(&variant) {
            other.0.insert(variant);
        }
        other
    }

    /// Whether it has this variant.
    #[must_use]
    pub fn has(&self, variant: RoutedVariant) -> bool {
        self.0.contains(&variant)
    }

    /// Whether a running edge can't become `other`: the MAC addresses of routers come from the edge's name.
    #[must_use]
    pub fn is_another_router(&self, other: &Self) -> bool {
        let is_other = |variant| self.has(variant) != other.has(variant);
        let is_routing =
            !self.has(RoutedVariant::NoRouting) && !other.has(RoutedVariant::NoRouting);
        is_routing && is_other(RoutedVariant::OtherEdge)
    }

    /// Whether the customer of this number has a circuit.
    #[must_use]
    pub fn has_circuit(&self, customer: u16) -> bool {
        let is_off = match customer {
            2 => self.has(RoutedVariant::Off),
            STATIC => self.has(RoutedVariant::Gone),
            _ => false,
        };
        !is_off && !self.has(RoutedVariant::NoRouting)
    }

    /// Whether packets of `owner` should reach the other end.
    #[must_use]
    pub fn has_way(&self, owner: FlowOwner) -> bool {
        match owner {
            FlowOwner::Customer(number) => self.has_circuit(number),
            FlowOwner::Wire => !self.has(RoutedVariant::NoWire),
        }
    }

    /// Whether a circuit is the customer's, in any variant.
    #[must_use]
    pub fn is_circuit_of(customer: &Customer, circuit: &str) -> bool {
        let own = customer.circuit();
        circuit == own || customer.number == 1 && circuit == renamed(&own)
    }

    /// The configuration.
    pub fn config(&self, exchange: &Exchange) -> Result<Sample> {
        let mut circuits = Vec::new();
        if !self.has(RoutedVariant::NoRouting) {
            for customer in &exchange.customers {
                circuits.extend(self.circuit(customer)?);
            }
            if self.has(RoutedVariant::Many) {
                circuits.extend((0..MANY).map(|number| idle_circuit(number, 600)));
            }
        }
        if !self.has(RoutedVariant::NoWire) {
            circuits.push(SampleCircuit::new("wire", "1 Gbps").s_tag(500).peering("private", 10));
        }
        if self.has(RoutedVariant::Reversed) {
            circuits.reverse();
        }
        let edge = if self.has(RoutedVariant::OtherEdge) { "ams-2" } else { "ams-1" };
        let config = exchange.config(circuits).edge("name", edge);
        if self.has(RoutedVariant::NoRouting) {
            return Ok(config);
        }
        let interval = format!("{BFD_MS}ms");
        let bfd: Value = if self.has(RoutedVariant::NoBfd) {
            false.into()
        } else {
            Value::table([("interval", interval.as_str().into()), ("multiplier", 3.into())])
        };
        Ok(config.routing("asn", 12_076).routing("router_id", ROUTER_ID).routing("bfd", bfd))
    }

    fn circuit(&self, customer: &Customer) -> Result<Option<SampleCircuit>> {
        let circuit = if customer.number == STATIC {
            if self.has(RoutedVariant::Gone) {
                return Ok(None);
            }
            customer.static_circuit()
        } else {
            let circuit = if customer.number == 1 && self.has(RoutedVariant::OneLink) {
                customer.one_link_circuit()
            } else {
                customer.bgp_circuit()
            };
            let key = customer.write_key()?;
            circuit
                .of_peering("private", "max_routes", MAX_ROUTES)
                .of_peering("private", "key_file", key)
        };
        let name = customer.circuit();
        Ok(Some(match customer.number {
            1 => {
                let has_key = self.has(RoutedVariant::WithKey);
                let name = if self.has(RoutedVariant::Renamed) { renamed(&name) } else { name };
                let circuit = circuit.key("name", name);
                if has_key { circuit.key("service_key", "key-1") } else { circuit }
            }
            2 => {
                let is_unlimited = self.has(RoutedVariant::Unlimited);
                let billing = if is_unlimited { "unlimited" } else { "metered" };
                circuit.key("billing", billing).key("enabled", !self.has(RoutedVariant::Off))
            }
            _ => circuit,
        }))
    }
}

fn renamed(circuit: &str) -> String {
    format!("{circuit}-again")
}
