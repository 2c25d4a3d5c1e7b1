//! Circuits that their provider has not connected yet.

use std::path::Path;

use super::{CIRCUIT, MINIMAL, check, parse};
use crate::config::Provisioning;

fn with(keys: &str, peering: &str) -> String {
    format!("{MINIMAL}[[circuit]]\nname = \"c1\"\nbandwidth = \"1 Gbps\"\n{keys}{peering}")
}

const PEERING: &str = "[[circuit.peering]]\nkind = \"private\"\nc_tag = 10\n";

#[test]
fn tags_and_peerings_come_with_their_state() {
    for (keys, peering, state) in [
        ("", PEERING, Provisioning::Provisioned),
        ("provisioning = \"not-provisioned\"\n", "", Provisioning::NotProvisioned),
        ("provisioning = \"provisioning\"\ns_tag = 7\n", "", Provisioning::Provisioning),
        ("provisioning = \"provisioned\"\ns_tag = 7\n", "", Provisioning::Provisioned),
        ("provisioning = \"provisioned\"\ns_tag = 7\n", PEERING, Provisioning::Provisioned),
    ] {
        let config = parse(&with(keys, peering), Path::new("test")).expect("a configuration");
        assert_eq!(config.circuits[0].provisioning, state, "{keys}");
        assert_eq!(config.circuits[0].peerings.len(), peering.matches("kind").count());
    }
    let before = MINIMAL.lines().count();
    let early = "so it has no peering yet; remove that, or set `provisioning = \"provisioned\"`";
    check(
        &with("provisioning = \"not-provisioned\"\ns_tag = 7\n", PEERING),
        &[(before + 5, "\"not-provisioned\", so it has no S-tag yet"), (before + 6, early)],
    );
    check(&with("provisioning = \"provisioning\"\ns_tag = 7\n", PEERING), &[(before + 6, early)]);
    check(&with("", ""), &[(before + 1, "the circuit has no peering")]);
    let wrong = CIRCUIT.replace("s_tag = 100", "provisioning = \"sold\"");
    check(&format!("{MINIMAL}{wrong}"), &[(before + 4, "`provisioning` ")]);
}
