//! The tags that frames came with.

use serde_json::{Value, json};

use super::*;

/// The tags of a frame, why its path ends, and how its tags are told.
type Case = (&'static str, &'static str, Value, Value);

#[test]
fn each_frames_tags_are_told() -> Result<()> {
    let fixture = Fixture::new("drop");
    let tag = |tpid, vid, pcp, dei| json!({"tpid": tpid, "vid": vid, "pcp": pcp, "dei": dei});
    let table: [Case; 7] = [
        ("", "untagged", json!([null, null, null]), json!([])),
        (
            "88a8:999/5d 8100:100/1",
            "unmatched",
            json!(["0x88a8", 999, 100]),
            json!([tag("0x88a8", 999, 5, true), tag("0x8100", 100, 1, false)]),
        ),
        ("8100:99", "unmatched", json!(["0x8100", 99, null]), json!([tag("0x8100", 99, 0, false)])),
        // A priority tag in front of others.
        (
            "8100:0/5 8100:100 8100:11",
            "unmatched",
            json!(["0x8100", 0, 100]),
            json!([
                tag("0x8100", 0, 5, false),
                tag("0x8100", 100, 0, false),
                tag("0x8100", 11, 0, false)
            ]),
        ),
        // A TPID that the port doesn't accept.
        (
            "9200:100",
            "untagged",
            json!(["0x9200", 100, null]),
            json!([tag("0x9200", 100, 0, false)]),
        ),
        ("8100:300", "ok", json!(["0x8100", 300, null]), json!([tag("0x8100", 300, 0, false)])),
        // One whose tags change on the way: as received.
        (
            "8100:103 8100:7",
            "ok",
            json!(["0x8100", 103, 7]),
            json!([tag("0x8100", 103, 0, false), tag("0x8100", 7, 0, false)]),
        ),
    ];
    let frames = table.iter().map(|(tags, ..)| frame_of(&format!("{tags} arp")));
    let frames = frames.collect::<Result<Vec<_>>>()?;
    let frames: Vec<_> = (0..).zip(&frames).map(|(n, data)| captured(n, data, 100)).collect();
    with_engines("each_frames_tags_are_told", &fixture, "customer0", |engine, replay| {
        let replayed = replay(&pcap(ETHERNET, &frames));
        for ((_, reason, vids, tags), line) in table.iter().zip(&replayed.lines) {
            assert_eq!(&line["reason"], reason, "{engine}: {line}");
            assert_eq!(&json!([line["tpid"], line["s_vid"], line["c_vid"]]), vids, "{line}");
            assert_eq!(&line["tags"], tags, "{engine}");
        }
        for combination in
            ["0x88a8:999 0x8100:100", "0x8100:99", "0x8100:0 0x8100:100", "0x9200:100"]
        {
            assert!(replayed.report.contains(combination), "{}", replayed.report);
        }
        assert!(!replayed.report.contains("0x8100:300"), "{}", replayed.report);
    })
}

#[test]
fn the_report_counts_unclaimed_tags_and_stays_short() {
    let fixture = Fixture::new("drop");
    let frames = (0..3_000u16).map(|number| {
        let (outer, inner) = (1_000 + number % 30, 1 + number % 60);
        let data = frame_of(&format!("8100:{outer} 8100:{inner} arp")).expect("a frame");
        captured(number.into(), &data, 100)
    });
    let often = frame_of("88a8:99 arp").expect("a frame");
    let often = vec![captured(3_000, &often, 100); 200];
    let frames: Vec<_> = frames.chain(often).collect();
    let replayed =
        replay(&fixture, "customer0", &mut fixture.host("customer0"), &pcap(ETHERNET, &frames));
    let lines: Vec<&str> = replayed.report.lines().map(str::trim).collect();
    let header = lines.iter().position(|line| line.starts_with("tags that no circuit claims"));
    let first = lines[header.expect("a table") + 1];
    assert_eq!(
        first.split_whitespace().collect::<Vec<_>>(),
        ["0x88a8:99", "unmatched", "200", "12800"]
    );
    assert_eq!(
        lines.last(),
        Some(&"and 2050 frames with other tags; --json has those of each frame")
    );
}
