//! The changes that a configuration makes, key by key.

use std::path::Path;

use edge_api::{ChangeKind, ConfigChange, ConfigThing};
use proptest::prelude::*;

use super::{
    CONTRACT, Config, TAGS_AND_CLASSES, any::value, changes, parse, prices::PRICED, routed::ROUTED,
};

fn config(source: &str) -> Config {
    parse(source, Path::new("f")).expect("correct")
}

/// The changes of a source in which a text is another one: kind, thing, name, and the values by `key: before -> after`.
fn told(source: &str, from: &str, to: &str) -> Vec<String> {
    assert!(source.contains(from), "{from}");
    let changes = changes(&config(source), &config(&source.replacen(from, to, 1)));
    changes.iter().map(line).collect()
}

fn line(change: &ConfigChange) -> String {
    let ConfigChange { thing, name, change, name_before, values, traffic: _ } = change;
    let none = || "none".to_owned();
    let values = values.iter().map(|value| {
        let [before, after] =
            [&value.before, &value.after].map(|it| it.clone().unwrap_or_else(none));
        format!("{}: {before} -> {after}", value.key)
    });
    let values = values.collect::<Vec<_>>().join("; ");
    format!("{change:?} {thing:?} {name} {name_before:?} [{values}]")
}

/// Two circuits with keys, a priced zone, a class and a virtual network.
const FILE: &str = r#"
edge = { name = "e" }
port = [
    { name = "customer0", interface = "eth1", side = "customer" },
    { name = "core0", interface = "eth2", side = "core" },
]
ledger = { checkpoint = "20s" }
region = [{ name = "we", area = "eu" }]
prices = { currency = "EUR", zones = { "1" = { outbound_gb = "0.025" } } }
qos = { gold = { classes = [{ name = "voice", dscp = [46] }, { name = "rest", dscp = ["default"] }] } }
routing = { daemon = "none" }

[[circuit]]
name = "contoso"
service_key = "k1"
bandwidth = "1 Gbps"
s_tag = 100
zone = "1"
peering = [
    { kind = "private", c_tag = 10, qos = "gold" },
    { kind = "microsoft", c_tag = "20-30" },
]

[[circuit]]
name = "fabrikam"
bandwidth = "50 Mbps"
s_tag = 101
zone = "1"
vnet_link = [{ vnet = "hub", port = "core0", s_tag = 2001, c_tag = 1, own = "10.1.255.5/30", gateway = "10.1.255.6", prefixes = ["10.1.0.0/16"] }]
peering = [{ kind = "private", c_tag = 10, primary = "192.168.15.16/30", static_routes = ["10.9.0.0/16"] }]
"#;

#[test]
fn each_thing_tells_its_changes_by_keys() {
    for (from, to, expected) in [
        ("x", "x", vec![]),
        (
            "bandwidth = \"1 Gbps\"",
            "bandwidth = \"2 Gbps\"",
            vec![
                "Changed Circuit contoso None [bandwidth: 1 Gbps -> 2 Gbps; burst: 3,125,000 bytes, by the bandwidth -> \
                 6,250,000 bytes, by the bandwidth]",
            ],
        ),
        (
            "s_tag = 100\n",
            "s_tag = 102\nenabled = false\n",
            vec!["Changed Circuit contoso None [enabled: true -> false; s_tag: 100 -> 102]"],
        ),
        (
            "name = \"contoso\"",
            "name = \"contoso-ams\"",
            vec!["Renamed Circuit contoso-ams Some(\"contoso\") []"],
        ),
        (
            "c_tag = \"20-30\"",
            "c_tag = 21, dscp = \"reset\"",
            vec![
                "Changed Peering contoso/microsoft None [c_tag: 20-30 -> 21; dscp: trust -> reset]",
            ],
        ),
        (
            "    { kind = \"microsoft\", c_tag = \"20-30\" },\n",
            "",
            vec![
                "Removed Peering contoso/microsoft None [c_tag: 20-30 -> none; core_c_tag: same -> none; dscp: trust -> \
                 none; qos: expressroute -> none; forwarded by: tags -> none]",
            ],
        ),
        (
            "gateway = \"10.1.255.6\", prefixes = [\"10.1.0.0/16\"]",
            "gateway = \"10.1.255.6\", prefixes = [\"10.1.0.0/16\", \"10.2.0.0/16\"]",
            vec![
                "Changed VnetLink fabrikam/hub None [prefixes: 10.1.0.0/16 -> 10.1.0.0/16, 10.2.0.0/16]",
            ],
        ),
        (
            "routing = { daemon = \"none\" }",
            "routing = { daemon = \"none\", location = \"ams\" }\nlocation = [{ name = \"ams\", area = \"eu\" }]",
            vec![
                "Changed Circuit contoso None [location: none -> ams]",
                "Changed Circuit fabrikam None [location: none -> ams]",
                "Added Location ams None [area: none -> eu; cloud: none -> public]",
                "Changed Settings [routing] None [location: none -> ams]",
            ],
        ),
        (
            "zone = \"1\"\nvnet_link = [{ vnet = \"hub\",",
            "zone = \"1\"\nmodel = \"ethernet\"\nvnet_link = [{ vnet = \"hub\", region = \"we\",",
            vec![
                "Changed Circuit fabrikam None [model: none -> ethernet]",
                "Changed VnetLink fabrikam/hub None [region: none -> we]",
            ],
        ),
        (
            "qos = {",
            "provider = [{ name = \"p\", models = [\"ipvpn\"], locations = [\"ams\"] }]\n\
             location = [{ name = \"ams\", area = \"eu\", local = [\"we\"] }]\nqos = {",
            vec![
                "Added Location ams None [area: none -> eu; cloud: none -> public; local: none -> we]",
                "Added Provider p None [ams models: none -> ipvpn; ams bandwidths: none -> any]",
            ],
        ),
        (
            "interface = \"eth2\"",
            "interface = \"eth3\"",
            vec!["Changed Port core0 None [interface: eth2 -> eth3]"],
        ),
        (
            "dscp = [46]",
            "dscp = [46], mark = 40",
            vec!["Changed Class gold/voice None [mark: none -> 40]"],
        ),
        (
            "checkpoint = \"20s\"",
            "checkpoint = \"1min\"",
            vec!["Changed Settings [ledger] None [checkpoint: 20s -> 1min]"],
        ),
        (
            "outbound_gb = \"0.025\"",
            "outbound_gb = \"0.03\", monthly = [{ bandwidth = \"1 Gbps\", metered = \"436\" }]",
            vec![
                "Changed Prices 1 None [outbound_gb: 0.025 -> 0.03; monthly 1 Gbps metered: none -> 436]",
            ],
        ),
        (
            "prices = { currency = \"EUR\",",
            "prices = { currency = \"EUR\", sla_credit = [{ below = \"99.95 %\", credit = \"10.0 %\" }],",
            vec!["Changed Settings [prices] None [sla_credit below 99.95 %: none -> 10 %]"],
        ),
    ] {
        assert_eq!(told(FILE, from, to), expected, "{from}");
    }
}

#[test]
fn a_renamed_circuit_keeps_its_things() {
    let renamed = FILE.replace("name = \"contoso\"", "name = \"contoso-ams\"");
    let other = renamed.replace("c_tag = \"20-30\"", "c_tag = 21");
    // The name of another circuit begins with the same.
    let [file, other] = [FILE, &other].map(|it| it.replace("\"fabrikam\"", "\"contoso/private\""));
    let changes = changes(&config(&file), &config(&other));
    let kinds: Vec<_> = changes.iter().map(|it| (it.thing, it.change, &*it.name)).collect();
    assert_eq!(
        kinds,
        [
            (ConfigThing::Circuit, ChangeKind::Renamed, "contoso-ams"),
            (ConfigThing::Peering, ChangeKind::Changed, "contoso-ams/microsoft"),
        ]
    );
}

#[test]
fn a_key_that_two_have_tells_nobodys_new_name() {
    let twice = FILE.replace("name = \"fabrikam\"", "name = \"fabrikam\"\nservice_key = \"k1\"");
    let other = twice.replace("\"contoso\"", "\"x1\"").replace("\"fabrikam\"", "\"x2\"");
    for (old, new) in [(&twice, &other), (&other, &twice)] {
        let changes = changes(&config(old), &config(new));
        let circuits = changes.iter().filter(|it| it.thing == ConfigThing::Circuit);
        let kinds: Vec<_> = circuits.map(|it| it.change).collect();
        let (added, removed) = (ChangeKind::Added, ChangeKind::Removed);
        assert_eq!(kinds.iter().filter(|it| **it == added).count(), 2, "{changes:?}");
        assert_eq!(kinds.iter().filter(|it| **it == removed).count(), 2, "{changes:?}");
    }
}

proptest! {
    #[test]
    fn whatever_differs_is_told(
        source in prop::sample::select(&[CONTRACT, TAGS_AND_CLASSES, PRICED, ROUTED, FILE][..]),
        other_lines in prop::collection::vec((any::<prop::sample::Index>(), value()), 1..3),
    ) {
        let old = config(source);
        let mut lines: Vec<String> = source.lines().map(str::to_owned).collect();
        for (line, value) in other_lines {
            let line = line.get_mut(&mut lines);
            if let Some((key, _)) = line.clone().split_once('=') {
                *line = format!("{key}= {value}");
            }
        }
        let Ok(new) = parse(&lines.join("\n"), Path::new("f")) else { return Ok(()) };
        let told = changes(&old, &new);
        prop_assert_eq!(told.is_empty(), old == new, "{:?}", told);
        // The way back is the same the other way round.
        let back = changes(&new, &old);
        prop_assert_eq!(told.len(), back.len());
    }
}
