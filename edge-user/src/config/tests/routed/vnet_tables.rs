//! `[[vnet]]`: virtual networks that links name.

use std::path::Path;

use super::{check_cases_of, parse, reach::placed};
use crate::config::ConfigDigest;

const TABLE: &str = "[[vnet]]\nname = \"hub\" #t\nregion = \"northeurope\" #t\nprefixes = [\"10.1.0.0/16\", \"fd00:1::/32\"]\n";

/// The link to the hub has its region and its prefixes from a table.
fn with_table() -> String {
    placed().replacen("prefixes = [\"10.1.0.0/16\", \"fd00:1::/32\"]\n", "", 1) + TABLE
}

#[test]
fn a_link_has_what_its_vnet_says() {
    let config =
        |source: &str| parse(source, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}"));
    let by_table = config(&with_table());
    let by_link =
        placed().replacen("vnet = \"hub\"\n", "vnet = \"hub\"\nregion = \"northeurope\"\n", 1);
    assert_eq!(by_table, config(&by_link));
}

#[test]
fn a_vnet_that_no_circuit_links_is_warned_of() {
    let warnings = |source: &str| {
        let config = parse(source, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}"));
        let mut warnings = config.warnings();
        warnings.retain(|warning| warning.contains("VNet"));
        (warnings, ConfigDigest::new(&config))
    };
    let (linked, digest) = warnings(&with_table());
    assert_eq!(linked, [""; 0]);
    let more = with_table()
        + "[[vnet]]\nname = \"test\"\n[[vnet]]\nname = \"lab\"\nprefixes = [\"10.7.0.0/16\"]\n";
    let (unlinked, with_more) = warnings(&more);
    assert_eq!(
        unlinked,
        ["lab", "test"].map(|name| format!(
            "no circuit has a link to the VNet {name:?}: nothing reaches it; add a [[circuit.vnet_link]] with `vnet = \
             {name:?}`, or remove the [[vnet]]"
        ))
    );
    // Nothing that runs is another one.
    assert_eq!(with_more, digest);
}

#[test]
fn wrong_tables() {
    check_cases_of(
        &with_table(),
        &[
            (
                "name = \"hub\" #t",
                "name = \"hubs\" #t",
                &[(
                    "vnet = \"hub\"",
                    "neither `prefixes` nor `asn`, and names the unknown VNet \"hub\"; did you mean \"hubs\"?",
                )],
            ),
            (
                "name = \"hub\" #t",
                "name = \"hub\" #t\nprefix = 5",
                &[("prefix = 5", "[[vnet]] has no key `prefix`")],
            ),
            (
                "vnet = \"hub\"\n",
                "vnet = \"hub\"\nregion = \"westeurope\" #own\n",
                &[(
                    "region = \"westeurope\" #own",
                    "the VNet \"hub\" has its `region` in [[vnet]]; remove one (the other is at f:",
                )],
            ),
            (
                "vnet = \"hub\"\n",
                "vnet = \"hub\"\nprefixes = [\"10.7.0.0/16\"]\n",
                &[(
                    "prefixes = [\"10.7",
                    "the VNet \"hub\" has its `prefixes` in [[vnet]]; remove one",
                )],
            ),
            (
                "vnet = \"hub\"\n",
                "vnet = \"hub\"\nasn = 65515 #hub\n",
                &[(
                    "asn = 65515 #hub",
                    "`asn`, by which the gateway announces its prefixes, and `prefixes`",
                )],
            ),
            (
                "region = \"northeurope\" #t",
                "region = \"northeuropa\" #t",
                &[(
                    "region = \"northeuropa\" #t",
                    "the unknown region \"northeuropa\"; did you mean \"northeurope\"?",
                )],
            ),
            // Out of reach is the link of the circuit.
            (
                "region = \"northeurope\" #t",
                "region = \"eastus\" #t",
                &[(
                    "vnet = \"hub\"",
                    "the VNet is in the region \"eastus\" (north-america, public), which a standard",
                )],
            ),
            (
                "prefixes = [\"10.1.0.0/16\", \"fd00:1::/32\"]",
                "prefixes = [\"0.0.0.0/0\"]",
                &[(
                    "prefixes = [\"0.0.0.0/0\"]",
                    "is the default route, which only a customer can have",
                )],
            ),
            (
                "prefixes = [\"10.1.0.0/16\", \"fd00:1::/32\"]",
                "prefixes = [\"10.1.0.0/16\", \"fd00:1::/32\"]\n[[vnet]]\nname = \"hub\" #second",
                &[("name = \"hub\" #second", "two VNets have the name \"hub\"; choose another")],
            ),
        ],
    );
}

/// Two circuits have links to the network.
#[test]
fn a_mistake_of_a_table_is_told_once() {
    let other = "[[circuit]]\nname = 'fabrikam'\nbandwidth = '1 Gbps'\ns_tag = 200\nports = ['customer0']\n\
                 [[circuit.peering]]\nkind = 'private'\nc_tag = 10\nprimary = '192.168.16.16/30'\n\
                 static_routes = ['10.8.0.0/16']\n[[circuit.vnet_link]]\nvnet = 'hub'\nport = 'core1'\nc_tag = 9\n\
                 own = '10.3.255.5/30'\ngateway = '10.3.255.6'\n";
    let table = TABLE.replace("\"10.1.0.0/16\", \"fd00:1::/32\"", "\"0.0.0.0/0\"");
    let source = with_table().replace(TABLE, other) + &table;
    let errors = parse(&source, Path::new("f")).expect_err("the default route").errors().to_vec();
    let messages: Vec<_> = errors.iter().map(|error| &*error.message).collect();
    assert!(matches!(messages[..], [one] if one.contains("is the default route")), "{messages:?}");
}
