//! The sizes of the router's tables.

use proptest::prelude::*;

use super::{parse, random, records::ROUTED};
use crate::plan::{Capacity, Plan, Police, RouterCapacity};

#[test]
fn without_routing_there_are_no_tables_of_the_router() {
    let plain = "[edge]\nname = 'e'\n[[port]]\nname = 'p'\ninterface = 'p'\nside = 'core'\n";
    assert_eq!(Capacity::for_config(&parse(plain)).router, RouterCapacity::NONE);
    let with = format!("{plain}[routing]\ndaemon = 'none'\n");
    let with = Capacity::for_config(&parse(&with)).router;
    assert!(with.interfaces > 1 && with.fib_lines > 1, "the first circuits find room");
}

#[test]
fn more_routes_than_there_are_lines_for_need_other_tables() {
    let capacity = Capacity::for_config(&parse(ROUTED));
    let more = parse(&ROUTED.replace("max_routes = 4000", "max_routes = 15000"));
    let occupied = capacity.unused();
    let full = Plan::new(&more, &occupied, Police::Purchased).expect_err("no room");
    assert!(full.to_string().contains("lines of forwarding tables"), "{full}");
    let larger = Capacity::for_config(&more).unused();
    assert!(Plan::new(&more, &larger, Police::Purchased).is_ok());
}

#[test]
fn lines_are_those_of_the_limits() {
    let lines = |routes: u32| {
        let text = ROUTED.replace("max_routes = 4000", &format!("max_routes = {routes}"));
        u64::from(Capacity::for_config(&parse(&text)).router.fib_lines) * 64
    };
    // 5,000 more routes on two links, at 16.6 bytes a route: a quarter more, the largest table again, and all of it
    // twice.
    let more_bytes = lines(10_000) - lines(5_000);
    let expected = 10_000 * 166 / 10 * 225 / 100 * 2;
    assert!(more_bytes.abs_diff(expected) < expected / 20, "{more_bytes} and not {expected}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn tables_have_room_for_their_configuration_and_as_many_links_again(config in random::config()) {
        let capacity = Capacity::for_config(&config);
        prop_assert!(Plan::new(&config, &capacity.unused(), Police::Purchased).is_ok());
        let links = config.peering_links().count() + config.vnet_links().count();
        prop_assert!(capacity.router.interfaces as usize > 2 * links);
        prop_assert_eq!(capacity.router.next_hops, 2 * capacity.router.interfaces);
        prop_assert_eq!(capacity.router.roots, 4 * capacity.router.interfaces);
        prop_assert_eq!(capacity.router.links, capacity.router.interfaces);
    }
}
