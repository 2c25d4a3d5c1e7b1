//! Indices: unique, in bounds, and the same from one configuration to the next.

use std::collections::BTreeSet;

use edge_common::abi::{
    attachment::{Attachment, Slot},
    port::Features,
    router::index_of,
    routing::Mac,
};
use proptest::prelude::*;

use super::{holding, random};
use crate::{
    config::Config,
    plan::{
        AttachmentPlan, Capacity, DomainPlan, InterfacePlaces, Occupancy, Plan, Police, RoutedKey,
    },
};

fn plan_in(config: &Config, occupied: &Occupancy) -> Plan {
    Plan::new(config, occupied, Police::Purchased).expect("room")
}

/// The link whose frames an attachment has.
fn link_of(own: &AttachmentPlan) -> RoutedKey {
    let circuit = own.key.circuit.clone();
    match &own.key.vnet {
        Some(vnet) => RoutedKey::Vnet { circuit, vnet: vnet.clone() },
        None => RoutedKey::Peering { circuit, peering: own.key.peering, link: own.key.link },
    }
}

/// Every place has one owner, is in bounds, and refers to what it should.
fn check(config: &Config, plan: &Plan, capacity: &Capacity) {
    let links = config.peering_links().count() + config.vnet_links().count();
    assert_eq!(plan.interfaces.len(), links);
    let all_attachments: BTreeSet<u32> = plan.attachments.iter().map(|own| own.index).collect();
    assert_eq!(all_attachments.len(), plan.attachments.len());
    let (mut next_hops, mut roots, mut buckets) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for interface in &plan.interfaces {
        let (places, value) = (interface.places(), interface.value);
        assert!((1..capacity.router.interfaces).contains(&interface.index));
        assert_eq!(index_of(Mac::from_bits(value.mac)), interface.index);
        assert!(places.next_hops().into_iter().all(|at| next_hops.insert(at)));
        assert!(places.next_hops().into_iter().all(|at| at < capacity.router.next_hops));
        assert!(places.roots().into_iter().all(|at| roots.insert(at)));
        assert!(places.roots().into_iter().all(|at| at < capacity.router.roots));
        assert!(places.link < capacity.router.links);
        let of_record =
            [value.destinations_v4, value.destinations_v6, value.sources_v4, value.sources_v6];
        assert!(of_record.into_iter().all(|root| root == 0 || places.roots().contains(&root)));
        for bucket in [value.punts, value.answers] {
            assert!(bucket.policer != 0 && buckets.insert(bucket.policer), "its own bucket");
            assert!(plan.rates.contains_key(&bucket.rate));
        }
        for next_hop in interface.next_hops {
            assert_eq!((next_hop.own_mac, next_hop.neighbour), (value.mac, 0));
            assert_eq!((next_hop.retag, next_hop.egress), (value.retag, value.egress));
            assert_eq!(next_hop.link, places.link);
            let owner = plan.attachments.iter().find(|own| own.index == next_hop.owner);
            assert_eq!(owner.is_some(), matches!(interface.key, RoutedKey::Peering { .. }));
            if let Some(owner) = owner {
                assert_eq!(link_of(owner), interface.key);
                assert_eq!(owner.key.direction, crate::model::Direction::Outbound);
            }
        }
    }
    let sold = plan.attachments.iter().flat_map(|own| {
        own.limits.classes.into_iter().chain([own.limits.peering, own.value.bucket()])
    });
    assert!(sold.into_iter().all(|bucket| !buckets.contains(&bucket.policer)));
    check_attachments(plan);
    check_domains(config, plan);
}

fn check_attachments(plan: &Plan) {
    let mut tagged = BTreeSet::new();
    for (index, table) in plan.s_tags.iter().chain(&plan.c_tags) {
        for bits in table.iter() {
            if let Slot::Attachment(attachment) = Slot::from_bits(*bits) {
                tagged.insert(attachment);
                let own = plan.attachments.iter().find(|own| own.index == attachment);
                let own = own.unwrap_or_else(|| panic!("nobody's, in table {index}"));
                let port = plan.port(&own.key.port).expect("a port");
                let is_routed = own.value.flags & Attachment::ROUTED != 0;
                assert!(!is_routed || port.features.has(Features::ROUTED));
            }
        }
    }
    for own in &plan.attachments {
        let is_routed = own.value.flags & Attachment::ROUTED != 0;
        assert_eq!(is_routed, own.key.is_routed);
        let interface = plan.interface(&link_of(own)).map(|interface| interface.index);
        let expected = if is_routed { interface.expect("an interface") } else { 0 };
        assert_eq!(own.value.router_interface, expected);
        assert!(!is_routed || own.value.retag == 0);
        let is_to_customer = plan.interfaces.iter().any(|interface| {
            interface.next_hops.iter().any(|next_hop| next_hop.owner == own.index)
        });
        assert_eq!(tagged.contains(&own.index), !is_to_customer, "{:?}", own.key);
        assert_eq!(own.value.policer != 0, own.key.is_billed());
        // Owners that frames get by their route need their features where the frames arrive.
        if is_to_customer {
            let arrivals = plan
                .attachments
                .iter()
                .filter(|other| other.key.circuit == own.key.circuit && !other.key.is_billed());
            let is_private = own.key.peering == crate::model::PeeringKind::Private;
            for arrival in arrivals.filter(|_| is_private) {
                let features = plan.port(&arrival.key.port).expect("a port").features;
                let flags = own.value.flags;
                assert!(flags & Attachment::HAS_RULES == 0 || features.has(Features::RULES));
                assert!(flags & Attachment::HAS_LIMITS == 0 || features.has(Features::LIMITS));
                assert!(flags & Attachment::MARKS_ECN == 0 || features.has(Features::ECN));
                assert!(own.value.flow_queues == 0 || features.has(Features::FAIRNESS));
            }
        }
    }
}

fn check_domains(config: &Config, plan: &Plan) {
    let mut in_domains: Vec<&RoutedKey> =
        plan.domains.iter().flat_map(|domain| domain.interfaces().map(|own| &own.key)).collect();
    let mut all: Vec<&RoutedKey> = plan.interfaces.iter().map(|own| &own.key).collect();
    in_domains.sort();
    all.sort();
    assert_eq!(in_domains, all, "each link is in one domain");
    let tables: BTreeSet<u32> = plan.domains.iter().map(|domain| domain.kernel_table).collect();
    assert_eq!(tables.len(), plan.domains.len());
    let first = config.routing.as_ref().expect("[routing]").table;
    assert!(tables.into_iter().all(|table| table > first));
    for own in plan.domains.iter().flat_map(DomainPlan::interfaces) {
        assert_eq!(plan.interface(&own.key).map(|interface| interface.index), Some(own.index));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn every_place_has_one_owner_and_keeps_it(configs in prop::collection::vec(random::config(), 1..6)) {
        // Tables with room for all of them, as the daemon's have or get.
        let capacity = Capacity::for_config(&configs[0]);
        let mut router = capacity.router;
        (router.interfaces, router.next_hops, router.roots, router.links) = (256, 512, 1024, 256);
        (router.fib_lines, router.trees, router.next_hop_groups) = (1 << 20, 1 << 20, 1 << 20);
        let capacity = Capacity { router, ..capacity };
        let mut occupied = capacity.unused();
        for config in &configs {
            let plan = plan_in(config, &occupied);
            check(config, &plan, &capacity);
            for interface in &plan.interfaces {
                let known = occupied.interfaces.known.get(&interface.key);
                prop_assert_eq!(interface.is_new, known.is_none());
                prop_assert!(known.is_none_or(|index| *index == interface.index));
                if interface.is_new {
                    // An entry that a program may be reading goes to nobody else.
                    prop_assert!(!occupied.interfaces.published.contains(&interface.index));
                }
            }
            for own in &plan.attachments {
                let known = occupied.attachments.known.get(&own.key);
                prop_assert!(known.is_none_or(|index| *index == own.index));
            }
            occupied = holding(&plan, &occupied);
        }
    }

    #[test]
    fn a_plan_is_the_same_again(config in random::config()) {
        let capacity = Capacity::for_config(&config);
        let first = plan_in(&config, &capacity.unused());
        let again = plan_in(&config, &holding(&first, &capacity.unused()));
        let old = |interfaces: &[crate::plan::InterfacePlan]| {
            interfaces.iter().map(|own| (own.index, own.value, own.next_hops)).collect::<Vec<_>>()
        };
        prop_assert_eq!(old(&first.interfaces), old(&again.interfaces));
        prop_assert_eq!(&first.domains, &again.domains);
        let values = |plan: &Plan| plan.attachments.iter().map(|own| (own.index, own.value)).collect::<Vec<_>>();
        prop_assert_eq!(values(&first), values(&again));
    }

    #[test]
    fn links_keep_their_index_in_other_tables(first in random::config(), second in random::config()) {
        let unused = Capacity::for_config(&first).unused();
        let before = holding(&plan_in(&first, &unused), &unused);
        let unused = Capacity::for_config(&second).unused().with_interfaces_of(&before.interfaces);
        let plan = plan_in(&second, &unused);
        for interface in &plan.interfaces {
            let known = before.interfaces.known.get(&interface.key);
            prop_assert!(known.is_none_or(|index| *index == interface.index));
        }
    }
}

#[test]
fn an_index_beyond_the_new_tables_is_given_up() {
    let small = Capacity::for_config(&super::parse(super::records::ROUTED)).unused();
    let link = RoutedKey::Vnet { circuit: "contoso".into(), vnet: "hub".into() };
    let mut before = small.interfaces.clone();
    before.known.insert(link.clone(), before.capacity);
    let unused = small.clone().with_interfaces_of(&before);
    assert!(unused.interfaces.known.is_empty());
    before.known.insert(link, before.capacity - 1);
    assert_eq!(small.with_interfaces_of(&before).interfaces.known.len(), 1);
    assert_eq!(InterfacePlaces::interface_of_next_hop(7), 3);
}
