//! Statuses to answer with.

use std::{collections::BTreeMap, sync::Arc};

use edge_api::{
    CircuitStatus, ClassStatus, Condition, ConditionKind, ConfigStatus, Counters, ExportStatus,
    LedgerState, LedgerStatus, PeeringStatus, PolicerStatus, PortStatus, SessionCounts, Status,
};
use jiff::Timestamp;

use super::super::figures::ScrapeFigures;
use crate::daemon::router_view::sample;

/// An edge with two ports, one of which waits, an export that fails, and three sessions in a
/// routing domain.
pub(super) fn figures(circuits: Vec<CircuitStatus>) -> ScrapeFigures {
    let mut status = status(circuits);
    status.domains = vec![sample::domain()];
    ScrapeFigures { status: Arc::new(status), sessions: sample::sessions().into() }
}

/// Its status, without the routed part.
pub(super) fn status(circuits: Vec<CircuitStatus>) -> Status {
    let booked = Timestamp::from_second(1_700_000_000).expect("a time");
    let export = ExportStatus {
        name: "billing".to_owned(),
        delivered_batches: 3,
        last_error: Some("refused".to_owned()),
        failing_since: Some(booked),
        last_delivered: None,
        sealed_until: Some(booked),
        notice: None,
    };
    Status {
        edge: "ams-1".to_owned(),
        uptime_s: 12.5,
        taken: booked,
        ledger: LedgerStatus {
            state_dir: "/var/lib/edge".into(),
            state: LedgerState::Ok,
            error: None,
            failing_since: None,
            notice: None,
            last_booked: Some(booked),
            sealed_until: Some(booked),
            exports: vec![export],
        },
        watches_egress: true,
        ports: vec![
            port("C1", "customer", "native", &[("ok", 7), ("no-egress", 2)]),
            port("P1", "core", "none", &[]),
        ],
        circuits,
        sessions: SessionCounts::default(),
        domains: Vec::new(),
        router_faults: vec!["the port is missing".to_owned()],
        config: ConfigStatus {
            digest: "aa".to_owned(),
            file_fault: Some("it is wrong".to_owned()),
            unconfirmed: None,
            timed_bandwidths: Vec::new(),
            links_out_of_use: Vec::new(),
        },
        conditions: vec![
            Condition {
                port: Some("P1".to_owned()),
                ..Condition::new(ConditionKind::PortDead, booked, "it is gone")
            },
            Condition {
                circuit: Some("contoso".to_owned()),
                direction: Some("inbound".to_owned()),
                link: Some("primary".to_owned()),
                ..Condition::new(ConditionKind::OverRate, booked, "it is over its rate")
            },
        ],
        conditions_left_out: 3,
    }
}

fn port(name: &str, side: &str, xdp_mode: &str, reasons: &[(&str, u64)]) -> PortStatus {
    PortStatus {
        name: name.to_owned(),
        interface: "eth0".to_owned(),
        side: side.to_owned(),
        link: "primary".to_owned(),
        xdp_mode: xdp_mode.to_owned(),
        fault: None,
        warnings: Vec::new(),
        is_up: (xdp_mode != "none").then_some(true),
        carrier: (xdp_mode != "none").then_some(true),
        carrier_changes: (xdp_mode != "none").then_some(4),
        speed_bps: (xdp_mode != "none").then_some(10_000_000_000),
        sold_bps: 2_000_000_000,
        mtu_bytes: (xdp_mode != "none").then_some(1_504),
        driver: None,
        rx_queues: None,
        tx_queues: None,
        rx_frames: 9,
        rx_bytes: 900,
        reasons: reasons.iter().map(|(reason, frames)| ((*reason).to_owned(), *frames)).collect(),
    }
}

/// A circuit of two peerings on two ports, with two classes in each, and two buckets.
pub(super) fn circuit(name: &str, more: u64) -> CircuitStatus {
    sized(name, ["private", "microsoft"], &["high", "low"], more)
}

/// A circuit of two peerings on two ports. A class of the first inbound one forwarded 1 frame, and
/// `more`; of the second one, 2; outbound ten times as many. Twice as many were dropped, and three
/// times as many refused.
pub(super) fn sized(name: &str, peerings: [&str; 2], classes: &[&str], more: u64) -> CircuitStatus {
    let ways = [("C1", "inbound", 1), ("P1", "outbound", 10)];
    let peerings = (1..).zip(peerings).flat_map(|(number, kind)| {
        ways.map(|(port, direction, times)| {
            peering(kind, port, direction, counters(number * times + more), classes)
        })
    });
    CircuitStatus {
        name: name.to_owned(),
        bandwidth_bps: 1_000_000_000,
        enabled: true,
        provisioning: "Provisioned".to_owned(),
        peerings: peerings.collect(),
        policers: ways.map(|(_, direction, _)| policer(direction)).to_vec(),
    }
}

fn counters(frames: u64) -> Counters {
    Counters {
        forwarded_frames: frames,
        forwarded_bytes: 100 * frames,
        dropped_frames: 2 * frames,
        dropped_bytes: 200 * frames,
        refused_frames: 3 * frames,
        refused_bytes: 300 * frames,
    }
}

fn peering(
    kind: &str,
    port: &str,
    direction: &str,
    of_each: Counters,
    classes: &[&str],
) -> PeeringStatus {
    let class = |class: &&str| ClassStatus { class: (*class).to_owned(), counters: of_each };
    PeeringStatus {
        kind: kind.to_owned(),
        port: port.to_owned(),
        link: "primary".to_owned(),
        direction: direction.to_owned(),
        total: counters(of_each.forwarded_frames * classes.len() as u64),
        drops: BTreeMap::new(),
        classes: classes.iter().map(class).collect(),
    }
}

fn policer(direction: &str) -> PolicerStatus {
    PolicerStatus {
        peering: None,
        class: None,
        direction: direction.to_owned(),
        link: "primary".to_owned(),
        rate_bps: 1_000_000_000,
        burst_bytes: 3_125_000,
        used_bytes: 11,
        peak_1ms_bps: 12,
        peak_100ms_bps: 13,
        leases: 14,
        retries: 15,
        debts: 16,
    }
}
