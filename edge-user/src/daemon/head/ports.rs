//! Ports in a status.

use std::collections::BTreeMap;

use edge_api::PortStatus;
use edge_common::{Reason, abi::counters::PortCounters};

use super::super::{engine::running::Running, ports::PortStates};
use crate::{
    daemon::error::Result,
    kernel::{AttachedMode, BesideOurs},
};

/// Every port, with what it has counted in these tables and in others.
pub(super) fn ports(
    running: &Running,
    states: &PortStates,
    beside: &BesideOurs,
) -> Result<Vec<PortStatus>> {
    let ports = running.installed.plan.ports.iter().map(|port| {
        let mut counters = running.set.tables.port_counters(port.index)?;
        let state = states.get(&port.name).cloned().unwrap_or_default();
        if let Some(others) = beside.ports.get(&port.name) {
            counters.add(&others.settled());
        }
        let (device, settings) = (state.device.as_ref(), state.settings.as_ref());
        Ok(PortStatus {
            name: port.name.clone(),
            interface: state.interface,
            side: port.side.as_str().to_owned(),
            link: port.link.as_str().to_owned(),
            xdp_mode: state.mode.map_or("none", AttachedMode::as_str).to_owned(),
            fault: state.fault,
            warnings: state.warnings,
            is_up: device.map(|device| device.is_up),
            carrier: device.map(|device| device.is_up && device.has_carrier),
            carrier_changes: device.map(|device| device.carrier_changes.into()),
            speed_bps: settings.and_then(|settings| settings.speed_bps),
            sold_bps: state.sold_bps,
            mtu_bytes: device.map(|device| device.mtu_bytes.into()),
            driver: settings.and_then(|settings| settings.driver.clone()),
            rx_queues: settings.map(|settings| settings.rx_queues.into()),
            tx_queues: settings.map(|settings| settings.tx_queues.into()),
            rx_frames: counters.reasons.iter().map(|counter| counter.frames).sum(),
            rx_bytes: counters.reasons.iter().map(|counter| counter.bytes).sum(),
            reasons: reasons(&counters),
        })
    });
    ports.collect()
}

fn reasons(counters: &PortCounters) -> BTreeMap<String, u64> {
    let counted = Reason::ALL.iter().zip(&counters.reasons).filter(|(_, c)| c.frames != 0);
    counted.map(|(reason, counter)| (reason.as_str().to_owned(), counter.frames)).collect()
}
