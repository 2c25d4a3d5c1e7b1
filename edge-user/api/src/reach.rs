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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_pinned() {
        for json in [
            r#"{"circuit":"contoso","sku":"standard","location":{"name":"amsterdam","area":"europe","cloud":"public"},"regions":[{"region":"eastus","area":"north-america","cloud":"public","reached":false,"reason":"other-area","needs_sku":"premium"},{"region":"westeurope","area":"europe","cloud":"public","reached":true,"reason":null,"needs_sku":null}],"vnets":[{"vnet":"hub","region":"westeurope","prefixes":["10.1.0.0/16"],"gateway_asn":null}]}"#,
            r#"{"circuit":"contoso","sku":"local","location":null,"regions":[],"vnets":[]}"#,
        ] {
            let reach: CircuitReach = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&reach).unwrap(), json);
        }
    }
}
