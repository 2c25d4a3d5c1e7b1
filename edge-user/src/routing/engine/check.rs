//! Plans that can't be.

use std::collections::BTreeSet;

use super::{
    error::{EngineError, Result},
    plan::{EngineInterface, RouterDomain, RouterPlan},
};
use crate::routing::devices::{InterfaceAddress, WantedDevice, WantedDevices};

/// Kernel tables that are not for domains: unspecified, default, main and local (`enum rt_class_t` of linux/rtnetlink.h).
const RESERVED_TABLES: [u32; 4] = [0, 253, 254, 255];

/// Looks for contradictions in a plan, and returns its devices.
pub(super) fn devices(plan: &RouterPlan) -> Result<WantedDevices> {
    let mut tables = BTreeSet::new();
    for domain in &plan.domains {
        let table = domain.table;
        if RESERVED_TABLES.contains(&table) || !tables.insert(table) {
            return Err(EngineError::plan(format!(
                "the domain {} can't have the kernel's table {table}, which is not free",
                domain.name
            )));
        }
    }
    let devices = plan.interfaces().map(|(domain, interface)| device(domain, interface));
    Ok(WantedDevices::new(devices.collect::<Result<Vec<_>>>()?)?)
}

fn device(domain: &RouterDomain, interface: &EngineInterface) -> Result<WantedDevice> {
    let refuse = |why: String| {
        let name = &domain.name;
        Err(EngineError::plan(format!("interface {} of {name}: {why}", interface.index)))
    };
    if interface.index == 0 {
        return refuse("indices begin with 1".to_owned());
    }
    let v4 = interface.v4.map(|ends| (ends.own, InterfaceAddress::v4(ends.own, ends.prefix_len)));
    let v6 = interface.v6.map(|ends| (ends.own, InterfaceAddress::v6(ends.own, ends.prefix_len)));
    if let Some((own, None)) = v4 {
        return refuse(format!("no interface can have the address {own}"));
    }
    if let Some((own, None)) = v6 {
        return refuse(format!("no interface can have the address {own}"));
    }
    let has_family = |prefix: &ipnet::IpNet| match prefix {
        ipnet::IpNet::V4(_) => v4.is_some(),
        ipnet::IpNet::V6(_) => v6.is_some(),
    };
    if let Some(prefix) = interface.static_routes.iter().find(|prefix| !has_family(prefix)) {
        return refuse(format!("{prefix} can't lead there, as it has no address of that family"));
    }
    Ok(WantedDevice {
        index: interface.index,
        table: domain.table,
        v4: v4.and_then(|(_, address)| address),
        v6: v6.and_then(|(_, address)| address),
        link_local: None,
        mtu_bytes: interface.mtu_bytes,
        is_up: interface.is_up,
    })
}
