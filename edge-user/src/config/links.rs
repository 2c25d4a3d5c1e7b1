//! All links with routes of a configuration, in one order and each with a name of its own.

use std::fmt::{self, Display, Formatter};

use super::{
    Circuit, Config, Link, Peering, PeeringKind, RoutedLink, RoutedPeering, Side, SideTags,
    VnetLink,
};

/// The service network's name, where documents and tables name a circuit or a virtual network.
pub const SERVICE_NETWORK: &str = "[service_network]";

/// The name of a link with routes, which stays the same from one configuration to the next, whatever else
/// they have. No other link of the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoutedKey {
    /// A peering-link.
    Peering {
        /// The circuit's name.
        circuit: String,
        /// The peering.
        peering: PeeringKind,
        /// The link.
        link: Link,
    },
    /// A VNet link.
    Vnet {
        /// The circuit's name.
        circuit: String,
        /// The virtual network's name.
        vnet: String,
    },
    /// The link to the network of public services, of which there is one.
    Services,
}

/// For messages: two links may look the same, as names may have a slash.
impl Display for RoutedKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peering { circuit, peering, link } => {
                write!(f, "{circuit}/{}/{}", peering.as_str(), link.as_str())
            }
            Self::Vnet { circuit, vnet } => write!(f, "{circuit}/{vnet}"),
            Self::Services => f.write_str(SERVICE_NETWORK),
        }
    }
}

/// A link of a routed peering, with all that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct PeeringLink<'a> {
    /// The circuit.
    pub circuit: &'a Circuit,
    /// The peering.
    pub peering: &'a Peering,
    /// The peering's routed part.
    pub routed: &'a RoutedPeering,
    /// The link itself.
    pub link: &'a RoutedLink,
}

impl PeeringLink<'_> {
    /// Its name.
    #[must_use]
    pub fn key(&self) -> RoutedKey {
        RoutedKey::Peering {
            circuit: self.circuit.name.clone(),
            peering: self.peering.kind,
            link: self.link.link,
        }
    }

    /// The tags that its frames have on its port.
    #[must_use]
    pub fn tags(&self) -> SideTags {
        self.circuit.tags(self.peering, Side::Customer, self.link.link)
    }
}

/// A VNet link, with its circuit.
#[derive(Clone, Copy, Debug)]
pub struct CircuitVnet<'a> {
    /// The circuit.
    pub circuit: &'a Circuit,
    /// The link itself.
    pub link: &'a VnetLink,
}

impl CircuitVnet<'_> {
    /// Its name.
    #[must_use]
    pub fn key(&self) -> RoutedKey {
        RoutedKey::Vnet { circuit: self.circuit.name.clone(), vnet: self.link.vnet.clone() }
    }
}

impl Config {
    /// All peering-links: by circuit, then by peering, both in the file's order; then the primary link
    /// before the secondary one.
    pub fn peering_links(&self) -> impl Iterator<Item = PeeringLink<'_>> {
        self.circuits.iter().flat_map(|circuit| {
            let routed = circuit
                .peerings
                .iter()
                .filter_map(|peering| Some((peering, peering.routed.as_ref()?)));
            routed.flat_map(move |(peering, routed)| {
                let links = routed.links.iter();
                links.map(move |link| PeeringLink { circuit, peering, routed, link })
            })
        })
    }

    /// All VNet links, in the file's order.
    pub fn vnet_links(&self) -> impl Iterator<Item = CircuitVnet<'_>> {
        self.circuits.iter().flat_map(|circuit| {
            circuit.vnet_links.iter().map(move |link| CircuitVnet { circuit, link })
        })
    }
}

impl Circuit {
    /// Its peerings whose frames pass by tags alone, from port to port, in the file's order.
    pub fn wires(&self) -> impl Iterator<Item = &Peering> {
        self.peerings.iter().filter(|peering| peering.routed.is_none())
    }
}
