//! Frames that no circuit claims, by their tags.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Frames that ports have counted as `unmatched` or `untagged`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unmatched {
    /// Frames by port and tags: ports in configuration order, and tags with the most frames first.
    pub unmatched: Vec<UnmatchedFrames>,
    /// Frames that are not listed, as there were too many different tags, or as they were counted in earlier tables, before
    /// an upgrade or larger ones. Together with those above, these are all.
    pub left_out: u64,
}

/// Frames that came to a port with the same tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UnmatchedFrames {
    /// The port.
    pub port: String,
    /// The outer tag's TPID, such as `0x8100`, also one that the port doesn't accept; null: no tag.
    pub tpid: Option<String>,
    /// The outer tag's VID.
    pub s_vid: Option<u16>,
    /// The inner tag's VID; null: no second tag.
    pub c_vid: Option<u16>,
    /// The inner tag's TPID where it is neither 0x8100 nor 0x88a8, which no port accepts there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c_tpid: Option<String>,
    /// Frames.
    pub frames: u64,
    /// Their bytes, as received.
    pub bytes: u64,
    /// The first one's time.
    pub first: Timestamp,
    /// The last one's time.
    pub last: Timestamp,
    /// The last one's source.
    pub src_mac: String,
    /// The circuit whose tags are nearest to these; null: none has tags like these.
    pub nearest: Option<NearestCircuit>,
}

/// A circuit, and the tags that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NearestCircuit {
    /// The circuit.
    pub circuit: String,
    /// The peering.
    pub peering: String,
    /// Its S-tag; null: it has none.
    pub s_tag: Option<u16>,
    /// Its C-tag, a range such as `100-199`, or `any`; null: it has none.
    pub c_tag: Option<String>,
    /// The port where it has these tags, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// The fault of the frames' tags, where it is another one than a wrong VID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<TagFault>,
}

/// A fault of tags whose VIDs are a circuit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TagFault {
    /// The port doesn't accept a TPID.
    Tpid,
    /// The S-VID is where the C-VID should be, and the other way round.
    Swapped,
    /// The C-tag is there without the S-tag.
    NoSTag,
    /// The S-tag is there without the C-tag.
    NoCTag,
    /// The circuit has the tags on another port.
    Port,
    /// The circuit claims the tags: it got them after the last of these frames, or more tags follow that it doesn't claim.
    Claimed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_pinned() {
        let json = r#"{"unmatched":[{"port":"customer0","tpid":"0x8100","s_vid":100,"c_vid":11,"frames":1250,"bytes":127500,"first":"2026-01-01T00:00:00Z","last":"2026-01-01T00:01:00Z","src_mac":"02:00:00:00:00:01","nearest":{"circuit":"contoso-ams","peering":"private","s_tag":100,"c_tag":"10"}},{"port":"customer0","tpid":null,"s_vid":null,"c_vid":null,"frames":1,"bytes":60,"first":"2026-01-01T00:00:00Z","last":"2026-01-01T00:00:00Z","src_mac":"02:00:00:00:00:01","nearest":null}],"left_out":0}"#;
        let unmatched: Unmatched = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&unmatched).unwrap(), json);
        let fault = serde_json::to_string(&[TagFault::NoSTag, TagFault::Tpid]).unwrap();
        assert_eq!(fault, r#"["no-s-tag","tpid"]"#);
    }
}
