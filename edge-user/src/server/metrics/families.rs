//! Every family of metrics, in one table: the encoder and `docs/metrics.md` are both made from it.

use super::{
    detail_families::DETAIL_FAMILIES,
    family::{MetricFamily, SampleSource},
};
use edge_api::{LedgerState, LivenessState};

const PORT: &[&str] = &["port"];
const CIRCUIT: &[&str] = &["circuit"];
const DIRECTION: &[&str] = &["circuit", "direction"];
const DOMAIN: &[&str] = &["circuit", "peering"];
const LINK: &[&str] = &["circuit", "peering", "link"];
const NEIGHBOUR: &[&str] = &["circuit", "peering", "link", "vnet", "family"];

/// Every family, in the order of an answer.
pub(super) fn families() -> impl Iterator<Item = &'static MetricFamily> {
    EDGE_FAMILIES.iter().chain(DETAIL_FAMILIES)
}

/// The families that every answer has.
const EDGE_FAMILIES: &[MetricFamily] = &[
    MetricFamily {
        stem: "edge",
        unit: None,
        labels: &["edge", "version"],
        help: "Always 1; the labels have the edge's name and the version of the daemon.",
        source: SampleSource::Info,
    },
    MetricFamily {
        stem: "edge_uptime",
        unit: Some("seconds"),
        labels: &[],
        help: "Seconds since the daemon's start.",
        source: SampleSource::Uptime,
    },
    MetricFamily {
        stem: "edge_port",
        unit: Some("frames"),
        labels: &["port", "reason"],
        help: "Frames that the port received, each under the one reason why its path ended.",
        source: SampleSource::Reasons,
    },
    MetricFamily {
        stem: "edge_port_attached",
        unit: None,
        labels: PORT,
        help: "1 while the port's program runs on its interface, else 0.",
        source: SampleSource::Port(|port| Some(u64::from(port.xdp_mode != "none"))),
    },
    MetricFamily {
        stem: "edge_port_up",
        unit: None,
        labels: PORT,
        help: "1 while the port's interface is there and administratively up, else 0.",
        source: SampleSource::Port(|port| Some(u64::from(port.is_up == Some(true)))),
    },
    MetricFamily {
        stem: "edge_port_carrier",
        unit: None,
        labels: PORT,
        help: "1 while the port's interface is up and has a carrier, else 0.",
        source: SampleSource::Port(|port| Some(u64::from(port.carrier == Some(true)))),
    },
    MetricFamily {
        stem: "edge_port_carrier_changes",
        unit: None,
        labels: PORT,
        help: "Times that the port's interface has got or lost its carrier since it was made.",
        source: SampleSource::PortCount(|port| port.carrier_changes),
    },
    MetricFamily {
        stem: "edge_port_speed",
        unit: Some("bps"),
        labels: PORT,
        help: "Bits a second that the port's link runs at; absent where its driver tells no speed, \
               as without a carrier.",
        source: SampleSource::Port(|port| port.speed_bps),
    },
    MetricFamily {
        stem: "edge_port_sold",
        unit: Some("bps"),
        labels: PORT,
        help: "Sum of the bandwidths, in bits a second, of the enabled circuits whose frames come \
               in or leave by the port.",
        source: SampleSource::Port(|port| Some(port.sold_bps)),
    },
    MetricFamily {
        stem: "edge_port_mtu",
        unit: Some("bytes"),
        labels: PORT,
        help: "MTU of the port's interface; absent while there is none.",
        source: SampleSource::Port(|port| port.mtu_bytes),
    },
    MetricFamily {
        stem: "edge_ledger_ok",
        unit: None,
        labels: &[],
        help: "1 while the meters are booked, else 0: before the first booking, and while the \
               ledger fails.",
        source: SampleSource::Ledger(|ledger| Some(u64::from(ledger.state == LedgerState::Ok))),
    },
    MetricFamily {
        stem: "edge_ledger_last_booked_timestamp",
        unit: Some("seconds"),
        labels: &[],
        help: "Unix time in seconds at which the meters were last booked; absent before that.",
        source: SampleSource::Ledger(|ledger| Some(ledger.last_booked?.as_second().unsigned_abs())),
    },
    MetricFamily {
        stem: "edge_ledger_sealed_until_timestamp",
        unit: Some("seconds"),
        labels: &[],
        help: "Unix time in seconds up to which every record is sealed; absent while no time is known to be whole.",
        source: SampleSource::Ledger(|ledger| {
            Some(ledger.sealed_until?.as_second().unsigned_abs())
        }),
    },
    MetricFamily {
        stem: "edge_export_ok",
        unit: None,
        labels: &["export"],
        help: "1 while the export's batches arrive, else 0.",
        source: SampleSource::ExportState(|export| Some(u64::from(export.last_error.is_none()))),
    },
    MetricFamily {
        stem: "edge_export_sealed_until_timestamp",
        unit: Some("seconds"),
        labels: &["export"],
        help: "Unix time in seconds up to which the receiver has every record; absent while no time is known to be whole.",
        source: SampleSource::ExportState(|export| {
            Some(export.sealed_until?.as_second().unsigned_abs())
        }),
    },
    MetricFamily {
        stem: "edge_export_batches",
        unit: None,
        labels: &["export"],
        help: "Batches that arrived since the daemon has started the export.",
        source: SampleSource::ExportCount(|export| Some(export.delivered_batches)),
    },
    MetricFamily {
        stem: "edge_router_ok",
        unit: None,
        labels: &[],
        help: "1 while the router is as the configuration has it, or no circuit is routed, else 0.",
        source: SampleSource::Whole(|status| u64::from(status.router_faults.is_empty())),
    },
    MetricFamily {
        stem: "edge_config_saved",
        unit: None,
        labels: &[],
        help: "1 while the daemon's file says what runs, else 0.",
        source: SampleSource::Whole(|status| u64::from(status.config.file_fault.is_none())),
    },
    MetricFamily {
        stem: "edge_config_confirmed",
        unit: None,
        labels: &[],
        help: "0 while a change waits for its confirmation, which the daemon takes back otherwise, else 1.",
        source: SampleSource::Whole(|status| u64::from(status.config.unconfirmed.is_none())),
    },
    MetricFamily {
        stem: "edge_condition",
        unit: None,
        labels: &["kind", "port", "circuit", "export", "direction", "link"],
        help: "1 for each condition that an operator should know of; docs/operations.md has the kinds.",
        source: SampleSource::Conditions,
    },
    MetricFamily {
        stem: "edge_conditions_left_out",
        unit: None,
        labels: &[],
        help: "Conditions of circuits that edge_condition lacks, as there are too many.",
        source: SampleSource::Whole(|status| status.conditions_left_out),
    },
    MetricFamily {
        stem: "edge_circuit_bandwidth",
        unit: Some("bps"),
        labels: CIRCUIT,
        help: "Bits a second that the customer has bought, for each direction on each link.",
        source: SampleSource::Circuit(|circuit| circuit.bandwidth_bps),
    },
    MetricFamily {
        stem: "edge_circuit_forwarded",
        unit: Some("frames"),
        labels: DIRECTION,
        help: "Frames of the circuit that left.",
        source: SampleSource::SumByDirection(|counters| counters.forwarded_frames),
    },
    MetricFamily {
        stem: "edge_circuit_forwarded",
        unit: Some("bytes"),
        labels: DIRECTION,
        help: "Bytes of the circuit that left, by the circuit's accounting.",
        source: SampleSource::SumByDirection(|counters| counters.forwarded_bytes),
    },
    MetricFamily {
        stem: "edge_circuit_dropped",
        unit: Some("frames"),
        labels: DIRECTION,
        help: "Frames that arrived above the circuit's rate and were dropped.",
        source: SampleSource::SumByDirection(|counters| counters.dropped_frames),
    },
    MetricFamily {
        stem: "edge_circuit_refused",
        unit: Some("frames"),
        labels: CIRCUIT,
        help: "Frames within the circuit's rate that the egress device refused, in both \
               directions together.",
        source: SampleSource::Sum(|counters| counters.refused_frames),
    },
    MetricFamily {
        stem: "edge_bgp_up",
        unit: None,
        labels: NEIGHBOUR,
        help: "1 while the BGP session is established, else 0; absent while the BGP speaker does \
               not answer.",
        source: SampleSource::Session(|session| Some(u64::from(session.is_up()))),
    },
    MetricFamily {
        stem: "edge_bfd_up",
        unit: None,
        labels: NEIGHBOUR,
        help: "1 while BFD hears the peer, and the peer the edge, else 0; absent for sessions \
               without BFD.",
        source: SampleSource::Session(|session| {
            Some(u64::from(session.bfd.as_ref()?.state == LivenessState::Up))
        }),
    },
    MetricFamily {
        stem: "edge_routes",
        unit: None,
        labels: NEIGHBOUR,
        help: "Routes that the peer of the session told, refused ones included.",
        source: SampleSource::Session(|session| Some(session.routes.into())),
    },
    MetricFamily {
        stem: "edge_route_limit",
        unit: None,
        labels: NEIGHBOUR,
        help: "Routes that the peer may tell; one more ends the session.",
        source: SampleSource::Session(|session| Some(session.limit.into())),
    },
    MetricFamily {
        stem: "edge_neighbour_up",
        unit: None,
        labels: NEIGHBOUR,
        help: "1 while the neighbour has answered ARP or neighbour discovery on a link that is up, \
               else 0.",
        source: SampleSource::Neighbour(|neighbour| u64::from(neighbour.is_up())),
    },
    MetricFamily {
        stem: "edge_arp_availability",
        unit: Some("percent"),
        labels: LINK,
        help: "Percentage of the last minute in which the link's neighbour was known by ARP or neighbour discovery, \
               with a carrier.",
        source: SampleSource::Link(|link| link.arp_availability_percent),
    },
    MetricFamily {
        stem: "edge_bgp_availability",
        unit: Some("percent"),
        labels: LINK,
        help: "Percentage of the last minute in which a BGP session of the link was established; absent for links \
               without one, and while the BGP speaker does not answer.",
        source: SampleSource::Link(|link| link.bgp_availability_percent),
    },
    MetricFamily {
        stem: "edge_drained",
        unit: None,
        labels: LINK,
        help: "1 while the link is out of use by edge drain, else 0.",
        source: SampleSource::Link(|link| Some(f64::from(u8::from(link.reason == "drained")))),
    },
    MetricFamily {
        stem: "edge_fib_swaps",
        unit: None,
        labels: DOMAIN,
        help: "Replacements of a forwarding table of the routing domain since the daemon's start.",
        source: SampleSource::DomainCount(|domain| domain.generation),
    },
    MetricFamily {
        stem: "edge_fib_lag",
        unit: Some("seconds"),
        labels: DOMAIN,
        help: "Seconds for which the domain's forwarding tables have been behind its routes; 0 \
               while they are not.",
        source: SampleSource::Domain(|domain| domain.lag_s),
    },
];
