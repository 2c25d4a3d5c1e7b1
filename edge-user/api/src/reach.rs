//! The reach of a circuit: regions of clouds, and the virtual networks that are linked.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The regions that a circuit reaches, and its virtual networks. `edge reach --json` prints this document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CircuitReach {
    /// The circuit's name.
    pub circuit: String,
    /// `local`, `standard` or `premium`.
    pub sku: String,
    /// Where it meets the cloud; null: the configuration does not say, and nothing limits its reach.
    pub location: Option<CircuitLocation>,
    /// Every region of the configuration, by name.
    pub regions: Vec<RegionReach>,
    /// The virtual networks that it is linked to, in the order of the configuration.
    pub vnets: Vec<LinkedVnet>,
    /// Prefixes of public services, as each of its routed public and Microsoft peerings has them: by peering, then by region and
    /// service. A daemon of an earlier version has none.
    #[serde(default)]
    pub services: Vec<ServiceReach>,
}

/// The place where a circuit meets the cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CircuitLocation {
    /// Its name.
    pub name: String,
    /// Its geopolitical area.
    pub area: String,
    /// The cloud that circuits there lead to.
    pub cloud: String,
}

/// A region, as a circuit reaches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegionReach {
    /// Its name.
    pub region: String,
    /// Its geopolitical area.
    pub area: String,
    /// Its cloud.
    pub cloud: String,
    /// Whether the circuit reaches it.
    pub reached: bool,
    /// The reason why not; null: the circuit reaches it.
    pub reason: Option<OutOfReach>,
    /// The least SKU that would reach it; null: the circuit does already, or none would.
    pub needs_sku: Option<String>,
}

/// Reasons why a circuit does not reach a region.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum OutOfReach {
    /// It is not near the circuit's location.
    NotLocal,
    /// It is in another geopolitical area.
    OtherArea,
    /// It is another cloud's, which no SKU reaches.
    OtherCloud,
}

/// A virtual network that a circuit is linked to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkedVnet {
    /// Its name.
    pub vnet: String,
    /// Its region; null: the configuration does not say.
    pub region: Option<String>,
    /// Its prefixes; empty: its gateway announces them.
    pub prefixes: Vec<String>,
    /// The AS of its gateway; null: the configuration has the prefixes.
    pub gateway_asn: Option<u32>,
}

/// Prefixes of a public service in a region, as a peering has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServiceReach {
    /// The peering: `public` or `microsoft`.
    pub peering: String,
    /// The service; null: those of the region that have no name of their own.
    pub service: Option<String>,
    /// The region; null: the service is everywhere.
    pub region: Option<String>,
    /// The communities that the prefixes are told with, such as `12076:51002`.
    pub communities: Vec<String>,
    /// Number of the prefixes.
    pub prefixes: u32,
    /// Whether the customer is told of them, and reaches them.
    pub told: bool,
    /// The reason why not; null: it is told.
    pub reason: Option<NotTold>,
    /// The least SKU with which the circuit would reach them; null: its own does already, or none would.
    pub needs_sku: Option<String>,
}

/// Reasons why a customer is not told of a service's prefixes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NotTold {
    /// Their region is not near the circuit's location.
    NotLocal,
    /// Their region is in another geopolitical area.
    OtherArea,
    /// Their region is another cloud's, which no SKU reaches.
    OtherCloud,
    /// The service is everywhere, and such a one takes the greatest reach.
    Worldwide,
    /// The peering's route filter has none of their communities.
    NotInFilter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_pinned() {
        for json in [
            r#"{"circuit":"contoso","sku":"standard","location":{"name":"amsterdam","area":"europe","cloud":"public"},"regions":[{"region":"eastus","area":"north-america","cloud":"public","reached":false,"reason":"other-area","needs_sku":"premium"},{"region":"westeurope","area":"europe","cloud":"public","reached":true,"reason":null,"needs_sku":null}],"vnets":[{"vnet":"hub","region":"westeurope","prefixes":["10.1.0.0/16"],"gateway_asn":null}],"services":[{"peering":"microsoft","service":"storage","region":"westeurope","communities":["12076:51002","12076:5020"],"prefixes":3,"told":true,"reason":null,"needs_sku":null},{"peering":"microsoft","service":null,"region":"westeurope","communities":["12076:51002"],"prefixes":1,"told":false,"reason":"not-in-filter","needs_sku":null},{"peering":"public","service":"mail","region":null,"communities":["12076:5010"],"prefixes":1,"told":false,"reason":"worldwide","needs_sku":"premium"}]}"#,
            r#"{"circuit":"contoso","sku":"local","location":null,"regions":[],"vnets":[],"services":[]}"#,
        ] {
            let reach: CircuitReach = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&reach).unwrap(), json);
        }
    }
}
