//! The service network in a plan.

use edge_common::abi::{attachment::Attachment, port::Features};

use super::{holding, parse};
use crate::{
    config::{Config, SERVICE_NETWORK},
    model::{Direction, Link, PeeringKind},
    plan::{AttachmentPlan, Capacity, Plan, Police, RouteLimits, RoutedKey},
};

/// Two customers of public services, the first with a private peering beside that.
fn served() -> Config {
    let circuit = |number: u8, more: &str| {
        format!(
            "[[circuit]]\nname = 'c{number}'\nbandwidth = '1 Gbps'\ns_tag = {number}\n{more}
             [[circuit.peering]]\nkind = 'microsoft'\nc_tag = 20\npeer_asn = 65001
             primary = '198.51.100.{}/30'\nadvertised_prefixes = ['203.0.{number}.0/24']
             route_filter = ['12076:51002']\nmax_routes = 10\n",
            16 * number
        )
    };
    let private =
        "fairness = 'flow'\n[[circuit.peering]]\nkind = 'private'\nc_tag = 10\npeer_asn = 65001
                   primary = '192.168.15.16/30'";
    let mut config = parse(&format!(
        "edge = {{ name = 'e' }}
         port = [{{ name = 'cust', interface = 'c', side = 'customer' }},
                 {{ name = 'core', interface = 'p', side = 'core' }}]
         routing = {{ asn = 12076, router_id = '192.0.2.1', table = 3000 }}
         [[region]]\nname = 'we'\narea = 'europe'\ncommunity = '12076:51002'\nprefixes_file = 'we.txt'
         [service_network]\nport = 'core'\ns_tag = 3000\nc_tag = 1\nown = '10.255.0.1/30'\ngateway = '10.255.0.2'
         {}{}",
        circuit(1, private),
        circuit(2, "")
    ));
    let region = config.catalogue.regions.get_mut("we").expect("a region");
    let file = region.file.as_mut().expect("a file");
    file.prefixes = vec!["20.33.0.0/16".parse().expect("v4"), "2a01:111::/32".parse().expect("v6")];
    config
}

fn entry(plan: &Plan) -> &AttachmentPlan {
    let mut own = plan.attachments.iter().filter(|own| own.key.circuit == SERVICE_NETWORK);
    own.next().expect("an entry")
}

#[test]
fn the_service_network_is_one_interface_and_an_entry_that_nobody_pays_for() {
    let config = served();
    let unused = Capacity::for_config(&config).unused();
    let plan = Plan::new(&config, &unused, Police::Purchased).expect("room");
    let interface = plan.interface(&RoutedKey::Services).expect("planned");
    assert_eq!(interface.next_hops.map(|next_hop| next_hop.owner), [0, 0]);
    assert!(!interface.has_session && interface.value.sources_v4 != 0);
    let own = entry(&plan);
    assert!(!own.key.is_billed());
    assert_eq!((own.key.direction, own.value.policer), (Direction::Outbound, 0));
    assert_eq!(own.value.flags, Attachment::ROUTED);
    assert_eq!(own.value.router_interface, interface.index);
    // Its tags lead to it.
    let core = plan.port("core").expect("a port").index;
    assert_ne!(plan.s_tags[&core][3000], 0);
    let bits: Vec<u32> = plan.c_tags.values().map(|vids| vids[1]).filter(|it| *it != 0).collect();
    assert_eq!(bits, [own.index]);
    // Frames that come there become either customer's.
    let features = plan.port("core").expect("a port").features;
    assert!(features.has(Features::ROUTED) && features.has(Features::FAIRNESS));

    let services = plan.services.as_ref().expect("a domain");
    assert_eq!(services.kernel_table, 3000 + interface.index);
    assert_eq!(services.customer_limits, RouteLimits { v4: 20, v6: 0 });
    assert_eq!(services.link.static_routes, ["20.33.0.0/16".parse().expect("a prefix")]);
    for domain in &plan.domains {
        let reached: Vec<String> = domain.services.iter().map(ToString::to_string).collect();
        let expected: &[&str] =
            if domain.peering == PeeringKind::Private { &[] } else { &["20.33.0.0/16"] };
        assert_eq!(reached, expected);
    }
    // A customer's frames from there belong to its own entry.
    for circuit in ["c1", "c2"] {
        let key = RoutedKey::Peering {
            circuit: circuit.to_owned(),
            peering: PeeringKind::Microsoft,
            link: Link::Primary,
        };
        let owner = plan.interface(&key).expect("planned").next_hops[0].owner;
        let owner = plan.attachments.iter().find(|own| own.index == owner).expect("an owner");
        assert_eq!((&*owner.key.circuit, owner.key.direction), (circuit, Direction::Outbound));
    }
}

#[test]
fn its_places_stay_from_one_configuration_to_the_next() {
    let config = served();
    let unused = Capacity::for_config(&config).unused();
    let before = Plan::new(&config, &unused, Police::Purchased).expect("room");
    let mut fewer = config.clone();
    fewer.circuits.remove(0);
    let after = Plan::new(&fewer, &holding(&before, &unused), Police::Purchased).expect("room");
    assert_eq!(entry(&before).index, entry(&after).index);
    assert!(!entry(&after).is_new);
    let index = |plan: &Plan| plan.interface(&RoutedKey::Services).expect("planned").index;
    assert_eq!(index(&before), index(&after));
}
