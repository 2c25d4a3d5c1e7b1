//! Whether frames flow and usage is booked.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{LedgerState, Status};

/// Whether frames flow and usage is booked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// A sentence for each fault; empty: every port runs its program, and usage is booked.
    pub faults: Vec<String>,
}

impl Health {
    /// The faults that `status` shows: ports whose frames don't pass, and usage that is not booked.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        let ports = status.ports.iter().filter(|port| port.xdp_mode == "none").map(|port| {
            let fault = port.fault.as_deref().unwrap_or("no program runs on its interface");
            format!("port {:?}: {fault}", port.name)
        });
        let ledger = (status.ledger.state == LedgerState::Failing).then(|| {
            let error = status.ledger.error.as_deref().unwrap_or("the ledger can't be written");
            format!("usage is not booked: {error}")
        });
        Self { faults: ports.chain(ledger).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LedgerStatus, PortStatus};

    fn port(name: &str, xdp_mode: &str, fault: Option<&str>) -> PortStatus {
        PortStatus {
            name: name.to_owned(),
            interface: "eth1".to_owned(),
            side: "customer".to_owned(),
            link: "primary".to_owned(),
            xdp_mode: xdp_mode.to_owned(),
            fault: fault.map(str::to_owned),
            rx_frames: 0,
            rx_bytes: 0,
            reasons: std::collections::BTreeMap::new(),
        }
    }

    #[test]
    fn ports_without_a_program_and_a_ledger_that_fails_are_faults() {
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
        };
        assert_eq!(Health::of(&status), Health::default());
        status.ports.push(port("c", "none", Some("there is no interface eth1")));
        status.ledger.state = LedgerState::Failing;
        status.ledger.error = Some("the disk is full".to_owned());
        let expected =
            ["port \"c\": there is no interface eth1", "usage is not booked: the disk is full"];
        assert_eq!(Health::of(&status).faults, expected);
    }
}
