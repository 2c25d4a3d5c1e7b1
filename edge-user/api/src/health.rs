//! Whether frames flow and usage is booked.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{LedgerState, Status};

/// Whether frames flow and usage is booked. A BGP session that is down is no fault of the edge's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// A sentence for each fault; empty: every port runs its program and has a carrier, usage is booked, the router is
    /// as the configuration has it, the BGP speaker answers, and each routing domain forwards by its
    /// routes.
    pub faults: Vec<String>,
}

impl Health {
    /// The faults that `status` shows: ports whose frames don't pass, usage that is not booked, a
    /// router that is not as the configuration has it, a BGP speaker that does not answer, and
    /// forwarding tables that can't follow their routes.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        let ports = status.ports.iter().filter(|port| !port.passes_frames()).map(|port| {
            let fault = port.fault.as_deref().unwrap_or("no program runs on its interface");
            format!("port {:?}: {fault}", port.name)
        });
        let ledger = (status.ledger.state == LedgerState::Failing).then(|| {
            let error = status.ledger.error.as_deref().unwrap_or("the ledger can't be written");
            format!("usage is not booked: {error}")
        });
        let router = status.router_faults.iter().map(|fault| format!("router: {fault}"));
        let speaker = status.sessions.fault.as_ref();
        let speaker = speaker.map(|fault| format!("BGP sessions: {fault}"));
        let domains = status.domains.iter().filter_map(|domain| {
            let fault = domain.fault.as_ref()?;
            Some(format!("routing domain {}/{}: {fault}", domain.circuit, domain.peering))
        });
        Self { faults: ports.chain(ledger).chain(router).chain(speaker).chain(domains).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DomainStatus, LedgerStatus, PortStatus, SessionCounts};

    fn port(name: &str, xdp_mode: &str, fault: Option<&str>) -> PortStatus {
        let document = serde_json::json!({
            "name": name, "interface": "eth1", "side": "customer", "link": "primary",
            "xdp_mode": xdp_mode, "fault": fault, "rx_frames": 0, "rx_bytes": 0, "reasons": {},
        });
        serde_json::from_value(document).unwrap()
    }

    fn domain(fault: Option<&str>) -> DomainStatus {
        DomainStatus {
            circuit: "contoso".to_owned(),
            peering: "private".to_owned(),
            routes_v4: 1,
            routes_v6: 0,
            tree_lines: 2,
            generation: 1,
            age_s: Some(1.0),
            fault: fault.map(str::to_owned),
            lag_s: 0.0,
            sessions: 2,
            neighbours: Vec::new(),
            links: Vec::new(),
        }
    }

    #[test]
    fn ports_that_pass_no_frames_and_a_ledger_that_fails_are_faults() {
        let mut status = Status {
            edge: "ams-1".to_owned(),
            uptime_s: 1.0,
            taken: jiff::Timestamp::UNIX_EPOCH,
            ledger: LedgerStatus { state: LedgerState::Ok, ..LedgerStatus::default() },
            watches_egress: true,
            ports: vec![
                port("a", "native", None),
                port("b", "generic", Some("eth1 is called eth9 now")),
            ],
            circuits: Vec::new(),
            // A peer that is down is its owner's matter.
            sessions: SessionCounts { configured: 2, up: 1, fault: None },
            domains: vec![domain(None)],
            router_faults: Vec::new(),
            config: crate::ConfigStatus::default(),
            conditions: Vec::new(),
            conditions_left_out: 0,
        };
        assert_eq!(Health::of(&status), Health::default());
        status.ports.push(port("c", "none", Some("there is no interface eth1")));
        let carrier = Some(false);
        let unplugged = port("d", "native", Some("eth1 has no carrier"));
        status.ports.push(PortStatus { is_up: Some(true), carrier, ..unplugged });
        status.ledger.state = LedgerState::Failing;
        status.ledger.error = Some("the disk is full".to_owned());
        status.router_faults = vec!["its port has no program".to_owned()];
        status.sessions.fault = Some("BIRD does not answer".to_owned());
        status.domains.push(domain(Some("the tables are full")));
        let expected = [
            "port \"c\": there is no interface eth1",
            "port \"d\": eth1 has no carrier",
            "usage is not booked: the disk is full",
            "router: its port has no program",
            "BGP sessions: BIRD does not answer",
            "routing domain contoso/private: the tables are full",
        ];
        assert_eq!(Health::of(&status).faults, expected);
    }
}
