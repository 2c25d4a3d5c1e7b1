//! The aim of a trace, and the names that its frames get.

use std::{path::Path, time::Duration};

use edge_common::{
    Reason,
    abi::{EGRESS_STACK, outcome::Outcome, trace::ToldFrame},
};
use zerocopy::FromZeros as _;

use super::{
    aim::TraceAim,
    owners::Owners,
    refused::TraceRefused,
    request::{DEFAULT_RATE, DEFAULT_SNAP_BYTES, TraceRequest},
};
use crate::{
    config::{
        self, Config,
        sample::{Sample, SampleCircuit},
    },
    plan::{Capacity, Plan, Police},
    time::MonotonicDates,
};

const ROUTER: u32 = 7;

fn config() -> Config {
    let circuit = |name: &str, s_tag: u16, ports: [&str; 2]| {
        let circuit = SampleCircuit::new(name, "1 Gbps").s_tag(s_tag);
        circuit.peering("private", 10).key("ports", ports)
    };
    let sample = Sample::lab()
        .edge("unmatched", "pass")
        .pair("customer1", "core1")
        .circuit(circuit("contoso", 100, ["customer0", "core0"]))
        .circuit(circuit("fabrikam", 100, ["customer1", "core1"]));
    config::parse(&sample.to_string(), Path::new("test")).unwrap()
}

fn plan(config: &Config) -> Plan {
    Plan::new(config, &Capacity::for_config(config).unused(), Police::Purchased).unwrap()
}

fn request() -> TraceRequest {
    TraceRequest {
        circuit: None,
        port: None,
        reason: None,
        class: None,
        one_in: 1,
        count: None,
        lasts: Duration::from_secs(1),
        rate: DEFAULT_RATE,
        snap_bytes: DEFAULT_SNAP_BYTES,
    }
}

#[test]
fn ports_are_those_that_the_frames_can_come_by() {
    let plan = plan(&config());
    let own = |name: &str| Some(name.to_owned());
    for (circuit, port, expected) in [
        (None, None, &["customer0", "core0", "customer1", "core1"][..]),
        (own("contoso"), None, &["customer0", "core0"]),
        (own("fabrikam"), None, &["customer1", "core1"]),
        (own("fabrikam"), own("core1"), &["core1"]),
    ] {
        let aim = TraceAim::new(&TraceRequest { circuit, port, ..request() }, &plan).unwrap();
        let ports: Vec<_> = aim.ports.iter().map(|port| &*port.name).collect();
        assert_eq!(ports, expected);
    }
}

#[test]
fn a_name_of_nothing_is_refused_with_the_nearest() {
    let plan = plan(&config());
    let name = Some("contosa".to_owned());
    let refused = TraceAim::new(&TraceRequest { circuit: name, ..request() }, &plan).err();
    let text = refused.map(|refused| refused.to_string());
    let expected = "there is no circuit \"contosa\"; did you mean \"contoso\"?";
    assert_eq!(text.as_deref(), Some(expected));
    let reason = Some("egress-refused".to_owned());
    let refused = TraceAim::new(&TraceRequest { reason, ..request() }, &plan).err();
    assert!(matches!(refused, Some(TraceRefused::RefusedByDevices)));
}

#[test]
fn frames_have_the_names_of_their_owner_and_of_their_way() {
    let config = config();
    let plan = plan(&config);
    let owners = Owners::new(&config, &plan, ROUTER);
    let index = |circuit: &str, port: &str| {
        let of = |key: &crate::plan::AttachmentKey| key.circuit == circuit && key.port == port;
        plan.attachments.iter().find(|own| of(&own.key)).unwrap().index
    };
    let core = plan.port("core1").unwrap().index;
    let told = |reason: Reason, is_routed: u32, egress: u32| ToldFrame {
        outcome: Outcome {
            attachment: index("fabrikam", "customer1"),
            reason: reason.number(),
            dscp_in: 26,
            dscp_out: 0,
            is_routed,
            ..Outcome::unknown()
        },
        port: plan.port("customer1").unwrap().index,
        egress,
        len_bytes: 64,
        left_len_bytes: 60,
        left_tags: [0x81, 0, 0xb0, 200, 8, 0, 0, 0, 0, 0],
        ..ToldFrame::new_zeroed()
    };
    let frame = |told: &ToldFrame| {
        let mut bytes = [2; 22];
        bytes[12..22].copy_from_slice(&[0x88, 0xa8, 0, 100, 0x81, 0, 0x20, 10, 8, 0]);
        owners.frame(told, &bytes, &MonotonicDates::now()).unwrap()
    };
    for (reason, is_routed, egress, verdict, way) in [
        (Reason::Ok, 0, core, "forward", Some("core1")),
        (Reason::Ok, 0, EGRESS_STACK, "forward", Some("stack")),
        (Reason::Unmatched, 0, EGRESS_STACK, "pass", Some("stack")),
        (Reason::OverRate, 0, EGRESS_STACK, "drop", None),
        // Forwarding it was tried.
        (Reason::NoEgress, 0, core, "drop", None),
        (Reason::Punted, 1, ROUTER, "punt", Some("router")),
        (Reason::NoRoute, 0, EGRESS_STACK, "drop", None),
        (Reason::NoRoute, 1, core, "answer", Some("core1")),
    ] {
        let frame = frame(&told(reason, is_routed, egress));
        assert_eq!((&*frame.verdict, frame.egress.as_deref()), (verdict, way), "{reason:?}");
        assert_eq!(frame.circuit.as_deref(), Some("fabrikam"));
        assert_eq!((&*frame.port, frame.dscp_in), ("customer1", Some(26)));
        let left = frame
            .left_tags
            .map(|tags| tags.iter().map(|tag| (tag.vid, tag.pcp, tag.dei)).collect::<Vec<_>>());
        assert_eq!(left, way.map(|_| vec![(200, 5, true)]));
        assert_eq!(frame.dscp_out, way.map(|_| 0));
        let tags: Vec<_> = frame.tags.iter().map(|tag| (&*tag.tpid, tag.vid, tag.pcp)).collect();
        assert_eq!(tags, [("0x88a8", 100, 0), ("0x8100", 10, 1)]);
        assert_eq!(frame.data.len(), 44);
    }
}
