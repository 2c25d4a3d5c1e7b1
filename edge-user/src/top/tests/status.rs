//! An edge for tests.

use std::collections::BTreeMap;

use edge_api::{
    CircuitStatus, ClassStatus, ConfigStatus, Counters, Dropped, LedgerStatus, PeeringStatus,
    PolicerStatus, PortStatus, SessionCounts, Status,
};

/// An edge with one port, which has received 1,000 frames without a circuit by second 12.
pub(super) fn status(uptime_s: f64, circuits: Vec<CircuitStatus>) -> Status {
    let unmatched = if uptime_s < 12.0 { 0 } else { 1_000 };
    Status {
        edge: "ams-1".to_owned(),
        uptime_s,
        taken: jiff::Timestamp::UNIX_EPOCH,
        ledger: LedgerStatus::default(),
        watches_egress: true,
        ports: vec![PortStatus {
            name: "customer0".to_owned(),
            interface: "eth1".to_owned(),
            side: "customer".to_owned(),
            link: "primary".to_owned(),
            xdp_mode: "native".to_owned(),
            fault: None,
            warnings: Vec::new(),
            is_up: Some(true),
            carrier: Some(true),
            carrier_changes: Some(1),
            speed_bps: Some(10_000_000_000),
            sold_bps: 3_000_000_000,
            mtu_bytes: Some(1_504),
            driver: None,
            rx_queues: None,
            tx_queues: None,
            rx_frames: unmatched,
            rx_bytes: 64 * unmatched,
            reasons: BTreeMap::from([("unmatched".to_owned(), unmatched)]),
        }],
        circuits,
        sessions: SessionCounts::default(),
        domains: Vec::new(),
        router_faults: Vec::new(),
        config: ConfigStatus::default(),
        conditions: Vec::new(),
        conditions_left_out: 0,
    }
}

/// A circuit of 1 Gbps that has forwarded these bytes in each direction, and dropped frames of the customer.
pub(super) fn circuit(name: &str, bytes: u64, dropped: u64) -> CircuitStatus {
    let peering = |direction: &str, dropped| {
        let counters = Counters {
            forwarded_frames: bytes / 1_000,
            forwarded_bytes: bytes,
            dropped_frames: 2 * dropped,
            dropped_bytes: 2_000 * dropped,
            refused_frames: 0,
            refused_bytes: 0,
        };
        let drops = Dropped { frames: 2 * dropped, bytes: 2_000 * dropped };
        PeeringStatus {
            kind: "private".to_owned(),
            port: "customer0".to_owned(),
            link: "primary".to_owned(),
            direction: direction.to_owned(),
            total: counters,
            drops: BTreeMap::from([("over-rate".to_owned(), drops)]),
            classes: vec![ClassStatus { class: "default".to_owned(), counters }],
        }
    };
    let policer = |direction: &str| PolicerStatus {
        peering: None,
        class: None,
        direction: direction.to_owned(),
        link: "primary".to_owned(),
        rate_bps: 1_000_000_000,
        burst_bytes: 3_125_000,
        used_bytes: bytes / 100,
        peak_1ms_bps: if bytes > 1_000 { 990_000_000 } else { 0 },
        peak_100ms_bps: bytes * 3,
        leases: 0,
        retries: 0,
        debts: 0,
    };
    CircuitStatus {
        name: name.to_owned(),
        bandwidth_bps: 1_000_000_000,
        enabled: true,
        provisioning: "Provisioned".to_owned(),
        peerings: vec![peering("inbound", dropped), peering("outbound", 0)],
        policers: vec![policer("inbound"), policer("outbound")],
    }
}
