//! Options that are keys of the configuration.

use edge_api::CircuitKeys;
use serde_json::{Map, Value, json};

/// Keys of a new `[[circuit]]`.
#[derive(Debug, clap::Args)]
pub(super) struct NewKeys {
    /// The purchased bandwidth, such as "200 Mbps".
    #[arg(long, value_name = "RATE")]
    bandwidth: String,
    /// A `[[provider]]`.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// A `[[location]]`.
    #[arg(long, value_name = "NAME")]
    location: Option<String>,
    /// The way in which the provider connects the customer.
    #[arg(long, value_parser = ["exchange", "ethernet", "ipvpn"])]
    model: Option<String>,
    /// The offer.
    #[arg(long, value_parser = ["local", "standard", "premium"])]
    sku: Option<String>,
    /// Whether outbound traffic is billed by volume.
    #[arg(long, value_parser = ["metered", "unlimited"])]
    billing: Option<String>,
    /// The price zone.
    #[arg(long, value_name = "NAME")]
    zone: Option<String>,
    /// The service key; without it, one is made.
    #[arg(long, value_name = "KEY")]
    service_key: Option<String>,
}

/// Keys of a `[[circuit.peering]]`.
#[derive(Debug, clap::Args)]
pub(super) struct PeeringKeys {
    /// Removes the peering.
    #[arg(long, conflicts_with_all = ["c_tag", "peer_asn", "primary", "secondary", "primary_v6", "secondary_v6", "key_file", "advertised_prefixes", "route_filter", "static_routes"])]
    remove: bool,
    /// Its C-tag, a range such as 100-199, or any.
    #[arg(long, value_name = "TAG")]
    c_tag: Option<String>,
    /// The customer's AS.
    #[arg(long, value_name = "ASN")]
    peer_asn: Option<u32>,
    /// The IPv4 network of the primary link, a /30.
    #[arg(long, value_name = "PREFIX")]
    primary: Option<String>,
    /// The IPv4 network of the secondary link, a /30.
    #[arg(long, value_name = "PREFIX")]
    secondary: Option<String>,
    /// The IPv6 network of the primary link, a /126.
    #[arg(long, value_name = "PREFIX")]
    primary_v6: Option<String>,
    /// The IPv6 network of the secondary link, a /126.
    #[arg(long, value_name = "PREFIX")]
    secondary_v6: Option<String>,
    /// A file with the key of the sessions.
    #[arg(long, value_name = "FILE")]
    key_file: Option<String>,
    /// A registered prefix of the customer; give one for each.
    #[arg(long = "advertised-prefix", value_name = "PREFIX")]
    advertised_prefixes: Vec<String>,
    /// A community of services that the customer reaches, such as 12076:51002; give one for each.
    #[arg(long = "route-filter", value_name = "COMMUNITY")]
    route_filter: Vec<String>,
    /// A prefix that leads to the customer without being announced; give one for each.
    #[arg(long = "static-route", value_name = "PREFIX")]
    static_routes: Vec<String>,
}

/// Keys of a `[[circuit.vnet_link]]`.
#[derive(Debug, clap::Args)]
pub(super) struct LinkKeys {
    /// Removes the link.
    #[arg(long, conflicts_with_all = ["port", "s_tag", "c_tag", "own", "gateway", "own_v6", "gateway_v6", "prefixes", "asn", "region"])]
    remove: bool,
    /// The core-side port that the network is behind.
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// The S-tag there.
    #[arg(long, value_name = "VID")]
    s_tag: Option<u16>,
    /// The C-tag there.
    #[arg(long, value_name = "VID")]
    c_tag: Option<u16>,
    /// The edge's IPv4 address there, with the prefix's length.
    #[arg(long, value_name = "ADDRESS/LENGTH")]
    own: Option<String>,
    /// The gateway's IPv4 address.
    #[arg(long, value_name = "ADDRESS")]
    gateway: Option<String>,
    /// The edge's IPv6 address there, with the prefix's length.
    #[arg(long, value_name = "ADDRESS/LENGTH")]
    own_v6: Option<String>,
    /// The gateway's IPv6 address.
    #[arg(long, value_name = "ADDRESS")]
    gateway_v6: Option<String>,
    /// A prefix of the network; give one for each.
    #[arg(long = "prefix", value_name = "PREFIX")]
    prefixes: Vec<String>,
    /// The gateway's AS, which announces the prefixes instead.
    #[arg(long, value_name = "ASN")]
    asn: Option<u32>,
    /// The network's region.
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
}

impl NewKeys {
    pub(super) fn keys(&self) -> CircuitKeys {
        let Self { bandwidth, provider, location, model, sku, billing, zone, service_key } = self;
        given([
            ("service_key", json!(service_key)),
            ("bandwidth", json!(bandwidth)),
            ("billing", json!(billing)),
            ("sku", json!(sku)),
            ("location", json!(location)),
            ("provider", json!(provider)),
            ("model", json!(model)),
            ("zone", json!(zone)),
        ])
    }
}

impl PeeringKeys {
    /// `None`: the peering is to go.
    pub(super) fn keys(&self) -> Option<CircuitKeys> {
        let Self {
            remove,
            c_tag,
            peer_asn,
            primary,
            secondary,
            primary_v6,
            secondary_v6,
            key_file,
            advertised_prefixes,
            route_filter,
            static_routes,
        } = self;
        let c_tag = c_tag
            .as_ref()
            .map(|tag| tag.parse().map_or_else(|_| json!(tag), |vid: u16| json!(vid)));
        let keys = given([
            ("c_tag", json!(c_tag)),
            ("peer_asn", json!(peer_asn)),
            ("primary", json!(primary)),
            ("secondary", json!(secondary)),
            ("primary_v6", json!(primary_v6)),
            ("secondary_v6", json!(secondary_v6)),
            ("key_file", json!(key_file)),
            ("advertised_prefixes", list(advertised_prefixes)),
            ("route_filter", list(route_filter)),
            ("static_routes", list(static_routes)),
        ]);
        (!remove).then_some(keys)
    }
}

impl LinkKeys {
    /// `None`: the link is to go.
    pub(super) fn keys(&self) -> Option<CircuitKeys> {
        let Self {
            remove,
            port,
            s_tag,
            c_tag,
            own,
            gateway,
            own_v6,
            gateway_v6,
            prefixes,
            asn,
            region,
        } = self;
        let keys = given([
            ("region", json!(region)),
            ("port", json!(port)),
            ("s_tag", json!(s_tag)),
            ("c_tag", json!(c_tag)),
            ("own", json!(own)),
            ("gateway", json!(gateway)),
            ("own_v6", json!(own_v6)),
            ("gateway_v6", json!(gateway_v6)),
            ("prefixes", list(prefixes)),
            ("asn", json!(asn)),
        ]);
        (!remove).then_some(keys)
    }
}

fn list(values: &[String]) -> Value {
    if values.is_empty() { Value::Null } else { json!(values) }
}

/// The keys that have a value: others stay as they are.
fn given<const N: usize>(keys: [(&str, Value); N]) -> CircuitKeys {
    let given = keys.into_iter().filter(|(_, value)| !value.is_null());
    CircuitKeys(given.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
}
