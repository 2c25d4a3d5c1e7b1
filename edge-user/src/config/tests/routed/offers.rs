//! Providers, and circuits that they sell or don't.

use std::path::Path;

use super::{
    super::super::{BandwidthRefused, ConnectivityModel},
    check_cases_of, parse,
    reach::placed,
};

const PROVIDERS: &str = r#"[[provider]]
name = "carrier-1"
locations = ["shanghai", { name = "amsterdam", models = ["exchange", "ipvpn"] }]
bandwidths = ["50 Mbps", "1 Gbps"]
[[provider]]
name = "carrier-2"
models = ["ethernet"]
locations = ["shanghai"]
"#;

fn sold() -> String {
    placed().replace(
        "sku = \"standard\"\n",
        "sku = \"standard\"\nprovider = \"carrier-1\"\nmodel = \"ipvpn\"\n",
    ) + PROVIDERS
}

#[test]
fn offers_are_read() {
    let config = parse(&sold(), Path::new("f")).unwrap_or_else(|errors| panic!("{errors}"));
    let circuit = &config.circuits[0];
    assert_eq!(circuit.provider.as_deref(), Some("carrier-1"));
    assert_eq!(circuit.model, Some(ConnectivityModel::IpVpn));
    let first = &config.catalogue.providers["carrier-1"];
    assert_eq!(first.bandwidths_bps(Some("amsterdam")).len(), 2);
    assert_eq!(
        (first.models(Some("amsterdam")).len(), first.models(Some("shanghai")).len()),
        (2, 0)
    );
    // Any model is sold at one of the places.
    assert!(first.models(None).is_empty());
    // Another bandwidth of a running circuit is refused as the file's is.
    let refused = config.circuit_at("contoso", 2_000_000_000).unwrap_err();
    let expected = "circuit \"contoso\" at 2 Gbps: the provider \"carrier-1\" does not offer it at \"amsterdam\", but 50 \
                    Mbps or 1 Gbps";
    assert_eq!(refused, BandwidthRefused::NotAllowed(expected.to_owned()));
    assert!(config.circuit_at("contoso", 50_000_000).is_ok());
}

#[test]
fn a_circuit_has_what_its_provider_offers() {
    const PROVIDER: &str = "provider = \"carrier-1\"";
    check_cases_of(
        &sold(),
        &[
            (
                PROVIDER,
                "provider = \"carier-1\"",
                &[(
                    "provider = \"carier-1\"",
                    "`provider` names the unknown provider \"carier-1\"; did you mean \"carrier-1\"?",
                )],
            ),
            (
                "bandwidth = \"1 Gbps\"",
                "bandwidth = \"2 Gbps\"",
                &[(
                    "bandwidth = \"2 Gbps\"",
                    "`bandwidth` is 2 Gbps, which the provider \"carrier-1\" does not offer at \"amsterdam\"; give 50 Mbps or 1 Gbps",
                )],
            ),
            (
                "model = \"ipvpn\"",
                "model = \"ethernet\"",
                &[(
                    "model = \"ethernet\"",
                    "`model` is \"ethernet\", which the provider \"carrier-1\" does not offer at \"amsterdam\"; give \"exchange\" or \"ipvpn\"",
                )],
            ),
            (
                "model = \"ipvpn\"",
                "model = \"mpls\"",
                &[("model = \"mpls\"", "give \"exchange\" or \"ethernet\" or \"ipvpn\"")],
            ),
            (
                PROVIDER,
                "provider = \"carrier-2\"",
                &[(
                    "provider = \"carrier-2\"",
                    "the provider \"carrier-2\" is not at \"amsterdam\", where the circuit is; it is at \"shanghai\"",
                )],
            ),
            (
                PROVIDER,
                "location = \"amsterdam\" #own\nprovider = \"carrier-2\"",
                &[(
                    "location = \"amsterdam\" #own",
                    "the provider \"carrier-2\" is not at \"amsterdam\"",
                )],
            ),
            // Without a location, any of the provider's places counts.
            ("location = \"amsterdam\"\n", "", &[]),
            (PROVIDER, "", &[]),
        ],
    );
}

#[test]
fn wrong_providers() {
    check_cases_of(
        &sold(),
        &[
            ("name = \"carrier-2\"", "name = \"\"", &[("name = \"\"", "`name` is empty")]),
            (
                "name = \"carrier-2\"",
                "name = \"carrier-1\" #2",
                &[("name = \"carrier-1\" #2", "two providers have the name")],
            ),
            (
                "[[provider]]\nname = \"carrier-2\"\nmodels = [\"ethernet\"]\nlocations = [\"shanghai\"]",
                "[[ provider]]\nname = \"carrier-2\"",
                &[("[[ provider]]", "[[provider]] has no `locations`; add `locations = […]`")],
            ),
            (
                "locations = [\"shanghai\"]",
                "locations = []",
                &[("locations = []", "`locations` is an array")],
            ),
            (
                "locations = [\"shanghai\"]",
                "locations = [5]",
                &[("locations = [5]", "an entry of `locations` is 5; give names")],
            ),
            (
                "locations = [\"shanghai\"]",
                "locations = [\"shangai\"]",
                &[(
                    "locations = [\"shangai\"]",
                    "`locations` names the unknown location \"shangai\"; did you mean \"shanghai\"?",
                )],
            ),
            (
                "locations = [\"shanghai\"]",
                "locations = [\"shanghai\", \"shanghai\"]",
                &[(
                    "locations = [\"shanghai\", \"",
                    "location \"shanghai\" is listed twice; remove one (first at f:",
                )],
            ),
            (
                "locations = [\"shanghai\"]",
                "locations = [{ name = \"shanghai\", model = [\"ipvpn\"] }]",
                &[(
                    "locations = [{ name",
                    "an entry of `locations` has no key `model`; did you mean `models`?",
                )],
            ),
            // The offer is not known, and its circuits are not refused for that.
            (
                "\"50 Mbps\", \"1 Gbps\"]",
                "\"50 Mbps\", \"1 Gpbs\"]",
                &[("bandwidths = [\"50 Mbps\", \"1 Gpbs\"]", "an entry of `bandwidths`")],
            ),
        ],
    );
}
