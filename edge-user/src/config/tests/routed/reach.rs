//! Regions, locations, and the virtual networks that circuits reach.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::LazyLock,
};

use edge_api::OutOfReach::{NotLocal, OtherArea, OtherCloud};
use proptest::prelude::*;

use super::{
    super::super::{Config, Location, Region, Sku},
    ROUTED, check_cases_of, parse,
};

/// The places of these tests.
const PLACES: &str = r#"[[region]]
name = "westeurope"
area = "europe"
cloud = "public"
[[region]]
name = "northeurope"
area = "europe" #n
cloud = "public" #n
[[ region]]
name = "eastus"
area = "north-america" #e
[[region]]
name = "chinanorth"
area = "asia" #c
cloud = "china" #c
[[location]]
name = "amsterdam"
area = "europe" #a
cloud = "public" #a
local = ["westeurope"]
[[location]]
name = "shanghai"
area = "asia"
cloud = "china"
local = ["chinanorth"]
"#;

/// [`ROUTED`] with these places; its circuit is at the edge's location, and one of its VNets has a region.
pub(super) fn placed() -> String {
    ROUTED
        .replacen("[routing]\n", "[routing]\nlocation = \"amsterdam\"\n", 1)
        .replacen("s_tag = 100\n", "s_tag = 100\nsku = \"standard\"\n", 1)
        .replacen("vnet = \"spoke\"\n", "vnet = \"spoke\"\nregion = \"westeurope\"\n", 1)
        + PLACES
}

fn config(source: &str) -> Config {
    parse(source, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn places_are_read() {
    let read = config(&placed());
    let circuit = &read.circuits[0];
    assert_eq!(circuit.location.as_deref(), Some("amsterdam"));
    let regions: Vec<_> = circuit.vnet_links.iter().map(|link| link.region.as_deref()).collect();
    assert_eq!(regions, [None, Some("westeurope")]);
    let eastus = &read.catalogue.regions["eastus"];
    assert_eq!((&*eastus.area, &*eastus.cloud), ("north-america", "public"));
    assert!(read.catalogue.locations["amsterdam"].local.contains("westeurope"));
    assert_eq!(read.warnings(), Vec::<String>::new());
    let own = placed()
        .replace("sku = \"standard\"", "location = \"shanghai\"")
        .replace("region = \"westeurope\"", "region = \"chinanorth\"");
    assert_eq!(config(&own).circuits[0].location.as_deref(), Some("shanghai"));
    // Without a location, nothing is out of reach.
    let nowhere = placed()
        .replace("location = \"amsterdam\"\n", "")
        .replace("region = \"westeurope\"", "region = \"chinanorth\"");
    let nowhere = config(&nowhere);
    let reach = nowhere.reach("contoso").expect("a circuit");
    assert_eq!(reach.location, None);
    assert!(reach.regions.iter().all(|region| region.reached));
}

#[test]
fn wrong_places() {
    check_cases_of(
        &placed(),
        &[
            (
                "name = \"westeurope\"",
                "name = \"westeurop\"",
                &[
                    (
                        "region = \"westeurope\"",
                        "the unknown region \"westeurope\"; did you mean \"westeurop\"?",
                    ),
                    (
                        "local = [\"westeurope\"]",
                        "`local` names the unknown region \"westeurope\"; did you mean",
                    ),
                ],
            ),
            (
                "name = \"eastus\"",
                "name = \"northeurope\" # twice",
                &[(
                    "name = \"northeurope\" # twice",
                    "two regions have the name \"northeurope\"; choose another",
                )],
            ),
            ("name = \"eastus\"", "", &[("[[ region]]", "[[region]] has no `name`")]),
            (
                "area = \"europe\" #n",
                "area = \"\"",
                &[("area = \"\"", "`area` is empty; give a name")],
            ),
            ("cloud = \"public\" #n", "cloud = 5", &[("cloud = 5", "give a string")]),
            (
                "cloud = \"public\" #n",
                "clouds = \"public\"",
                &[("clouds", "[[region]] has no key `clouds`; did you mean `cloud`?")],
            ),
            (
                "area = \"europe\" #a",
                "area = \"asia\" #a",
                &[(
                    "local = [\"westeurope\"]",
                    "the region \"westeurope\" (europe, public) is not where the location \"amsterdam\" is (asia, public)",
                )],
            ),
            (
                "local = [\"westeurope\"]",
                "locals = [\"westeurope\"]",
                &[("locals", "[[location]] has no key `locals`; did you mean `local`?")],
            ),
            (
                "location = \"amsterdam\"",
                "location = \"amsterdm\"",
                &[(
                    "location = \"amsterdm\"",
                    "`location` names the unknown location \"amsterdm\"; did you mean \"amsterdam\"?",
                )],
            ),
            (
                "sku = \"standard\"",
                "location = \"amsterdom\"",
                &[(
                    "location = \"amsterdom\"",
                    "the unknown location \"amsterdom\"; did you mean \"amsterdam\"?",
                )],
            ),
            (
                "region = \"westeurope\"",
                "region = \"mars\"",
                &[(
                    "region = \"mars\"",
                    "the unknown region \"mars\"; there are \"chinanorth\", \"eastus\", ",
                )],
            ),
        ],
    );
}

#[test]
fn a_vnet_out_of_reach_is_refused_with_the_sku_that_reaches_it() {
    const REGION: &str = "region = \"westeurope\"";
    let placed = placed();
    check_cases_of(
        &placed,
        &[
            (REGION, "region = \"northeurope\"", &[]),
            (
                REGION,
                "region = \"eastus\"",
                &[(
                    "region = \"eastus\"",
                    "the VNet is in the region \"eastus\" (north-america, public), which a standard circuit at \
                     \"amsterdam\" (europe, public) does not reach; give the circuit `sku = \"premium\"`",
                )],
            ),
            (
                REGION,
                "region = \"chinanorth\"",
                &[("region = \"chinanorth\"", "does not reach; no `sku` reaches another cloud")],
            ),
        ],
    );
    check_cases_of(
        &placed.replace("sku = \"standard\"", "sku = \"local\""),
        &[
            (REGION, "region = \"westeurope\" #", &[]),
            (
                REGION,
                "region = \"northeurope\"",
                &[("region = \"northeurope\"", "which a local circuit at \"amsterdam\"")],
            ),
            (
                REGION,
                "region = \"northeurope\" ",
                &[(
                    "region = \"northeurope\"",
                    "give the circuit `sku = \"standard\"`, which reaches it",
                )],
            ),
        ],
    );
    let premium = placed
        .replace("sku = \"standard\"", "sku = \"premium\"")
        .replace(REGION, "region = \"eastus\"");
    check_cases_of(
        &premium,
        &[
            ("sku = \"premium\"", "sku = \"premium\" #", &[]),
            // `edge check` refuses a file with a lower SKU by the check that a reload makes.
            (
                "sku = \"premium\"",
                "sku = \"standard\"",
                &[("region = \"eastus\"", "`sku = \"premium\"`, which reaches it")],
            ),
            (
                "region = \"eastus\"",
                "region = \"chinanorth\"",
                &[("region = \"chinanorth\"", "which a premium circuit at \"amsterdam\"")],
            ),
        ],
    );
}

#[test]
fn the_reach_of_a_circuit_tells_why() {
    let reach = config(&placed()).reach("contoso").expect("a circuit");
    let told: Vec<_> = reach
        .regions
        .iter()
        .map(|it| (&*it.region, it.reached, it.reason, it.needs_sku.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("chinanorth", false, Some(OtherCloud), None),
            ("eastus", false, Some(OtherArea), Some("premium")),
            ("northeurope", true, None, None),
            ("westeurope", true, None, None),
        ]
    );
    let vnets: Vec<_> = reach
        .vnets
        .iter()
        .map(|it| (&*it.vnet, it.region.as_deref(), it.prefixes.join(" "), it.gateway_asn))
        .collect();
    assert_eq!(
        vnets,
        [
            ("hub", None, "10.1.0.0/16 fd00:1::/32".to_owned(), None),
            ("spoke", Some("westeurope"), String::new(), Some(65_515)),
        ]
    );
    let local = placed().replace("sku = \"standard\"", "sku = \"local\"");
    let reach = config(&local).reach("contoso").expect("a circuit");
    let north = reach.regions.iter().find(|it| it.region == "northeurope").expect("a region");
    assert_eq!((north.reason, north.needs_sku.as_deref()), (Some(NotLocal), Some("standard")));
    assert_eq!(config(&placed()).reach("fabrikam"), None);
}

proptest! {
    #[test]
    fn a_greater_sku_reaches_more_and_never_another_cloud(
        places in prop::collection::vec((0..3u8, 0..2u8, any::<bool>()), 0..8),
        own in (0..3u8, 0..2u8),
    ) {
        let mut config = PLACED.clone();
        let place = |(area, cloud): (u8, u8)| (format!("area {area}"), format!("cloud {cloud}"));
        let (area, cloud) = place(own);
        let regions = (0..).zip(&places).map(|(number, (its_area, its_cloud, _))| {
            let (area, cloud) = place((*its_area, *its_cloud));
            (format!("region {number}"), Region { area, cloud, community: None, file: None })
        });
        let regions: BTreeMap<String, Region> = regions.collect();
        let near = (0..).zip(&places).filter(|(_, (its_area, its_cloud, is_near))| {
            *is_near && (*its_area, *its_cloud) == own
        });
        let near: BTreeSet<String> = near.map(|(number, _)| format!("region {number}")).collect();
        let location = Location { area: area.clone(), cloud: cloud.clone(), local: near.clone() };
        config.catalogue.locations.insert("amsterdam".to_owned(), location);
        config.catalogue.regions = regions.clone();
        let mut reached = |sku| -> BTreeSet<String> {
            config.circuits[0].sku = sku;
            let regions = config.reach("contoso").expect("a circuit").regions;
            let names: BTreeSet<_> =
                regions.into_iter().filter(|it| it.reached).map(|it| it.region).collect();
            // A link is within reach where its region is.
            for region in regions_of(&config) {
                config.circuits[0].vnet_links[1].region = Some(region.clone());
                let circuit = &config.circuits[0];
                let is_reached = config.is_reached(circuit, &circuit.vnet_links[1]);
                assert_eq!(is_reached, names.contains(&region), "{region}");
            }
            names
        };
        let [local, standard, premium] = [Sku::Local, Sku::Standard, Sku::Premium].map(&mut reached);
        prop_assert!(local.is_subset(&standard) && standard.is_subset(&premium));
        let all = |is_in: &dyn Fn(&Region) -> bool| -> BTreeSet<String> {
            let found = regions.iter().filter(|(_, region)| is_in(region));
            found.map(|(name, _)| name.clone()).collect()
        };
        prop_assert_eq!(local, near);
        prop_assert_eq!(standard, all(&|it| it.area == area && it.cloud == cloud));
        prop_assert_eq!(premium, all(&|it| it.cloud == cloud));
    }
}

fn regions_of(config: &Config) -> Vec<String> {
    config.catalogue.regions.keys().cloned().collect()
}

static PLACED: LazyLock<Config> = LazyLock::new(|| config(&placed()));
