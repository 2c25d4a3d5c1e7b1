use serde_json::json;

use super::*;

const HEADED: &str = "# The edge.\nedge = { name = \"lab\" }\n\n[[circuit]] # the first\nname = \"alpha\"\n\
                      bandwidth = \"1 Gbps\" # bought in May\n\n  [[circuit.peering]]\n  kind = \"private\" # wire\n  \
                      c_tag = 10\n\n[[circuit]]\nname = \"zeta\"\nbandwidth = \"2 Gbps\"\n\n[ledger]\ncheckpoint = \"1s\"\n";
const BRACED: &str = "circuit = [\n  { name = 'alpha', bandwidth = '1 Gbps', peering = [{ kind = 'private', c_tag = 10 }] }, # one\n  \
                      { name = 'zeta', bandwidth = '2 Gbps' },\n]\nedge = { name = 'lab' }\n";

fn keys(json: Json) -> EditKeys {
    let Json::Object(keys) = json else { panic!("no keys: {json}") };
    keys
}

/// The text as values, in which notation and remarks have no part.
fn values(text: &str) -> Json {
    fn of(item: &toml_span::Value<'_>) -> Json {
        use toml_span::value::ValueInner;
        match item.as_ref() {
            ValueInner::String(text) => json!(text),
            ValueInner::Integer(number) => json!(number),
            ValueInner::Float(number) => json!(number),
            ValueInner::Boolean(is_it) => json!(is_it),
            ValueInner::Array(entries) => entries.iter().map(of).collect(),
            ValueInner::Table(table) => {
                Json::Object(table.iter().map(|(key, it)| (key.name.to_string(), of(it))).collect())
            }
        }
    }
    of(&toml_span::parse(text).expect("it is TOML"))
}

/// Both notations have the same values after it.
fn check(circuit: &str, edit: &CircuitEdit, expected: impl Fn(&mut Json)) -> [String; 2] {
    [HEADED, BRACED].map(|text| {
        let edited = edited(text, circuit, edit).expect("an edit");
        let mut wanted = values(text);
        expected(&mut wanted);
        assert_eq!(values(&edited), wanted, "{edited}");
        edited
    })
}

#[test]
fn a_circuit_comes_changes_and_goes_in_either_notation() {
    let new = keys(json!({ "bandwidth": "50 Mbps", "sku": "premium", "provisioning": null }));
    let [headed, _] = check("beta", &CircuitEdit::Add(new), |values| {
        let circuits = values["circuit"].as_array_mut().expect("circuits");
        circuits.push(json!({ "name": "beta", "bandwidth": "50 Mbps", "sku": "premium" }));
    });
    let (before, after) = HEADED.split_once("\n[ledger]").expect("a ledger");
    let added = "\n[[circuit]]\nname = \"beta\"\nbandwidth = \"50 Mbps\"\nsku = \"premium\"\n";
    assert_eq!(headed, format!("{before}{added}\n[ledger]{after}"));

    let other = keys(json!({ "s_tag": 7, "ports": ["a", "b"], "bandwidth": "3 Gbps" }));
    let [headed, braced] = check("alpha", &CircuitEdit::Set(other), |values| {
        values["circuit"][0]["s_tag"] = json!(7);
        values["circuit"][0]["ports"] = json!(["a", "b"]);
        values["circuit"][0]["bandwidth"] = json!("3 Gbps");
    });
    assert!(headed.contains("bandwidth = \"3 Gbps\" # bought in May\n"), "{headed}");
    assert!(braced.contains("}, # one\n"), "{braced}");

    check("alpha", &CircuitEdit::Remove, |values| {
        values["circuit"].as_array_mut().expect("circuits").remove(0);
    });
    let none = edited(
        &edited(HEADED, "alpha", &CircuitEdit::Remove).expect("one left"),
        "zeta",
        &CircuitEdit::Remove,
    );
    assert!(values(&none.expect("none left")).get("circuit").is_none());
}

#[test]
fn parts_of_a_circuit_come_change_and_go() {
    let network = keys(json!({ "port": "core0", "prefixes": ["10.0.0.0/8"] }));
    for circuit in ["alpha", "zeta"] {
        let link = CircuitEdit::SetPart(CircuitPart::VnetLink, "hub".into(), network.clone());
        check(circuit, &link, |values| {
            let circuits = values["circuit"].as_array_mut().expect("circuits");
            let own = circuits.iter_mut().find(|it| it["name"] == circuit).expect("a circuit");
            own["vnet_link"] =
                json!([{ "vnet": "hub", "port": "core0", "prefixes": ["10.0.0.0/8"] }]);
        });
    }
    let public = |c_tag| {
        CircuitEdit::SetPart(CircuitPart::Peering, "public".into(), keys(json!({ "c_tag": c_tag })))
    };
    let [headed, braced] = check("alpha", &public(20), |values| {
        let peerings = values["circuit"][0]["peering"].as_array_mut().expect("peerings");
        peerings.push(json!({ "kind": "public", "c_tag": 20 }));
    });
    for text in [headed, braced] {
        let changed = edited(&text, "alpha", &public(21)).expect("another tag");
        assert_eq!(values(&changed)["circuit"][0]["peering"][1]["c_tag"], 21);
        let less = CircuitEdit::RemovePart(CircuitPart::Peering, "private".into());
        let less = edited(&changed, "alpha", &less).expect("one less");
        assert_eq!(
            values(&less)["circuit"][0]["peering"],
            json!([{ "kind": "public", "c_tag": 21 }])
        );
        let none = CircuitEdit::RemovePart(CircuitPart::Peering, "public".into());
        let none = edited(&less, "alpha", &none).expect("none");
        assert!(values(&none)["circuit"][0].get("peering").is_none(), "{none}");
    }
}

/// From nothing to a routed circuit with a virtual network, and each text on the way is a configuration.
#[test]
fn steps_lead_to_a_routed_circuit() {
    use crate::config::{Provisioning, VnetRoutes, parse, sample::Sample};

    let mut text = Sample::lab().tables("[routing]\ndaemon = \"none\"\n").to_string();
    let mut step = |edit: &CircuitEdit| {
        text = edited(&text, "new", edit).expect("a step");
        parse(&text, std::path::Path::new("step")).expect("a configuration").circuits.remove(0)
    };
    let bought = keys(json!({ "bandwidth": "50 Mbps", "provisioning": "not-provisioned" }));
    let bought = step(&CircuitEdit::Add(bought));
    assert_eq!((bought.provisioning, bought.s_tag), (Provisioning::NotProvisioned, None));
    step(&CircuitEdit::Set(keys(json!({ "provisioning": "provisioned", "s_tag": 7 }))));
    let peering = keys(json!({ "c_tag": 10, "peer_asn": 65001, "primary": "192.168.15.16/30" }));
    step(&CircuitEdit::SetPart(CircuitPart::Peering, "private".into(), peering));
    let link = json!({
        "port": "core0", "c_tag": 70, "own": "10.1.255.5/30", "gateway": "10.1.255.6",
        "prefixes": ["10.1.0.0/16"],
    });
    let whole = step(&CircuitEdit::SetPart(CircuitPart::VnetLink, "hub".into(), keys(link)));
    assert!(whole.peerings[0].routed.is_some());
    let prefixes = VnetRoutes::Static(vec!["10.1.0.0/16".parse().expect("a prefix")]);
    assert_eq!(
        (whole.vnet_links[0].vnet.as_str(), &whole.vnet_links[0].routes),
        ("hub", &prefixes)
    );
    let other = json!({ "prefixes": null, "asn": 65515 });
    let other = step(&CircuitEdit::SetPart(CircuitPart::VnetLink, "hub".into(), keys(other)));
    assert_eq!(other.vnet_links[0].routes, VnetRoutes::Bgp { asn: 65515, bfd: None });
}

#[test]
fn a_change_of_something_else_is_refused() {
    let remove = CircuitEdit::Remove;
    for (text, circuit, edit, said) in [
        (HEADED, "beta", &remove, "there is no circuit \"beta\""),
        (HEADED, "zeta", &CircuitEdit::Add(EditKeys::new()), "there is a circuit \"zeta\" already"),
        (
            BRACED,
            "zeta",
            &CircuitEdit::RemovePart(CircuitPart::VnetLink, "hub".into()),
            "circuit \"zeta\" has no VNet link \"hub\"",
        ),
        ("circuit = 1", "zeta", &remove, "`circuit` is no array"),
        ("circuit = [", "zeta", &remove, "change the file by hand"),
        (
            HEADED,
            "zeta",
            &CircuitEdit::Set(keys(json!({ "s_tag": u64::MAX }))),
            "`s_tag` has a value that a configuration can't have",
        ),
        (
            HEADED,
            "zeta",
            &CircuitEdit::Set(keys(json!({ "ports": [null] }))),
            "`ports` has a value",
        ),
    ] {
        let refused = edited(text, circuit, edit).expect_err("a refusal").to_string();
        assert!(refused.contains(said), "{refused}");
    }
}
