//! Keys that a peering can't have as what it is: a wire, or routed.

use super::check_cases;

#[test]
fn keys_of_routed_peerings_are_not_for_wires() {
    const WIRE: &str = "kind = \"microsoft\"\nc_tag = 20\npeer_asn = 65001\nnetwork = \"192.168.15.24/29\"\nnetwork_v6 = \"fd00:15::18/125\"\nsource_check = \"registered\"\nadvertised_prefixes = [\"203.0.113.0/24\", \"2001:db8:113::/48\"]";
    let routed = super::ROUTED;
    assert_eq!(routed.matches(WIRE).count(), 1);
    for (key, value) in [
        ("primary", "\"172.16.0.0/30\""),
        ("secondary", "\"172.16.0.0/30\""),
        ("network", "\"172.16.0.0/29\""),
        ("primary_v6", "\"fd00::/126\""),
        ("secondary_v6", "\"fd00::/126\""),
        ("network_v6", "\"fd00::/125\""),
        ("key_file", "\"/etc/edge/key\""),
        ("max_routes", "5"),
        ("max_routes_v6", "5"),
        ("source_check", "\"off\""),
        ("bfd", "true"),
        ("passive", "true"),
        ("ttl_security", "true"),
        ("advertised_prefixes", "[\"203.0.113.0/24\"]"),
    ] {
        let source =
            routed.replace(WIRE, &format!("kind = \"microsoft\"\nc_tag = 20\n{key} = {value}"));
        let line =
            source.lines().position(|line| line == "kind = \"microsoft\"").expect("there") + 3;
        let words = format!(
            "`{key}` is for a routed peering, and this one is a wire; give `peer_asn` or `static_routes`, or remove it"
        );
        super::check(&source, &[(line, &words)]);
    }
}

#[test]
fn tags_of_routed_peerings() {
    check_cases(&[
        (
            "c_tag = 10\n",
            "c_tag = \"10-11\"\n",
            &[("c_tag = \"10-11\"", "a routed peering has one C-tag")],
        ),
        (
            "c_tag = 10\n",
            "c_tag = \"any\"\n",
            &[
                ("c_tag = \"any\"", "give one VLAN ID"),
                ("c_tag = 20", "S-tag 100 with C-tag 20 is taken"),
            ],
        ),
        ("c_tag = 10\n", "c_tag = \"10-10\"\n", &[]),
        (
            "c_tag = 10\n",
            "c_tag = 10\ncore_c_tag = 11\n",
            &[(
                "core_c_tag",
                "`core_c_tag` is for a wire, and a routed peering has no tags towards the core; remove it: the circuit's `vnet_link`",
            )],
        ),
        ("c_tag = 10\n", "c_tag = 10\ncore_c_tag = 0\n", &[("core_c_tag", "is for a wire")]),
        (
            "c_tag = 10\n",
            "c_tag = 10\ncore_c_tpid = \"0x8100\"\n",
            &[("core_c_tpid", "is for a wire")],
        ),
        ("c_tag = 20\n", "c_tag = 10 #\n", &[("c_tag = 10 #", "is taken on port \"customer0\"")]),
        (
            "s_tag = 100\n",
            "s_tag = 100\ncore_s_tag = 9\n",
            &[("core_s_tag", "is for wires, and the circuit has none")],
        ),
        (
            "s_tag = 100\n",
            "s_tag = 100\ncore_s_tag = 0\n",
            &[("core_s_tag", "is for wires, and the circuit has none")],
        ),
        (
            "s_tag = 100\n",
            "s_tag = 100\ncore_s_tpid = \"0x88a8\"\n",
            &[("core_s_tpid", "is for wires, and the circuit has none")],
        ),
        ("s_tag = 100\n", "s_tag = 100\ns_tpid = \"0x88a8\"\n", &[]),
    ]);
}
