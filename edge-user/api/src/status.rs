//! The status of an edge.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    CircuitStatus, Condition, ConfigStatus, DomainStatus, LedgerStatus, PortStatus, SessionCounts,
};

/// The state of an edge, and its counters, which only grow while its data plane is there. `edge status
/// --json` prints this document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The edge's name.
    pub edge: String,
    /// Seconds since the daemon's start.
    pub uptime_s: f64,
    /// The time when these figures were read from the kernel.
    pub taken: Timestamp,
    /// The state of the books.
    pub ledger: LedgerStatus,
    /// Whether frames that a device refuses count as refused. Otherwise they count as forwarded.
    pub watches_egress: bool,
    /// Ports, in configuration order.
    pub ports: Vec<PortStatus>,
    /// Circuits, in configuration order.
    pub circuits: Vec<CircuitStatus>,
    /// Numbers of BGP sessions; `GET /v1/sessions` has the sessions.
    #[serde(default)]
    pub sessions: SessionCounts,
    /// Routing domains of these circuits, in configuration order; empty where none is routed.
    #[serde(default)]
    pub domains: Vec<DomainStatus>,
    /// Faults of the router as a whole, a sentence each: what it lacks, the effect, and what to do next. Empty: it is as
    /// the configuration has it, or no circuit is routed.
    #[serde(default)]
    pub router_faults: Vec<String>,
    /// The configuration that runs.
    #[serde(default)]
    pub config: ConfigStatus,
    /// Conditions that an operator should know of now: those of ports, books, configuration and router, and then those of
    /// traffic.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Conditions of traffic beyond those, of which there were too many.
    #[serde(default)]
    pub conditions_left_out: u64,
}

#[cfg(test)]
mod tests {
    use utoipa::{
        PartialSchema as _,
        openapi::{RefOr, Schema},
    };

    use super::*;

    /// Names and order of fields are what programs rely on.
    const DOCUMENT: &str = r#"{"edge":"ams-1","uptime_s":12.3,"taken":"2026-01-02T03:04:05.678Z",
"ledger":{"state_dir":"/var/lib/edge","state":"failing","error":"the disk is full","failing_since":
"2026-01-02T03:00:00Z","notice":null,"last_booked":"2026-01-02T02:59:50Z","sealed_until":null,"exports":[{"name":"billing",
"delivered_batches":2,"last_error":null,"failing_since":null,"last_delivered":"2026-01-02T02:59:55Z","sealed_until":null,
"notice":null}]},"watches_egress":true,"ports":[{"name":"customer0","interface":"eth1","side":
"customer","link":"primary","xdp_mode":"native","fault":null,"warnings":["it is oversold"],"is_up":true,
"carrier":true,"carrier_changes":2,"speed_bps":10000000000,"sold_bps":16000000000,"mtu_bytes":1504,
"driver":"veth","rx_queues":1,"tx_queues":1,"rx_frames":10,"rx_bytes":1000,
"reasons":{"ok":9,"unmatched":1}}],"circuits":[{"name":"contoso-ams","bandwidth_bps":1000000000,
"enabled":true,"provisioning":"Provisioned","peerings":[{"kind":"private","port":"customer0","link":"primary","direction":
"inbound","forwarded_frames":9,"forwarded_bytes":918,"dropped_frames":1,"dropped_bytes":102,
"refused_frames":0,"refused_bytes":0,"drops":{"over-rate":{"frames":1,"bytes":102}},"classes":[{
"class":"voice","forwarded_frames":9,"forwarded_bytes":918,"dropped_frames":1,"dropped_bytes":102,
"refused_frames":0,"refused_bytes":0}]}],"policers":[{"peering":null,"class":null,"direction":
"inbound","link":"primary","rate_bps":1000000000,"burst_bytes":3125000,"used_bytes":1500,
"peak_1ms_bps":990000000,"peak_100ms_bps":12000000,"leases":4,"retries":1,"debts":0}]}],"sessions":{
"configured":2,"up":1,"fault":null},"domains":[{"circuit":"contoso-ams","peering":"private","routes_v4":
12,"routes_v6":0,"tree_lines":9,"generation":3,"age_s":1.5,"fault":null,"lag_s":0.0,"sessions":2,
"neighbours":[],"links":[]}],"router_faults":["the port is missing"],"config":{"digest":"aa",
"file_fault":"/etc/edge/edge.toml is wrong","unconfirmed":{"until":"2026-01-02T03:14:05Z","left_s":600.0,"user":
"anna","message":null,"fault":null},"timed_bandwidths":[{"circuit":"contoso-ams","bandwidth_bps":2000000000,
"then_bps":1000000000,"until":"2026-01-03T00:00:00Z","user":null}],"links_out_of_use":[]},"conditions":[{"kind":"cable-out","port":
"customer0","circuit":null,"export":null,"direction":null,"link":null,"since":"2026-01-02T03:04:00Z","sentence":
"eth1 has no carrier"}],"conditions_left_out":0}"#;

    #[test]
    fn the_json_is_pinned() {
        let document = DOCUMENT.replace('\n', "");
        let status: Status = serde_json::from_str(&document).unwrap();
        let peering = &status.circuits[0].peerings[0];
        assert_eq!((peering.total.dropped_bytes, peering.drops["over-rate"].bytes), (102, 102));
        assert_eq!(serde_json::to_string(&status).unwrap(), document);
        // A daemon of an earlier version has neither sessions nor domains, and knows less of ports.
        let (earlier, _) = document.split_once(",\"sessions\"").unwrap();
        let (name, rest) = earlier.split_once(",\"warnings\"").unwrap();
        let (_, rest) = rest.split_once(",\"rx_frames\"").unwrap();
        let status: Status =
            serde_json::from_str(&format!("{name},\"rx_frames\"{rest}}}")).unwrap();
        assert_eq!((status.sessions, status.domains), (SessionCounts::default(), Vec::new()));
        assert_eq!((status.conditions, status.conditions_left_out), (Vec::new(), 0));
        assert_eq!((status.ports[0].is_up, status.ports[0].sold_bps), (None, 0));
        assert!(status.ports[0].passes_frames());
    }

    #[test]
    fn the_schema_has_comments_and_formats() {
        let RefOr::T(Schema::Object(status)) = Status::schema() else { panic!("an object") };
        assert!(status.description.unwrap().starts_with("The state of an edge"));
        let taken = serde_json::to_value(&status.properties["taken"]).unwrap();
        let expected = serde_json::json!({
            "type": "string",
            "format": "date-time",
            "description": "The time when these figures were read from the kernel.",
        });
        assert_eq!(taken, expected);
    }
}
