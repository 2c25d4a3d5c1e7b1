use std::path::Path;

use edge_api::LinkOutOfUse;

use super::*;
use crate::{
    config::{
        self, Sku,
        sample::{Sample, SampleCircuit, SamplePort},
    },
    plan::{Capacity, Police},
    routing::bird::{generate::SpeakerConfig, model::policy::PrivateAsns, version::BirdVersion},
};

/// A circuit with two links, static routes on both, and sessions.
fn two_links() -> Config {
    let contoso = SampleCircuit::new("contoso", "10 Mbps")
        .s_tag(100)
        .peering("private", 10)
        .of_peering("private", "peer_asn", 65001)
        .of_peering("private", "network", "192.168.15.16/29")
        .of_peering("private", "static_routes", ["10.9.0.0/16"]);
    let sample = Sample::new("lab")
        .port(SamplePort::new("customer0", "customer"))
        .port(SamplePort::new("customer1", "customer").key("link", "secondary"))
        .routing("asn", 12076)
        .routing("router_id", "192.0.2.1")
        .circuit(contoso);
    config::parse(&sample.to_string(), Path::new("f")).expect("correct")
}

/// The speaker of a configuration with these links out of use.
fn speaker(config: &Config, drains: &Drains) -> SpeakerPlan {
    let occupied = Capacity::for_config(config).unused();
    let plan = Plan::new(config, &occupied, Police::Purchased).expect("room");
    speaker_plan(config, &plan, drains).expect("no key").expect("with BGP")
}

/// Each session's use of its export policy and whether it is enabled, and the devices that the static route leads to.
fn planned(links: &[(&str, LinkUse)]) -> (Vec<(bool, bool)>, Vec<String>) {
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
    let speaker = speaker(&two_links(), &drains);
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

/// A circuit with three virtual networks, two of them far away.
const PLACED: &str = "
    edge = { name = 'e' }
    port = [{ name = 'c', interface = 'c', side = 'customer' }, { name = 'p', interface = 'p', side = 'core' }]
    routing = { asn = 12076, router_id = '192.0.2.1', location = 'here' }
    region = [{ name = 'near', area = 'one' }, { name = 'far', area = 'other' }]
    location = [{ name = 'here', area = 'one', local = ['near'] }]
    [[circuit]]
    name = 'contoso'
    bandwidth = '1 Gbps'
    sku = 'premium'
    peering = [{ kind = 'private', c_tag = 10, peer_asn = 65001, primary = '192.168.15.16/30' }]
    vnet_link = [
        { vnet = 'a', region = 'near', port = 'p', c_tag = 1, own = '10.1.255.5/30', gateway = '10.1.255.6', prefixes = ['10.1.0.0/16'] },
        { vnet = 'b', region = 'far', port = 'p', c_tag = 2, own = '10.2.255.5/30', gateway = '10.2.255.6', prefixes = ['10.2.0.0/16'] },
        { vnet = 'g', region = 'far', port = 'p', c_tag = 3, own = '10.3.255.5/30', gateway = '10.3.255.6', asn = 65515 },
    ]";

/// The filter of routes to the customer, as far as it tells circuits apart.
fn export(config: &Config) -> String {
    let speaker = speaker(config, &Drains::default());
    let text = SpeakerConfig::new(&speaker, BirdVersion::OLDEST, Path::new("/log")).text;
    let customer = text.split("protocol bgp c").nth(1).expect("a session");
    let line = customer.lines().find(|line| line.trim_start().starts_with("export"));
    line.expect("a filter").split(" && ").next().expect("a part").trim().to_owned()
}

#[test]
fn customers_are_told_networks_within_reach_alone() {
    let mut config = config::parse(PLACED, Path::new("f")).expect("correct");
    let told = export(&config);
    let begin = "export where (net ~ [ 10.1.0.0/16, 10.2.0.0/16 ] || proto = \"g";
    assert!(told.starts_with(begin) && told.ends_with("v4\")"), "{told}");
    // No file leads here: its check refuses such links.
    config.circuits[0].sku = Sku::Standard;
    assert_eq!(export(&config), "export where (net ~ [ 10.1.0.0/16 ])");
    config.circuits[0].vnet_links.remove(0);
    assert_eq!(export(&config), "export none;");
    // Without a location, nothing limits the reach.
    config.circuits[0].location = None;
    assert!(export(&config).starts_with("export where edge_export_"));
}

/// Two customers of public services in two regions, with their network's session.
fn served() -> Config {
    let circuit = |number: u8, filter: &str| {
        format!(
            "[[circuit]]\nname = 'c{number}'\nbandwidth = '1 Gbps'\ns_tag = {number}\nsku = 'standard'
             [[circuit.peering]]\nkind = 'microsoft'\nc_tag = 20\npeer_asn = 65001
             primary = '198.51.100.{}/30'\nadvertised_prefixes = ['203.0.{number}.0/24']\n{filter}\n",
            16 * number
        )
    };
    let text = format!(
        "edge = {{ name = 'e' }}
         port = [{{ name = 'cust', interface = 'c', side = 'customer' }},
                 {{ name = 'core', interface = 'p', side = 'core' }}]
         routing = {{ asn = 12076, router_id = '192.0.2.1', location = 'here' }}
         [[region]]\nname = 'near'\narea = 'one'\ncommunity = '12076:51002'\nprefixes_file = 'near'
         [[region]]\nname = 'far'\narea = 'two'\ncommunity = '12076:51004'\nprefixes_file = 'far'
         [[service]]\nname = 'sql'\ncommunity = '12076:5020'\nregion = 'near'\nprefixes_file = 'sql'
         [[location]]\nname = 'here'\narea = 'one'
         [service_network]\nport = 'core'\nc_tag = 1\nown = '10.255.0.1/30'\ngateway = '10.255.0.2'\nasn = 65516
         {}{}",
        circuit(1, "route_filter = ['12076:51002', '12076:51004']"),
        circuit(2, "")
    );
    let mut config =
        config::parse(&text, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}"));
    let prefixes = |text: &str| vec![text.parse().expect("a prefix")];
    for (name, prefix) in [("near", "20.33.0.0/16"), ("far", "20.34.0.0/16")] {
        let region = config.catalogue.regions.get_mut(name).expect("a region");
        region.file.as_mut().expect("a file").prefixes = prefixes(prefix);
    }
    config.catalogue.services[0].file.prefixes = prefixes("20.35.0.0/16");
    config
}

#[test]
fn customers_are_told_services_within_reach_and_filter_alone() {
    let config = served();
    let plan = speaker(&config, &Drains::default());
    assert_eq!(plan.look(BirdVersion::OLDEST), Ok(()));
    let [one, other, network] = &plan.domains[..] else { panic!("{:?}", plan.domains) };
    let groups = network.service_groups.as_ref().expect("the service network");
    let told = |domain: &BgpDomain| {
        let access = domain.services.as_ref().expect("a way there");
        assert_eq!(access.kernel_table, network.kernel_table);
        let told = groups.iter().filter(|group| access.groups.contains(&group.name));
        told.map(|group| group.prefixes[0].to_string()).collect::<Vec<_>>()
    };
    // The far region is out of a standard circuit's reach, and without a filter nothing is told.
    assert_eq!(told(one), ["20.33.0.0/16", "20.35.0.0/16"]);
    assert_eq!(told(other), Vec::<String>::new());
    let of_sql = groups.iter().find(|group| group.prefixes[0].to_string() == "20.35.0.0/16");
    let communities: Vec<_> = of_sql.expect("a group").communities.iter().map(|it| it.1).collect();
    assert_eq!(communities, [51_002, 5_020]);
    for (domain, only) in [(one, 2), (other, 0)] {
        let [session] = &domain.sessions[..] else { panic!("one session") };
        assert_eq!(session.export.only.as_ref().map(Vec::len), Some(only));
        assert_eq!(session.import.private_asns, PrivateAsns::Remove);
    }
    let [gateway] = &network.sessions[..] else { panic!("one session") };
    assert_eq!((gateway.side, gateway.peer_asn), (DomainSide::Cloud, 65_516));
    let text = SpeakerConfig::new(&plan, BirdVersion::OLDEST, Path::new("/log")).text;
    let pipes: Vec<&str> = text.split("protocol pipe ").skip(1).collect();
    assert_eq!(pipes.len(), 2);
    assert_eq!(pipes[0].matches("proto = ").count(), 2);
    assert!(pipes[1].contains("import none;"));
    for pipe in pipes {
        assert!(pipe.contains("export where edge_side = 1;"), "{pipe}");
    }
    // The network's table stays out of the kernel.
    assert!(!text.contains(&format!("kernel table {};", network.kernel_table)));
}
