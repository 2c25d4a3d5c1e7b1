//! Replays of routed peerings.

mod routing;

use std::path::Path;

use crate::{
    config::{
        self,
        sample::{Sample, SampleCircuit, SamplePort},
    },
    plan::{Capacity, Plan, Police},
};

pub(super) fn planned(sample: &Sample) -> (Plan, Capacity) {
    let text = sample.to_string();
    let config = config::parse(&text, Path::new("f"));
    let config = config.unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let capacity = Capacity::for_config(&config);
    let plan = Plan::new(&config, &capacity.unused(), Police::Purchased).expect("room");
    (plan, capacity)
}

fn ports() -> Sample {
    Sample::new("lab")
        .port(SamplePort::new("customer0", "customer"))
        .port(SamplePort::new("customer1", "customer").key("link", "secondary"))
        .port(SamplePort::new("core0", "core"))
        .routing("daemon", "none")
}

/// A VNet behind the S-tag 700 and a C-tag of its own, with `gateway` 10.1.`third`.2.
fn with_vnet(circuit: SampleCircuit, name: &str, third: u16) -> SampleCircuit {
    circuit
        .of_vnet(name, "port", "core0")
        .of_vnet(name, "s_tag", 700)
        .of_vnet(name, "c_tag", third)
        .of_vnet(name, "own", format!("10.1.{third}.1/30"))
        .of_vnet(name, "gateway", format!("10.1.{third}.2"))
        .of_vnet(name, "prefixes", vec![format!("10.2.{third}.0/24")])
}

/// A private peering on both links, with IPv6 on the first alone.
fn contoso() -> SampleCircuit {
    SampleCircuit::new("contoso", "1 Gbps")
        .s_tag(100)
        .peering("private", 10)
        .of_peering("private", "primary", "192.168.15.16/30")
        .of_peering("private", "primary_v6", "fd00:15::/126")
        .of_peering("private", "secondary", "192.168.15.20/30")
        .of_peering("private", "static_routes", vec!["172.16.0.0/16".to_owned()])
}

/// `contoso`, with the VNets `hub` and `two words`, the second one with IPv6, and this
/// `source_check`.
pub(super) fn checked(source_check: &str) -> Sample {
    let circuit = contoso().of_peering("private", "source_check", source_check);
    let circuit = with_vnet(with_vnet(circuit, "hub", 1), "two words", 2);
    let circuit = circuit.of_vnet("two words", "own_v6", "fd00:2::1/126").of_vnet(
        "two words",
        "gateway_v6",
        "fd00:2::2",
    );
    ports().circuit(circuit)
}

pub(super) fn routed() -> (Plan, Capacity) {
    planned(&checked("advertised"))
}

/// `contoso` with so many VNets, `v0` and so on.
pub(super) fn of_vnets(count: u16) -> Plan {
    let vnets = (0..count)
        .fold(contoso(), |circuit, number| with_vnet(circuit, &format!("v{number}"), number + 1));
    planned(&ports().circuit(vnets)).0
}

/// An edge with a wire alone.
pub(super) fn wire() -> Plan {
    let circuit = SampleCircuit::new("contoso", "1 Gbps").s_tag(100).peering("private", 10);
    planned(&Sample::lab().circuit(circuit)).0
}

/// The index of a link's interface, by its name.
pub(super) fn index(plan: &Plan, link: &str) -> u32 {
    let found = plan.interfaces.iter().find(|interface| interface.key.to_string() == link);
    found.expect("a link").index
}
