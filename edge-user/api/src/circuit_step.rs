//! The life of a circuit: its steps, and what its provider and its customer know of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::Applied;

/// Keys of a table of the configuration, by their names there. A null takes a key out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = Object)]
pub struct CircuitKeys(pub Map<String, Value>);

/// A step in the life of a circuit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CircuitStep {
    /// The circuit is bought. It has no tags and ports yet.
    New {
        /// Keys of its `[[circuit]]`; without a `service_key`, one is made.
        keys: CircuitKeys,
    },
    /// The circuit gets its tags and ports, which are chosen where the request has none.
    Provision {
        /// The customer-side port of the primary link.
        #[serde(default)]
        primary: Option<String>,
        /// The customer-side port of the secondary link.
        #[serde(default)]
        secondary: Option<String>,
        /// The S-tag's VID.
        #[serde(default)]
        s_tag: Option<u16>,
        /// The S-tag's VID on the secondary link, where that has another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secondary_s_tag: Option<u16>,
        /// Whether the provider has only begun, so that the circuit can't have peerings yet.
        #[serde(default)]
        begin: bool,
    },
    /// The circuit gives its tags and ports back, as its provider has disconnected it. It has no peerings and no links to virtual
    /// networks by then.
    Deprovision,
    /// A peering is set up or changed.
    Peering {
        /// `private`, `public` or `microsoft`.
        kind: String,
        /// Keys of its `[[circuit.peering]]`; null: it is removed.
        keys: Option<CircuitKeys>,
    },
    /// The circuit is linked to a virtual network, or the link is changed.
    Link {
        /// The network's name.
        vnet: String,
        /// Keys of its `[[circuit.vnet_link]]`; null: it is removed.
        keys: Option<CircuitKeys>,
    },
    /// The circuit is removed.
    Delete,
}

/// A step was taken, and is in effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CircuitStepped {
    /// The change.
    #[serde(flatten)]
    pub applied: Applied,
    /// The circuit after it; null: it is removed.
    pub circuit: Option<CircuitRecord>,
}

/// A circuit as its provider and its customer know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CircuitRecord {
    /// Its name.
    pub name: String,
    /// The key by which provider and customer name it.
    pub service_key: Option<String>,
    /// Its provider.
    pub provider: Option<String>,
    /// Where it meets the cloud.
    pub location: Option<String>,
    /// `exchange`, `ethernet` or `ipvpn`.
    pub model: Option<String>,
    /// `local`, `standard` or `premium`.
    pub sku: String,
    /// `metered` or `unlimited`.
    pub billing: String,
    /// Its purchased bandwidth in bit/s.
    pub bandwidth_bps: u64,
    /// `Enabled` or `Disabled`.
    pub circuit_state: String,
    /// `NotProvisioned`, `Provisioning` or `Provisioned`.
    pub provider_state: String,
    /// The S-tag's VID.
    pub s_tag: Option<u16>,
    /// The S-tag's VID on the secondary link; null: both links have the same one.
    #[serde(default)]
    pub secondary_s_tag: Option<u16>,
    /// The customer-side ports of its primary link.
    pub primary_ports: Vec<String>,
    /// The customer-side ports of its secondary link.
    pub secondary_ports: Vec<String>,
    /// Its peerings.
    pub peerings: Vec<PeeringRecord>,
    /// The virtual networks that it is linked to.
    pub vnet_links: Vec<VnetLinkRecord>,
}

/// A peering as its customer knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeeringRecord {
    /// `private`, `public` or `microsoft`.
    pub kind: String,
    /// `Enabled` or `Disabled`, as the circuit is.
    pub state: String,
    /// Its C-tags.
    pub c_tag: String,
    /// The customer's AS; null: it has no session.
    pub peer_asn: Option<u32>,
    /// Networks of the primary link.
    pub primary: Vec<String>,
    /// Networks of the secondary link.
    pub secondary: Vec<String>,
    /// Whether its sessions have a key.
    pub has_key: bool,
    /// The customer's registered prefixes.
    pub advertised_prefixes: Vec<String>,
}

/// A link to a virtual network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VnetLinkRecord {
    /// The network's name.
    pub vnet: String,
    /// Its region.
    pub region: Option<String>,
    /// The core-side port that it is behind.
    pub port: String,
    /// The S-tag's VID there.
    pub s_tag: Option<u16>,
    /// The C-tag's VID there.
    pub c_tag: Option<u16>,
    /// Addresses of its gateway.
    pub gateways: Vec<String>,
}
