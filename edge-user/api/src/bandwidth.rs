//! Another bandwidth for a circuit: the request and its answer.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A request for another bandwidth of a circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BandwidthRequest {
    /// The bandwidth.
    pub bandwidth: Bandwidth,
    /// Whether the daemon writes the bandwidth to its configuration file, too. Otherwise the
    /// bandwidth holds until the next reload or start.
    #[serde(default)]
    pub save: bool,
    /// The end of this bandwidth: the configuration's comes back then. It holds over reloads and starts, and is not
    /// saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
    /// The time for which this bandwidth holds from now on, such as `2h`, from a second to a year.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub holds_for: Option<String>,
}

impl BandwidthRequest {
    /// A request for a bandwidth that has no end.
    #[must_use]
    pub const fn new(bandwidth: Bandwidth, save: bool) -> Self {
        Self { bandwidth, save, until: None, holds_for: None }
    }
}

/// A bandwidth as a configuration spells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "a bandwidth is a whole number of bit/s, or a string such as \"2 Gbps\""
)]
pub enum Bandwidth {
    /// A whole number of bit/s.
    BitsPerSecond(u64),
    /// Text with a decimal unit, such as `2 Gbps`.
    Text(String),
}

/// A change of a circuit's bandwidth, which is in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BandwidthChange {
    /// The circuit's name.
    pub circuit: String,
    /// Bandwidth before and after, in bit/s.
    pub bandwidth_bps: [u64; 2],
    /// Committed burst before and after, in bytes.
    pub burst_bytes: [u64; 2],
    /// The configuration file, if the bandwidth was saved there.
    #[schema(value_type = Option<String>)]
    pub saved_to: Option<PathBuf>,
    /// The end of the bandwidth, where it has one.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bandwidth_is_a_number_or_text() {
        let read = serde_json::from_str::<BandwidthRequest>;
        let text = Bandwidth::Text("2 Gbps".to_owned());
        let request = read(r#"{"bandwidth":"2 Gbps"}"#).unwrap();
        assert_eq!(request, BandwidthRequest::new(text, false));
        let request = read(r#"{"bandwidth":2000000000,"save":true}"#).unwrap();
        let number = Bandwidth::BitsPerSecond(2_000_000_000);
        assert_eq!(request, BandwidthRequest::new(number, true));
        let json = serde_json::to_string(&request).unwrap();
        assert_eq!(json, r#"{"bandwidth":2000000000,"save":true}"#);

        let request = read(r#"{"bandwidth":1,"for":"2h"}"#).unwrap();
        assert_eq!(request.holds_for.as_deref(), Some("2h"));

        for (wrong, expected) in [
            (r#"{"bandwidth":-1}"#, "a whole number of bit/s"),
            (r#"{"bandwidth":1.5}"#, "a whole number of bit/s"),
            (r#"{"save":true}"#, "missing field `bandwidth`"),
            (r#"{"bandwidth":1,"saved":true}"#, "unknown field `saved`"),
        ] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn the_json_of_a_change_is_pinned() {
        let json = r#"{"circuit":"contoso","bandwidth_bps":[1000000000,2000000000],"burst_bytes":[3125000,6250000],"saved_to":null,"until":null}"#;
        let change: BandwidthChange = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&change).unwrap(), json);
    }
}
