//! Domains, and what stays and goes with a change.

use super::{
    holding, parse, plan,
    records::{ROUTED, own, peering_link},
};
use crate::{
    config::sample::{Sample, SampleCircuit},
    model::{Direction, Link, PeeringKind},
    plan::{AttachmentPlan, Capacity, Plan, Police, RouteLimits, RoutedKey},
};

#[test]
fn a_domain_has_the_links_of_its_peering_and_its_vnets() {
    let plan = plan(&parse(ROUTED));
    let [domain] = &plan.domains[..] else { panic!("one domain") };
    assert_eq!((&*domain.circuit, domain.peering), ("contoso", PeeringKind::Private));
    let index = |key: &RoutedKey| plan.interface(key).expect("planned").index;
    let first = index(&peering_link(Link::Primary)).min(index(&peering_link(Link::Secondary)));
    assert_eq!(domain.kernel_table, 3000 + first);
    let [primary, secondary] = &domain.customer[..] else { panic!("two links") };
    // The route leads over both links.
    for link in [primary, secondary] {
        assert_eq!(link.static_routes, ["10.9.0.0/16".parse().expect("a prefix")]);
    }
    assert_eq!(primary.limits, RouteLimits { v4: 4_001, v6: 100 });
    assert_eq!(secondary.limits, RouteLimits { v4: 4_001, v6: 0 });
    let [hub, spoke] = &domain.cloud[..] else { panic!("two VNets") };
    assert_eq!(hub.limits, RouteLimits { v4: 2, v6: 0 });
    assert_eq!(spoke.limits, RouteLimits { v4: 0, v6: 100 });
    assert_eq!(domain.cloud_limits(), RouteLimits { v4: 2, v6: 100 });
    assert_eq!(domain.customer_limits(), RouteLimits { v4: 8_002, v6: 100 });
}

#[test]
fn a_table_of_a_domain_stays_when_it_gets_another_link() {
    let one = parse(
        &ROUTED
            .replace("primary = \"192.168.15.16/30\"\n", "")
            .replace("primary_v6 = \"fd00:15::10/126\"\n", ""),
    );
    let both = parse(ROUTED);
    let unused = Capacity::for_config(&both).unused();
    let first = Plan::new(&one, &unused, Police::Purchased).expect("room");
    let occupied = holding(&first, &unused);
    let second = Plan::new(&both, &occupied, Police::Purchased).expect("room");
    assert_eq!(first.domains[0].kernel_table, second.domains[0].kernel_table);
}

#[test]
fn a_peering_that_is_no_longer_a_wire_has_other_entries() {
    let wire = SampleCircuit::new("contoso", "1 Gbps").s_tag(100).peering("private", 10);
    let sample = Sample::lab().circuit(wire).routing("daemon", "none");
    let before = parse(&sample.to_string());
    let routed = sample.change_circuit("contoso", |circuit| {
        circuit.of_peering("private", "peer_asn", 65_001).of_peering(
            "private",
            "primary",
            "192.168.15.16/30",
        )
    });
    let unused = Capacity::for_config(&before).unused();
    let before = Plan::new(&before, &unused, Police::Purchased).expect("room");
    let occupied = holding(&before, &unused);
    let after = Plan::new(&parse(&routed.to_string()), &occupied, Police::Purchased).expect("room");
    let inbound = own(&after, "customer0", Direction::Inbound);
    assert!(before.attachments.iter().all(|own| own.index != inbound.index));
    // Their counters are shown with those of before.
    assert_eq!(inbound.predecessors.len(), 1);
    // Its frames are policed by the same bucket.
    assert_eq!(inbound.value.policer, before.attachments[0].value.policer);
}

#[test]
fn without_policing_the_router_is_protected_all_the_same() {
    let config = parse(ROUTED);
    let unused = Capacity::for_config(&config).unused();
    let plan = Plan::new(&config, &unused, Police::Off).expect("room");
    assert!(plan.attachments.iter().all(|own| own.value.policer == 0));
    assert!(plan.interfaces.iter().all(|own| own.value.punts.policer != 0));
}

#[test]
fn another_rate_of_a_circuit_leaves_the_router_alone() {
    let mut config = parse(ROUTED);
    let unused = Capacity::for_config(&config).unused();
    let mut plan = Plan::new(&config, &unused, Police::Purchased).expect("room");
    let occupied = holding(&plan, &unused);
    let before = plan.clone();
    config.circuits[0].bandwidth_bps = 20_000_000;
    let change = plan.change_rate(&config.circuits[0], &occupied.rates).expect("room");
    let change = change.expect("the circuit has entries");
    assert!(!change.policers.contains(&0));
    assert_eq!(plan.interfaces, before.interfaces);
    for interface in &plan.interfaces {
        for bucket in [interface.value.punts, interface.value.answers] {
            assert_eq!(plan.rates.get(&bucket.rate), before.rates.get(&bucket.rate));
        }
    }
    let vnets = |plan: &Plan| -> Vec<AttachmentPlan> {
        plan.attachments.iter().filter(|own| !own.key.is_billed()).cloned().collect()
    };
    assert_eq!(vnets(&plan), vnets(&before));
}
