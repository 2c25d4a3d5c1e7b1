//! The fate of a frame by its addresses.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::NextHopStatus;

/// The fate of a frame by its addresses, from the tables that frames are forwarded by. `edge lookup
/// --json` prints this document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteLookup {
    /// `ok`, or the reason why the frame is not forwarded (`docs/reasons.md`).
    pub reason: String,
    /// The next hop; null: the frame is not forwarded. Of several, the first one that is live.
    #[schema(value_type = Option<String>)]
    pub next_hop: Option<IpAddr>,
    /// The port that the frame leaves by.
    pub port: Option<String>,
    /// The circuit and the peering that police and meter it, such as `contoso/private`.
    pub owner: Option<String>,
    /// `inbound`: the frame is from the customer. `outbound`: the address is the customer's, and
    /// the frame is from the core.
    pub direction: String,
    /// Every next hop that the route has, live or not.
    pub next_hops: Vec<NextHopStatus>,
    /// The outcome of the source check: `ok` or `spoofed`; null where no source was given, or the
    /// destination decides already.
    pub source: Option<String>,
    /// The next hop's MAC address.
    pub neighbour_mac: Option<String>,
    /// The longest packet in bytes that leaves by the next hop.
    pub mtu_bytes: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_pinned() {
        for json in [
            r#"{"reason":"ok","next_hop":"10.1.255.6","port":"core0","owner":"contoso/private","direction":"inbound","next_hops":[],"source":"ok","neighbour_mac":"02:00:00:00:00:09","mtu_bytes":1500}"#,
            r#"{"reason":"no-route","next_hop":null,"port":null,"owner":null,"direction":"inbound","next_hops":[],"source":null,"neighbour_mac":null,"mtu_bytes":null}"#,
        ] {
            let lookup: RouteLookup = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&lookup).unwrap(), json);
        }
    }
}
