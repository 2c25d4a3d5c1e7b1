use std::path::Path;

use edge_api::LinkOutOfUse;

use super::*;
use crate::{
    config,
    plan::{Capacity, Police},
};

/// A circuit with two links, static routes on both, and sessions.
const CONFIG: &str = r#"[edge]
name = "lab"
[[port]]
name = "customer0"
interface = "eth0"
side = "customer"
[[port]]
name = "customer1"
interface = "eth1"
side = "customer"
link = "secondary"
[routing]
asn = 12076
router_id = "192.0.2.1"
[[circuit]]
name = "contoso"
bandwidth = "10 Mbps"
s_tag = 100
[[circuit.peering]]
kind = "private"
c_tag = 10
peer_asn = 65001
network = "192.168.15.16/29"
static_routes = ["10.9.0.0/16"]
"#;

/// Each session's use of its export policy and whether it is enabled, and the devices that the static route leads to.
fn planned(links: &[(&str, LinkUse)]) -> (Vec<(bool, bool)>, Vec<String>) {
    let config = config::parse(CONFIG, Path::new("f")).expect("correct");
    let occupied = Capacity::for_config(&config).unused();
    let plan = Plan::new(&config, &occupied, Police::Purchased).expect("room");
    let mut drains = Drains::default();
    for (link, link_use) in links {
        drains.set(LinkOutOfUse {
            circuit: "contoso".to_owned(),
            link: (*link).to_owned(),
            link_use: *link_use,
            since: "2026-01-01T00:00:00Z".parse().expect("a time"),
            user: None,
            message: None,
        });
    }
    let speaker = speaker_plan(&config, &plan, &drains).expect("no key").expect("with BGP");
    let [domain] = &speaker.domains[..] else { panic!("{:?}", speaker.domains) };
    let sessions = domain.sessions.iter().map(|it| (it.export.is_draining, it.is_enabled));
    let hops = domain.statics.iter().flat_map(|route| &route.hops);
    (sessions.collect(), hops.map(|hop| hop.device.clone()).collect())
}

#[test]
fn a_link_out_of_use_is_left_by_routes_and_then_by_sessions() {
    let (in_use, both) = planned(&[]);
    assert_eq!(in_use, [(false, true), (false, true)]);
    let [first, second] = &both[..] else { panic!("{both:?}") };
    let only = |device: &String| vec![device.clone()];

    let draining = planned(&[("primary", LinkUse::Draining)]);
    assert_eq!(draining, (vec![(true, true), (false, true)], only(second)));
    let drained = planned(&[("primary", LinkUse::Drained)]);
    assert_eq!(drained, (vec![(false, false), (false, true)], only(second)));
    // A link that still drains is better than none.
    let last = planned(&[("primary", LinkUse::Draining), ("secondary", LinkUse::Drained)]);
    assert_eq!(last, (vec![(true, true), (false, false)], only(first)));
    let none = planned(&[("primary", LinkUse::Drained), ("secondary", LinkUse::Drained)]);
    assert_eq!(none, (vec![(false, false), (false, false)], Vec::new()));
}
