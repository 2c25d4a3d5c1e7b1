//! Interfaces of the router in the kernel's tables: found again, changed while others write, and given away late.

use std::{path::Path, thread};

use edge_common::{
    abi::{
        fib::RouteValue,
        routing::{LINK_UP, NextHopGroup},
    },
    host::fib::{HostFib, Route, intervals},
};

use crate::{
    config::{self, Config},
    kernel::{
        KernelTables, Pins, PortProgram,
        read::{
            books::Books,
            books_page::NewPage,
            occupancy::{occupancy, rates},
        },
        write::apply::{prepare, retire, store},
    },
    lab::{private_mounts, root_or_skip},
    plan::{Capacity, InterfacePlaces, InterfacePlan, Occupancy, Plan, Police, RoutedKey},
};

const CONFIG: &str = r#"[edge]
name = "lab"
[[port]]
name = "customer0"
interface = "eth0"
side = "customer"
forward = "core0"
[[port]]
name = "core0"
interface = "eth1"
side = "core"
forward = "customer0"
[routing]
daemon = "none"
[[circuit]]
name = "contoso"
bandwidth = "10 Mbps"
s_tag = 100
[[circuit.peering]]
kind = "private"
c_tag = 10
peer_asn = 65001
primary = "192.168.15.16/30"
[[circuit.peering]]
kind = "microsoft"
c_tag = 20
[[circuit.vnet_link]]
vnet = "hub"
port = "core0"
s_tag = 2001
own = "10.1.255.5/30"
gateway = "10.1.255.6"
prefixes = ["10.1.0.0/16"]
"#;

fn parse(text: &str) -> Config {
    config::parse(text, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// [`CONFIG`] without the VNet link.
fn without_vnet() -> Config {
    parse(CONFIG.split("[[circuit.vnet_link]]").next().expect("the start"))
}

/// Runs a test on pinned tables for [`CONFIG`], on a BPF file system of its own.
fn on_tables(test: &str, work: impl FnOnce(&mut KernelTables, &Pins) + Send) {
    if !root_or_skip(test) {
        return;
    }
    thread::scope(|scope| {
        let alone = scope.spawn(|| {
            private_mounts().expect("mounts");
            let pins = Pins::new(Path::new("/sys/fs/bpf/edge"));
            PortProgram::create_tables(&Capacity::for_config(&parse(CONFIG)), &pins)
                .expect("tables");
            let mut tables = KernelTables::from_pins(&pins).expect("tables");
            work(&mut tables, &pins);
        });
        alone.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn plan(config: &Config, occupied: &Occupancy) -> Plan {
    Plan::new(config, occupied, Police::Purchased).expect("room")
}

/// Installs a configuration in the tables as a reload does.
fn install(tables: &KernelTables, config: &Config) -> Plan {
    let plan = plan(config, &occupancy(tables));
    prepare(tables, &plan).expect("prepared");
    store(tables, &plan);
    retire(tables, &plan);
    plan
}

fn hub(plan: &Plan) -> &InterfacePlan {
    let key = RoutedKey::Vnet { circuit: "contoso".into(), vnet: "hub".into() };
    plan.interface(&key).expect("planned")
}

/// Gives every next hop of `plan` a neighbour, and returns the words by index.
fn resolve(tables: &KernelTables, plan: &Plan) -> Vec<(u32, u64)> {
    let next_hops = plan.interfaces.iter().flat_map(|own| own.places().next_hops());
    let words: Vec<_> =
        next_hops.map(|index| (index, 0x0200_0000_0000 | u64::from(index))).collect();
    for (index, word) in &words {
        tables.next_hops.swap(*index, 0, *word);
    }
    words
}

fn neighbours(tables: &KernelTables, of: &[(u32, u64)]) -> Vec<(u32, u64)> {
    of.iter().map(|(index, _)| (*index, tables.next_hops.get(*index).neighbour)).collect()
}

#[test]
fn a_plan_with_routes_is_found_again() {
    on_tables("a_plan_with_routes_is_found_again", |tables, _| {
        let config = parse(CONFIG);
        let first = install(tables, &config);
        let found = occupancy(tables);
        let again = plan(&config, &found);
        assert!(again.interfaces.iter().all(|own| !own.is_new));
        assert!(again.attachments.iter().all(|own| !own.is_new));
        assert!(again.policers.values().all(|claim| !claim.is_new));
        let values = |plan: &Plan| {
            let interfaces =
                plan.interfaces.iter().map(|own| (own.index, own.value, own.next_hops));
            let attachments = plan.attachments.iter().map(|own| (own.index, own.value));
            (interfaces.collect::<Vec<_>>(), attachments.collect::<Vec<_>>())
        };
        assert_eq!(values(&first), values(&again));
        for own in &first.interfaces {
            assert_eq!(tables.router_interfaces.get(own.index), own.value);
            for (index, next_hop) in own.places().next_hops().into_iter().zip(own.next_hops) {
                assert_eq!(tables.next_hops.get(index), next_hop);
            }
        }
        // All that a frame can meet is in use: owners that only next hops lead to, and the router's buckets.
        for own in &first.attachments {
            assert!(found.attachments.published.contains(&own.index), "{:?}", own.key);
        }
        for claim in first.policers.values() {
            assert!(found.policers.published.contains(&claim.index));
        }
        for own in &first.interfaces {
            assert!(found.interfaces.published.contains(&own.index));
            for bucket in [own.value.punts, own.value.answers] {
                assert!(found.rates.published.contains(&bucket.rate));
                assert!(rates(tables).published.contains(&bucket.rate));
            }
        }
    });
}

#[test]
fn a_known_neighbour_stays_whatever_changes_about_its_link() {
    on_tables("a_known_neighbour_stays_whatever_changes_about_its_link", |tables, _| {
        let first = install(tables, &parse(CONFIG));
        let words = resolve(tables, &first);
        install(tables, &parse(CONFIG));
        assert_eq!(neighbours(tables, &words), words);
        for (old, new) in [("s_tag = 2001", "s_tag = 2002"), ("10.1.255.6", "10.1.255.4")] {
            let changed = CONFIG.replace(old, new).replace("10.1.255.5/30", "10.1.255.5/29");
            let changed = install(tables, &parse(&changed));
            assert_eq!(neighbours(tables, &words), words);
            let stored = tables.router_interfaces.get(hub(&changed).index);
            assert_eq!(stored, hub(&changed).value);
            let next_hop = tables.next_hops.get(hub(&changed).places().next_hop_v4);
            assert_eq!(next_hop.retag, hub(&changed).value.retag);
        }
    });
}

#[test]
fn a_rate_of_the_router_changes_in_its_buckets() {
    on_tables("a_rate_of_the_router_changes_in_its_buckets", |tables, _| {
        let first = install(tables, &parse(CONFIG));
        let changed = CONFIG.replace("daemon = \"none\"", "daemon = \"none\"\npunt_rate = 20");
        let changed = install(tables, &parse(&changed));
        let (before, after) = (hub(&first).value.punts, hub(&changed).value.punts);
        assert_eq!(before.policer, after.policer);
        assert_eq!(tables.router_interfaces.get(hub(&changed).index).punts, after);
        assert_eq!(tables.rates.get(after.rate), changed.rates[&after.rate]);
        assert_ne!(first.rates[&before.rate], changed.rates[&after.rate]);
    });
}

/// Adds a tree with one route of this value, and returns its number.
fn add_tree(tables: &KernelTables, value: RouteValue) -> u64 {
    let mut fib = HostFib { trees: vec![<_>::default()], lines: vec![<_>::default()] };
    let route = Route { first: 0x0a01_0000_u32, last: 0x0a01_ffff, value };
    let tree = fib.add(&intervals(&[route])).expect("room");
    for (index, line) in (0..).zip(&fib.lines) {
        tables.fib_lines.set(index, line);
    }
    for (index, tree) in (0..).zip(&fib.trees) {
        tables.trees.set(index, tree);
    }
    u64::from(tree)
}

#[test]
fn a_link_that_is_gone_keeps_its_index_as_long_as_a_route_leads_there() {
    on_tables("a_link_that_is_gone_keeps_its_index_as_long_as_a_route_leads_there", |tables, _| {
        let first = install(tables, &parse(CONFIG));
        let words = resolve(tables, &first);
        let places: InterfacePlaces = hub(&first).places();
        let index = hub(&first).index;
        let other = first.interfaces.iter().find(|own| own.index != index).expect("a peering-link");
        let next_hop = RouteValue::next_hop(places.next_hop_v4).expect("an index");
        let tree = add_tree(tables, next_hop);
        tables.roots.set(other.places().destinations_v4, &tree);
        install(tables, &without_vnet());
        // Frames of that route end there, and the router's don't leave.
        assert_eq!(tables.next_hops.get(places.next_hop_v4).neighbour, 0);
        assert_eq!(tables.router_interfaces.get(index).mac, 0);
        // The others are as before.
        let left: Vec<_> = words
            .iter()
            .filter(|(next_hop, _)| InterfacePlaces::interface_of_next_hop(*next_hop) != index)
            .copied()
            .collect();
        assert_eq!(neighbours(tables, &left), left);

        assert!(occupancy(tables).interfaces.published.contains(&index), "a route leads there");
        tables.roots.set(other.places().destinations_v4, &0);
        assert!(!occupancy(tables).interfaces.published.contains(&index));
        let members = [places.next_hop_v6; 8];
        tables.next_hop_groups.set(1, &NextHopGroup { members, count: 1, ..<_>::default() });
        let of_group = add_tree(tables, RouteValue::group(1).expect("an index"));
        tables.roots.set(other.places().destinations_v4, &of_group);
        assert!(occupancy(tables).interfaces.published.contains(&index), "a group has it");
        tables.roots.set(other.places().destinations_v4, &0);
        tables.roots.set(places.sources_v4, &tree);
        assert!(occupancy(tables).interfaces.published.contains(&index), "it has a tree");
        tables.roots.set(places.sources_v4, &0);
        // Until another link needs the index, the link gets it back.
        assert_eq!(hub(&install(tables, &parse(CONFIG))).index, index);
    });
}

#[test]
fn another_link_begins_without_the_neighbour_of_the_one_before() {
    on_tables("another_link_begins_without_the_neighbour_of_the_one_before", |tables, _| {
        let first = install(tables, &parse(CONFIG));
        install(tables, &without_vnet());
        let gone = hub(&first).places();
        // Somebody who has not heard of it yet.
        tables.next_hops.swap(gone.next_hop_v4, 0, 7);
        tables.links.set(gone.link, &1);
        let renamed = parse(&CONFIG.replace("\"hub\"", "\"spoke\""));
        let mut occupied = occupancy(tables);
        occupied.interfaces.capacity = hub(&first).index.max(first.interfaces[0].index) + 1;
        let second = plan(&renamed, &occupied);
        let spoke = second.interfaces.iter().find(|own| own.index == hub(&first).index);
        assert!(spoke.expect("no other index is left").is_new);
        prepare(tables, &second).expect("prepared");
        assert_eq!(tables.next_hops.get(gone.next_hop_v4).neighbour, 0);
        assert_eq!(tables.links.get(gone.link), LINK_UP);
    });
}

#[test]
fn a_vnet_link_is_in_no_reading_of_the_books() {
    on_tables("a_vnet_link_is_in_no_reading_of_the_books", |tables, pins| {
        let plan = install(tables, &parse(CONFIG));
        NewPage::new(1).expect("a page").open(tables);
        let books = Books::open(pins).expect("readable").expect("open");
        let slots = books.slots();
        assert_eq!(slots.len(), plan.attachments.len());
        for slot in &slots {
            let own = plan.attachments.iter().find(|own| own.index == slot.index);
            assert_eq!(own.expect("planned").key, slot.key, "as it was written");
        }
        let mut billed: Vec<u32> =
            books.read().expect("counts").iter().map(|slot| slot.slot).collect();
        let expected = plan.attachments.iter().filter(|own| own.key.vnet.is_none());
        let mut expected: Vec<u32> = expected.map(|own| own.index).collect();
        billed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(billed, expected);
        assert!(billed.len() < slots.len());
    });
}
