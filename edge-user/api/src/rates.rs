//! The rates of an edge over an interval.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::PolicerStatus;

/// The rates of an edge between two looks at its counters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TrafficRates {
    /// The edge's name.
    pub edge: String,
    /// Seconds since the daemon's start.
    pub uptime_s: f64,
    /// The time of the second look.
    #[schema(value_type = String, format = DateTime)]
    pub taken: Timestamp,
    /// Seconds between the two looks.
    pub interval_s: f64,
    /// Sentences about faults.
    pub faults: Vec<String>,
    /// Number of circuits that were asked for, of which `circuits` may have only the first ones.
    pub matching: usize,
    /// Circuits in the requested order.
    pub circuits: Vec<CircuitRates>,
    /// Ports, in configuration order.
    pub ports: Vec<PortRates>,
}

/// The rates of a circuit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CircuitRates {
    /// Its name.
    pub name: String,
    /// Its purchased bandwidth in bit/s.
    pub bandwidth_bps: u64,
    /// Whether it is enabled.
    pub enabled: bool,
    /// Forwarded bit/s from the customer, on all links together.
    pub in_bps: u64,
    /// Forwarded bit/s to the customer, on all links together.
    pub out_bps: u64,
    /// Offered bit/s from the customer: forwarded, dropped and refused ones.
    pub offered_in_bps: u64,
    /// Offered bit/s to the customer.
    pub offered_out_bps: u64,
    /// The part of the purchased bandwidth that the busiest link and direction has, in per mille.
    pub used_permille: u64,
    /// Frames per second above the rate.
    pub dropped_fps: u64,
    /// Highest rate over 1 ms of its own buckets, in bit/s.
    pub peak_1ms_bps: u64,
    /// Highest rate over 100 ms, in bit/s.
    pub peak_100ms_bps: u64,
    /// Classes of its peerings.
    pub classes: Vec<ClassRates>,
    /// Frames per second by the reason why they were dropped.
    pub drops_fps: BTreeMap<String, u64>,
    /// Its buckets.
    pub policers: Vec<PolicerStatus>,
}

/// The rates of a class of a peering on a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassRates {
    /// `private`, `public` or `microsoft`.
    pub peering: String,
    /// The port's name.
    pub port: String,
    /// `primary` or `secondary`.
    pub link: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// The class.
    pub class: String,
    /// Forwarded bit/s.
    pub forwarded_bps: u64,
    /// Forwarded frames per second.
    pub forwarded_fps: u64,
    /// Frames per second above the rate.
    pub dropped_fps: u64,
    /// Frames per second that a device has refused.
    pub refused_fps: u64,
}

/// The rates of a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PortRates {
    /// Its name.
    pub name: String,
    /// The present name of the port's interface.
    pub interface: String,
    /// `customer` or `core`.
    pub side: String,
    /// `primary` or `secondary`.
    pub link: String,
    /// The mode of the port's program: `native`, `generic`, or `none` where it doesn't run.
    pub xdp_mode: String,
    /// The state of its link: `up`, `down` or `no carrier`.
    pub link_state: String,
    /// The link's speed in bit/s, if the driver tells it.
    pub speed_bps: Option<u64>,
    /// Received bit/s.
    pub rx_bps: u64,
    /// Received frames per second.
    pub rx_fps: u64,
    /// Frames per second by reason; reasons without a frame are left out.
    pub reasons_fps: BTreeMap<String, u64>,
}
