//! The contents of a correct file, as types.

mod catalogue;
mod ledger;
mod qos;
mod routed;
mod routing;
mod services;
mod tags;
mod vnet;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use edge_common::reason::UnmatchedPolicy;
use serde::Serialize;

pub use self::{
    catalogue::{Catalogue, Location, Offer, Provider, Region},
    ledger::{Export, ExportFormat, LedgerConfig, Sink},
    qos::{ClassMatch, PortRange, QosClass, QosProfile},
    routed::{CustomerSession, LinkEnds, RoutedLink, RoutedPeering, SourceCheck},
    routing::{BfdTimers, RoutingConfig, RoutingDaemon},
    services::{Community, PrefixesFile, PublicService, ServiceNetwork},
    tags::{CTags, CoreTag, SideTags},
    vnet::{VnetLink, VnetRoutes},
};
use super::units::Burst;
use crate::model::spelled::spelling;
pub use crate::model::{
    Accounting, Billing, ConnectivityModel, Direction, DscpPolicy, Ecn, Fairness, Forward,
    Gigabyte, Link, MetricsDetail, MonthlyFees, PeeringKind, Policing, Port, Prices, Provisioning,
    Side, Sku, SlaCredit, XdpMode, ZonePrices,
};

/// A checked configuration: every name in it refers to something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Config {
    /// The edge itself.
    pub edge: Edge,
    /// Ports, in the order of the file; at least one.
    pub ports: Vec<Port>,
    /// Circuits, in the order of the file.
    pub circuits: Vec<Circuit>,
    /// `QoS` profiles by name: the file's and the built-in ones.
    pub qos: BTreeMap<String, QosProfile>,
    /// Settings of the ledger.
    pub ledger: LedgerConfig,
    /// Exports of the ledger's records, in the order of the file.
    pub exports: Vec<Export>,
    /// Prices of circuits, where the file gives them.
    pub prices: Option<Prices>,
    /// The settings of routed peerings; given wherever there is one.
    pub routing: Option<RoutingConfig>,
    /// Regions, locations, providers and services.
    pub catalogue: Catalogue,
    /// The network of public services; given wherever a peering has a route filter.
    pub service_network: Option<ServiceNetwork>,
    /// The `[[vnet]]` that no circuit links, by name: nothing that runs depends on them.
    #[serde(skip)]
    pub unlinked_vnets: Vec<String>,
}

/// `[edge]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// The edge's name.
    pub name: String,
    /// Directory of the ledger.
    pub state_dir: PathBuf,
    /// The control socket.
    pub control: PathBuf,
    /// The address on which metrics are served.
    pub metrics: SocketAddr,
    /// Whether the file names that address. Only then is a port in use an error.
    pub metrics_is_explicit: bool,
    /// The circuits that metrics have in detail without being asked.
    pub metrics_detail: MetricsDetail,
    /// The bpffs directory of the pins.
    pub pin_dir: PathBuf,
    /// Verdict on frames that belong to no circuit.
    #[serde(serialize_with = "spelling")]
    pub unmatched: UnmatchedPolicy,
}

/// `[[circuit]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Circuit {
    /// The circuit's name.
    pub name: String,
    /// The provider's key for it.
    pub service_key: Option<String>,
    /// Purchased bandwidth in bit/s, for each direction on each link.
    pub bandwidth_bps: u64,
    /// Whether outbound traffic is billed.
    pub billing: Billing,
    /// The offer it was bought as.
    pub sku: Sku,
    /// Where it meets the cloud: its own location, else that of `[routing]`; `None`: nobody says, and nothing limits its
    /// reach. In [`Catalogue::locations`].
    pub location: Option<String>,
    /// Its provider, in [`Catalogue::providers`].
    pub provider: Option<String>,
    /// The way in which its provider connects the customer.
    pub model: Option<ConnectivityModel>,
    /// The progress of its provider. It has peerings when it is provisioned, and an S-tag when that has begun.
    pub provisioning: Provisioning,
    /// The price zone: its own, else that of circuits that name none. In [`Prices::zones`].
    pub zone: Option<String>,
    /// The S-tag's VID on customer-side ports; without one the circuit is `Dot1Q`.
    pub s_tag: Option<u16>,
    /// The S-tag's VID on ports of the secondary link instead; `None`: both links have [`Self::s_tag`]. Given only beside
    /// that.
    pub secondary_s_tag: Option<u16>,
    /// The S-tag on core-side ports.
    pub core_s_tag: CoreTag,
    /// TPID of the S-tag towards the customer; `None`: as it came.
    pub s_tpid: Option<u16>,
    /// TPID of the S-tag towards the core; `None`: as it came.
    pub core_s_tpid: Option<u16>,
    /// Names of its ports; every port where the file names none.
    pub ports: Vec<String>,
    /// Committed burst in bytes.
    pub burst_bytes: u64,
    /// The burst as the file gives it; `None`: the default of the bandwidth.
    pub burst: Option<Burst>,
    /// The edge's signal to ECN-capable senders, if any.
    pub ecn: Ecn,
    /// Whether each flow gets a fair part of the rate.
    pub fairness: Fairness,
    /// Scope that has a bucket of its own: a circuit or a peering, on a link.
    pub policing: Policing,
    /// Bytes of its frames that are policed and metered.
    pub accounting: Accounting,
    /// Whether its frames are forwarded at all.
    pub enabled: bool,
    /// Its peerings: up to 3, of different kinds.
    pub peerings: Vec<Peering>,
    /// The virtual networks that its private peering reaches: up to 10. None where that is a wire.
    pub vnet_links: Vec<VnetLink>,
}

/// `[[circuit.peering]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Peering {
    /// The routing domain.
    pub kind: PeeringKind,
    /// The C-tags' VIDs on customer-side ports.
    pub c_tags: CTags,
    /// The C-tag on core-side ports; [`CoreTag::Same`] where there are several.
    pub core_c_tag: CoreTag,
    /// TPID of the C-tag towards the customer; `None`: as it came.
    pub c_tpid: Option<u16>,
    /// TPID of the C-tag towards the core; `None`: as it came.
    pub core_c_tpid: Option<u16>,
    /// A bandwidth in bit/s of its own, for each direction on each link, within the circuit's.
    pub bandwidth_bps: Option<u64>,
    /// Treatment of the customer's DSCP.
    pub dscp: DscpPolicy,
    /// Name of its profile in [`Config::qos`].
    pub qos: String,
    /// Its routing domain; `None`: it is a wire, whose frames pass by their tags alone.
    pub routed: Option<RoutedPeering>,
}
