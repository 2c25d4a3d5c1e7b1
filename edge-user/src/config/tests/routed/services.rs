//! Public services: their prefixes, their network, and the peerings that reach them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use edge_api::NotTold;
use ipnet::IpNet;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    super::super::{
        Community, Config, ConfigDigest, Location, PrefixesFile, PublicService, Region, Sku,
        changes, load, load_without_keys,
    },
    ROUTED, check_cases_of, parse,
};

/// Two regions, one service in both, one everywhere, and their network.
const SERVICES: &str = r#"[[region]]
name = "westeurope"
area = "europe"
community = "12076:51002"
prefixes_file = "we.txt"
[[region]]
name = "eastus"
area = "north-america"
community = "12076:51004"
[[service]]
name = "storage"
community = "12076:5020"
region = "westeurope"
prefixes_file = "storage-we.txt"
[[service]]
name = "storage" #us
community = "12076:5020" #us
region = "eastus"
prefixes_file = "storage-us.txt"
[[service]]
name = "mail"
community = "12076:5010"
prefixes_file = "mail.txt"
[[location]]
name = "amsterdam"
area = "europe"
local = ["westeurope"]
[service_network]
port = "core1"
s_tag = 3000
c_tag = 9
own = "10.255.0.1/30"
gateway = "10.255.0.2"
own_v6 = "fd00:255::1/126"
gateway_v6 = "fd00:255::2"
asn = 65516
"#;

/// [`ROUTED`] with these services, for which its Microsoft peering asks.
fn served() -> String {
    let filter = "advertised_prefixes = [\"203.0.113.0/24\", \"2001:db8:113::/48\"]\nroute_filter = [\"12076:51002\", \"12076:5010\"]\n";
    let asked = ROUTED.replacen(
        "advertised_prefixes = [\"203.0.113.0/24\", \"2001:db8:113::/48\"]\n",
        filter,
        1,
    );
    asked.replacen("[routing]\n", "[routing]\nlocation = \"amsterdam\"\n", 1) + SERVICES
}

/// The configuration in a directory, with its files.
struct WithFiles {
    directory: TempDir,
    config: PathBuf,
}

impl WithFiles {
    fn new(source: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let config = directory.path().join("edge.toml");
        fs::write(&config, source.replace("key_file = \"/etc/edge/keys/contoso\"\n", ""))
            .expect("written");
        let own = Self { directory, config };
        own.write("we.txt", "20.33.0.0/16\n2a01:111::/32\n");
        own.write("storage-we.txt", "# storage\n20.34.0.0/16\n");
        own.write("storage-us.txt", "20.35.0.0/16\n");
        own.write("mail.txt", "20.36.0.0/16\n");
        own
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).expect("written");
    }

    fn load(&self) -> Config {
        load(&self.config).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// The errors: the starts of their lines, and their messages.
    fn errors(&self) -> Vec<(String, String)> {
        let text = fs::read_to_string(&self.config).expect("there");
        let errors = load(&self.config).expect_err("wrong");
        let place = |error: &super::super::super::ConfigError| {
            let line = error.position.expect("a place").line;
            (text.lines().nth(line - 1).unwrap_or_default().to_owned(), error.message.clone())
        };
        errors.errors().iter().map(place).collect()
    }
}

fn prefixes(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().expect("a prefix")).collect()
}

fn community(value: u16) -> Community {
    Community { asn: 12_076, value }
}

#[test]
fn services_are_read_with_their_files() {
    let config = WithFiles::new(&served()).load();
    let region = &config.catalogue.regions["westeurope"];
    assert_eq!(region.community, Some(community(51_002)));
    let file = region.file.as_ref().expect("a file");
    assert_eq!((file.path.as_path(), file.prefixes.len()), (Path::new("we.txt"), 2));
    let groups = config.service_groups();
    let shown = groups.iter().map(|it| (it.region, it.service, it.communities.len()));
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            (None, Some("mail"), 1),
            (Some("eastus"), Some("storage"), 2),
            (Some("westeurope"), None, 1),
            (Some("westeurope"), Some("storage"), 2),
        ]
    );
    let network = config.service_network.as_ref().expect("a network");
    assert_eq!((&*network.port, network.asn), ("core1", Some(65_516)));
    let peering = config.circuits[0].peerings[1].routed.as_ref().expect("routed");
    assert_eq!(peering.route_filter, [community(51_002), community(5_010)]);
    // Storage in eastus is another area's; mail is everywhere, and takes premium.
    let told = config.told_groups(&config.circuits[0], peering);
    let told: Vec<_> = told.iter().map(|it| (it.region, it.service)).collect();
    assert_eq!(told, [(Some("westeurope"), None), (Some("westeurope"), Some("storage"))]);
}

#[test]
fn the_reach_tells_each_group_and_why_not() {
    let config = WithFiles::new(&served()).load();
    let reach = config.reach("contoso").expect("a circuit");
    let shown = reach.services.iter().map(|it| {
        let name = (it.service.as_deref(), it.region.as_deref());
        (&*it.peering, name, it.told, it.reason, it.needs_sku.as_deref())
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            ("microsoft", (Some("mail"), None), false, Some(NotTold::Worldwide), Some("premium")),
            (
                "microsoft",
                (Some("storage"), Some("eastus")),
                false,
                Some(NotTold::OtherArea),
                Some("premium"),
            ),
            ("microsoft", (None, Some("westeurope")), true, None, None),
            ("microsoft", (Some("storage"), Some("westeurope")), true, None, None),
        ]
    );
    let premium = served().replacen("s_tag = 100\n", "s_tag = 100\nsku = \"premium\"\n", 1);
    let reach = WithFiles::new(&premium).load().reach("contoso").expect("a circuit");
    let told: Vec<_> = reach.services.iter().map(|it| (it.told, it.reason)).collect();
    let unasked = (false, Some(NotTold::NotInFilter));
    assert_eq!(told, [(true, None), unasked, (true, None), (true, None)]);
}

#[test]
fn another_file_is_a_change_that_is_told_and_has_another_digest() {
    let files = WithFiles::new(&served());
    let before = files.load();
    files.write("mail.txt", "# the same, otherwise written\n\n20.36.0.0/16 # mail\n");
    assert_eq!(files.load(), before);
    files.write("mail.txt", "20.37.0.0/16\n");
    let after = files.load();
    assert_ne!(ConfigDigest::new(&before), ConfigDigest::new(&after));
    let found = changes(&before, &after);
    let [change] = &found[..] else { panic!("{found:?}") };
    assert_eq!((change.name.as_str(), change.values[0].key.as_str()), ("mail", "prefixes"));
    // Without its files, a configuration is checked all the same.
    fs::remove_file(files.directory.path().join("mail.txt")).expect("removed");
    assert!(parse(&served(), Path::new("f")).is_ok());
    let [(line, message)] = &files.errors()[..] else { panic!("one error") };
    assert_eq!(line, "prefixes_file = \"mail.txt\"");
    assert!(message.starts_with("`prefixes_file` \"mail.txt\" can't be read ("), "{message}");
    assert!(load_without_keys(&files.config).is_err());
}

#[test]
fn a_mistake_in_a_file_has_the_files_line() {
    for (name, text, expected) in [
        (
            "mail.txt",
            "20.36.0.0/16\n20.36.0.0/33\n",
            &[("prefixes_file = \"mail.txt\"", "is wrong in line 2, which is \"20.36.0.0/33\"")][..],
        ),
        (
            "mail.txt",
            "20.36.0.0/16\n\n20.33.128.0/17\n",
            &[(
                "prefixes_file = \"mail.txt\"",
                "20.33.128.0/17 (line 3 of \"mail.txt\") overlaps 20.33.0.0/16 (line 1 of \"we.txt\")",
            )],
        ),
        (
            "mail.txt",
            "20.36.0.0/16\n20.36.0.0/16\n",
            &[(
                "prefixes_file = \"mail.txt\"",
                "(line 2 of \"mail.txt\") overlaps 20.36.0.0/16 (line 1",
            )],
        ),
        (
            "mail.txt",
            "203.0.0.0/16\n",
            &[(
                "advertised_prefixes",
                "the registered prefix 203.0.113.0/24 overlaps 203.0.0.0/16 (line 1 of \"mail.txt\")",
            )],
        ),
    ] {
        let files = WithFiles::new(&served());
        files.write(name, text);
        let errors = files.errors();
        assert_eq!(errors.len(), expected.len(), "{errors:?}");
        for ((line, message), (start, words)) in errors.iter().zip(expected) {
            assert!(line.starts_with(start) && message.contains(words), "{line}: {message}");
        }
    }
    let v4 =
        served().replacen("own_v6 = \"fd00:255::1/126\"\ngateway_v6 = \"fd00:255::2\"\n", "", 1);
    let [(line, message)] = &WithFiles::new(&v4).errors()[..] else { panic!("one error") };
    assert_eq!(line, "prefixes_file = \"we.txt\"");
    assert!(
        message.contains("the IPv6 prefix 2a01:111::/32 (line 2 of \"we.txt\") leads nowhere"),
        "{message}"
    );
}

#[test]
fn more_prefixes_than_a_table_has_room_for_are_refused() {
    let files = WithFiles::new(&served());
    let prefix = |number: u32| format!("20.{}.{}.0/24\n", 64 + number / 256, number % 256);
    let own: String = (0..29_996).map(prefix).collect();
    files.write("mail.txt", &own);
    files.load();
    files.write("mail.txt", &(own + &prefix(29_996) + &prefix(29_997)));
    let [(line, message)] = &files.errors()[..] else { panic!("one error") };
    assert_eq!(line, "prefixes_file = \"mail.txt\"");
    assert!(message.contains("more than 30000 IPv4 prefixes together"), "{message}");
}

#[test]
fn wrong_services_are_refused() {
    check_cases_of(
        &served(),
        &[
            (
                "community = \"12076:51002\"",
                "community = \"12076:5010\"",
                &[(
                    "community = \"12076:5010\"",
                    "is \"12076:5010\"; a region's is \"12076:51002\"",
                )],
            ),
            (
                "community = \"12076:5010\"",
                "community = \"12076:51009\"",
                &[("community = \"12076:51009\"", "a service's is \"12076:5010\"")],
            ),
            (
                "community = \"12076:5010\"",
                "community = \"5010\"",
                &[("community = \"5010\"", "give an AS and a number, such as \"12076:51002\"")],
            ),
            (
                "community = \"12076:51004\"",
                "community = \"64512:51004\"",
                &[(
                    "community = \"64512:51004\"",
                    "sets communities of its own AS alone, 12076; write \"12076:51004\"",
                )],
            ),
            (
                "community = \"12076:51004\"",
                "community = \"12076:51002\" ",
                &[(
                    "community = \"12076:51002\" ",
                    "which is taken; choose another (also claimed at f:",
                )],
            ),
            (
                "community = \"12076:5010\"",
                "community = \"12076:5020\"  #mail",
                &[
                    ("route_filter", "is the unknown community \"12076:5010\"; did you mean"),
                    ("community = \"12076:5020\"  #mail", "which is taken"),
                ],
            ),
            (
                "community = \"12076:5020\" #us",
                "community = \"12076:5021\" #us",
                &[(
                    "community = \"12076:5021\" #us",
                    "has the community 12076:5020 in another region",
                )],
            ),
            (
                "region = \"eastus\"",
                "region = \"westeurope\" #2",
                &[("name = \"storage\" #us", "two services \"storage\" are in one region")],
            ),
            (
                "region = \"eastus\"",
                "region = \"eastusa\"",
                &[(
                    "region = \"eastusa\"",
                    "the unknown region \"eastusa\"; did you mean \"eastus\"?",
                )],
            ),
            (
                "community = \"12076:51002\"\n",
                "",
                &[
                    ("route_filter", "the unknown community \"12076:51002\""),
                    ("prefixes_file = \"we.txt\"", "and no `community`"),
                ],
            ),
        ],
    );
}

#[test]
fn wrong_networks_and_filters_are_refused() {
    check_cases_of(
        &served(),
        &[
            (
                "route_filter = [\"12076:51002\", \"12076:5010\"]",
                "route_filter = [\"12076:51002\", \"12076:5030\"]",
                &[(
                    "route_filter",
                    "an entry of `route_filter` is the unknown community \"12076:5030\"",
                )],
            ),
            (
                "route_filter = [\"12076:51002\", \"12076:5010\"]",
                "route_filter = [\"12076:51002\", \"12076:51002\"]",
                &[("route_filter", "12076:51002 is listed twice in `route_filter`; remove one")],
            ),
            (
                "route_filter = [\"12076:51002\", \"12076:5010\"]",
                "route_filter = []",
                &[("route_filter", "`route_filter` is empty; give at least one entry")],
            ),
            (
                "max_routes = 4000",
                "route_filter = [\"12076:5010\"] #private\nmax_routes = 4000",
                &[("route_filter = [\"12076:5010\"]", "is for public and Microsoft peerings")],
            ),
            (
                "port = \"core1\"\ns_tag = 3000",
                "port = \"customer1\"\ns_tag = 3000",
                &[(
                    "port = \"customer1\"",
                    "which leads to customers, and the service network is behind a port with",
                )],
            ),
            (
                "s_tag = 3000\nc_tag = 9\n",
                "",
                &[("[service_network]", "[service_network] has no tag; add `c_tag`")],
            ),
            (
                "s_tag = 3000\nc_tag = 9\n",
                "c_tag = 7 #s\n",
                &[("c_tag = 7 #s", "C-tag 7 is taken on port \"core1\"")],
            ),
            (
                "gateway = \"10.255.0.2\"",
                "gateway = \"10.255.0.6\"",
                &[("gateway = \"10.255.0.6\"", "which is not in 10.255.0.0/30")],
            ),
            (
                "gateway = \"10.255.0.2\"\n",
                "",
                &[("[service_network]", "has `own` and no `gateway`")],
            ),
            (
                "own = \"10.255.0.1/30\"\ngateway = \"10.255.0.2\"",
                "own = \"192.168.15.17/30\"\ngateway = \"192.168.15.18\"",
                &[
                    (
                        "own = \"192.168.15.17/30\"",
                        "the edge's address 192.168.15.17 is a neighbour's on another link",
                    ),
                    (
                        "gateway = \"192.168.15.18\"",
                        "the neighbour's address 192.168.15.18 is the edge's own on another link",
                    ),
                ],
            ),
            (
                "asn = 65516",
                "asn = 12076 #own",
                &[("asn = 12076 #own", "the edge's own AS; give the gateway's")],
            ),
        ],
    );
    let unasked = served().replacen("route_filter = [\"12076:51002\", \"12076:5010\"]\n", "", 1);
    let warnings = parse(&unasked, Path::new("f")).expect("correct").warnings();
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(warning.contains("its microsoft peering reaches nothing: give it a `route_filter`"));
    let unserved = &served().replacen("[service_network]", "[other]", 1);
    let errors = parse(unserved, Path::new("f")).expect_err("no network").to_string();
    assert!(errors.contains("asks for services, and there is no [service_network]"), "{errors}");
    // The service network's table has the routes of all such peerings.
    let many = served().replacen("network_v6 = ", "max_routes_v6 = 1001\nnetwork_v6 = ", 1);
    let errors = parse(&many, Path::new("f")).expect_err("too many").to_string();
    assert!(errors.contains("can have 2002 IPv6 routes"), "{errors}");
}

proptest! {
    #[test]
    fn a_customer_is_told_what_a_plain_reading_of_the_rules_says(
        regions in prop::collection::vec((0..2u8, 0..2u8, any::<bool>(), any::<bool>()), 0..5),
        services in prop::collection::vec((0..3u16, prop::option::of(0..5usize)), 0..6),
        filter in prop::collection::btree_set(0..8u16, 0..6),
        sku in prop::sample::select(vec![Sku::Local, Sku::Standard, Sku::Premium]),
        has_location in any::<bool>(),
    ) {
        let mut config = parse(&served(), Path::new("f")).expect("correct");
        let file = || PrefixesFile { path: "f".into(), prefixes: prefixes(&["20.0.0.0/16"]) };
        let name = |number: usize| format!("region {number}");
        let area = |own: u8| format!("area {own}");
        config.catalogue.regions = regions
            .iter()
            .enumerate()
            .map(|(number, (its_area, cloud, has_file, _))| {
                let region = Region {
                    area: area(*its_area),
                    cloud: format!("cloud {cloud}"),
                    community: Some(community(51_000 + u16::try_from(number).expect("few"))),
                    file: has_file.then(file),
                };
                (name(number), region)
            })
            .collect();
        let is_near = |(its_area, cloud, _, near): &(u8, u8, bool, bool)| *near && (*its_area, *cloud) == (0, 0);
        let near = regions.iter().enumerate().filter(|(_, region)| is_near(region));
        let local: BTreeSet<String> = near.map(|(number, _)| name(number)).collect();
        let location = Location { area: area(0), cloud: "cloud 0".to_owned(), local };
        config.catalogue.locations.insert("amsterdam".to_owned(), location);
        config.catalogue.services = services
            .iter()
            .map(|(number, region)| PublicService {
                name: format!("service {number}"),
                community: community(5_000 + number),
                region: region.filter(|region| *region < regions.len()).map(name),
                file: file(),
            })
            .collect();
        let asked = |number: &u16| if *number < 3 { community(5_000 + number) } else { community(51_000 + number - 3) };
        let circuit = &mut config.circuits[0];
        circuit.sku = sku;
        if !has_location {
            circuit.location = None;
        }
        circuit.peerings[1].routed.as_mut().expect("routed").route_filter = filter.iter().map(asked).collect();

        let config = config;
        let circuit = &config.circuits[0];
        let told = config.told_groups(circuit, circuit.peerings[1].routed.as_ref().expect("routed"));
        let told: Vec<(Option<&str>, Option<&str>)> = told.iter().map(|it| (it.region, it.service)).collect();
        let reaches = |region: Option<usize>| {
            let Some(number) = region else { return !has_location || sku == Sku::Premium };
            let (its_area, cloud, ..) = regions[number];
            !has_location
                || cloud == 0
                    && match sku {
                        Sku::Local => is_near(&regions[number]),
                        Sku::Standard => its_area == 0,
                        Sku::Premium => true,
                    }
        };
        let asks = |own: Community| filter.iter().any(|number| asked(number) == own);
        let asks_region = |number: usize| asks(community(51_000 + u16::try_from(number).expect("few")));
        let mut expected: Vec<(Option<String>, Option<String>)> = Vec::new();
        for (number, region) in regions.iter().enumerate() {
            if region.2 && reaches(Some(number)) && asks_region(number) {
                expected.push((Some(name(number)), None));
            }
        }
        for (number, region) in &services {
            let region = region.filter(|region| *region < regions.len());
            let is_asked = asks(community(5_000 + number)) || region.is_some_and(asks_region);
            if reaches(region) && is_asked {
                expected.push((region.map(name), Some(format!("service {number}"))));
            }
        }
        expected.sort();
        let expected: Vec<_> = expected.iter().map(|(a, b)| (a.as_deref(), b.as_deref())).collect();
        prop_assert_eq!(&told, &expected);
        // The reach shows the same.
        let reach = config.reach("contoso").expect("a circuit");
        let shown = reach.services.iter().filter(|it| it.told);
        let shown: Vec<_> = shown.map(|it| (it.region.as_deref(), it.service.as_deref())).collect();
        prop_assert_eq!(shown, told);
        prop_assert!(reach.services.iter().all(|it| it.told == it.reason.is_none()));
    }
}
