use std::path::Path;

use edge_common::{abi::unmatched::UnmatchedBucket, packet::vlan::Vid};

use super::*;
use crate::config;

const CONFIG: &str = r#"
[edge]
name = "e"
[[port]]
name = "customer0"
interface = "eth1"
side = "customer"
tpids = ["0x8100"]
[[port]]
name = "customer1"
interface = "eth2"
side = "customer"
[[circuit]]
name = "contoso"
bandwidth = "1 Gbps"
s_tag = 100
ports = ["customer0"]
peering = [{ kind = "private", c_tag = 10 }, { kind = "microsoft", c_tag = "20-29" }]
[[circuit]]
name = "fabrikam"
bandwidth = "1 Gbps"
s_tag = 200
ports = ["customer1"]
peering = [{ kind = "private", c_tag = 10 }]
[[circuit]]
name = "northwind"
bandwidth = "1 Gbps"
ports = ["customer0"]
peering = [{ kind = "private", c_tag = 300 }]
"#;

/// `TPID:VID`, one or two of them.
fn tags(text: &str) -> UnmatchedTags {
    let mut tags = text.split_whitespace().map(|tag| {
        let (tpid, vid) = tag.split_once(':').unwrap();
        (u16::from_str_radix(tpid, 16).unwrap(), Vid::from_tci(vid.parse().unwrap()))
    });
    let mut found = UnmatchedTags::NONE;
    if let Some((tpid, vid)) = tags.next() {
        found = found.with_outer(tpid, vid);
    }
    if let Some((tpid, vid)) = tags.next() {
        found = found.with_inner(tpid, vid);
    }
    found
}

#[test]
fn the_nearest_circuit_is_the_one_that_an_operator_would_look_at() {
    let config = config::parse(CONFIG, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}"));
    let claims = port_claims(&config);
    let listed =
        Listed { port: "customer0", tpids: &[0x8100, 0, 0, 0], claims: &claims, most: MOST_LISTED };
    for (came_with, expected) in [
        ("8100:100 8100:11", "contoso private 100 10"),
        ("8100:100 8100:18", "contoso microsoft 100 20-29"),
        ("8100:100 8100:40", "contoso microsoft 100 20-29"),
        ("8100:100", "contoso private 100 10 NoCTag"),
        ("8100:10 8100:100", "contoso private 100 10 Swapped"),
        ("8100:25", "contoso microsoft 100 20-29 NoSTag"),
        ("8100:101 8100:10", "contoso private 100 10"),
        ("8100:98 8100:30", "contoso microsoft 100 20-29"),
        ("88a8:100 8100:10", "contoso private 100 10 Tpid"),
        ("8100:100 9100:10", "contoso private 100 10 Tpid"),
        ("8100:200 8100:10", "fabrikam private 200 10 customer1 Port"),
        ("8100:301", "northwind private - 300"),
        ("8100:299 8100:5", "northwind private - 300"),
        ("9100:300", "northwind private - 300 Tpid"),
        ("8100:300", "northwind private - 300 Claimed"),
        ("", "none"),
    ] {
        let found = listed.nearest(tags(came_with)).map_or("none".to_owned(), |nearest| {
            let NearestCircuit { circuit, peering, s_tag, c_tag, port, fault } = nearest;
            let s_tag = s_tag.map_or("-".to_owned(), |s_tag| s_tag.to_string());
            let rest = port.into_iter().chain(fault.map(|fault| format!("{fault:?}")));
            let all = [circuit, peering, s_tag, c_tag.unwrap()].into_iter().chain(rest);
            all.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(found, expected, "{came_with}");
    }
}

#[test]
fn cpus_are_added_up_and_the_lightest_tags_are_left_out_of_a_long_list() {
    let source = |byte| Mac::new([2, 0, 0, 0, 0, byte]);
    let mut cpus = [UnmatchedBucket::default(), UnmatchedBucket::default()];
    for (cpu, second) in [(0, 7), (1, 5), (1, 9)] {
        let now_ns = u64::from(second) * 1_000_000_000;
        cpus[cpu].count(tags("8100:100 8100:11"), source(second), 100, now_ns);
    }
    let mut counts = UnmatchedCounts::default();
    for bucket in &cpus {
        counts.add(bucket);
    }
    let entry = counts.listed[&tags("8100:100 8100:11")];
    let expected = UnmatchedEntry {
        frames: 3,
        bytes: 300,
        first_ns: 5_000_000_000,
        last_ns: 9_000_000_000,
        source: source(9).to_bits(),
    };
    assert_eq!(entry, expected);

    let many = (1..=300).map(|vid| {
        let entry = UnmatchedEntry { frames: vid.into(), ..UnmatchedEntry::default() };
        (UnmatchedTags::NONE.with_outer(0x8100, Vid::from_tci(vid)), entry)
    });
    let counts = UnmatchedCounts { listed: many.collect(), left_out_frames: 5 };
    let mut found = Unmatched::default();
    let listed = Listed { port: "p", tpids: &[], claims: &[], most: MOST_LISTED };
    listed.add(counts, MonotonicDates::now(), &mut found);
    let frames: Vec<u64> = found.unmatched.iter().map(|frames| frames.frames).collect();
    assert_eq!(frames, (45..=300).rev().collect::<Vec<_>>());
    assert_eq!(found.left_out, 5 + (1..=44).sum::<u64>());
    let first = &found.unmatched[0];
    assert_eq!(
        (first.s_vid, first.c_vid, first.tpid.as_deref()),
        (Some(300), None, Some("0x8100"))
    );
    assert_eq!(first.src_mac, "00:00:00:00:00:00");
}
