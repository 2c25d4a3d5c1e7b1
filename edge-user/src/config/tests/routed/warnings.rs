//! Correct files that somebody perhaps did not mean.

use std::path::Path;

use super::{ROUTED, parse};

fn warnings(source: &str) -> Vec<String> {
    parse(source, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}")).warnings()
}

#[test]
fn each_is_told_once() {
    assert_eq!(warnings(ROUTED), Vec::<String>::new());
    for (old, new, words) in [
        (
            "secondary = \"192.168.15.20/30\"\nprimary_v6 = \"fd00:15::10/126\"\nsecondary_v6 = \"fd00:15::14/126\"",
            "primary_v6 = \"fd00:15::10/126\"",
            "circuit \"contoso\": its private peering has the primary link alone, so one cut ends it",
        ),
        (
            "bfd = { interval = \"50ms\" }",
            "bfd = false",
            "its private peering has no BFD, so a cut",
        ),
        (
            "[\"10.9.0.0/16\", \"fd00:9::/48\"]",
            "[\"::/0\"]",
            "has a static default route, so `source_check = \"advertised\"` lets every source pass",
        ),
        (
            "interface = \"eth3\"",
            "interface = \"eth3\"\ntpids = [\"0x88a8\"]",
            "routed frames leave with TPID 0x8100, which is none of the `tpids` of port \"core1\"",
        ),
        (
            "s_tag = 100\n",
            "s_tag = 100\ns_tpid = \"0x9100\"\n",
            "circuit \"contoso\": `s_tpid` is 0x9100, which is none of the `tpids` of port \"customer0\"",
        ),
    ] {
        assert_eq!(ROUTED.matches(old).count(), 1, "{old}");
        let told = warnings(&ROUTED.replace(old, new));
        let with = told.iter().filter(|warning| warning.contains(words)).count();
        assert_eq!(with, 1, "{told:?}");
    }
    let without_source_check = ROUTED
        .replace("[\"10.9.0.0/16\", \"fd00:9::/48\"]", "[\"0.0.0.0/0\"]")
        .replace("source_check = \"advertised\"", "source_check = \"off\"");
    assert_eq!(warnings(&without_source_check), Vec::<String>::new());
}

#[test]
fn a_private_peering_without_vnets_reaches_nothing() {
    let source = &ROUTED[..ROUTED.find("[[circuit.vnet_link]]").expect("there")];
    let told = warnings(source);
    let [nothing, core0, core1] = told.as_slice() else { panic!("{told:?}") };
    assert!(
        core1.contains("its private peering reaches nothing: give the circuit a `vnet_link`"),
        "{told:?}"
    );
    // The ports of VNet links are in use.
    assert!(nothing.contains("port \"core0\" has no circuit"), "{told:?}");
    assert!(core0.contains("port \"core1\" has no circuit"), "{told:?}");
}
