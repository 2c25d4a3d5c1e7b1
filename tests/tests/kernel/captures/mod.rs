//! Captures made here, and the expected results of their replay ([`made`]).
//!
//! Real captures, where `EDGE_CAPTURES` names a folder of them: every frame through the oracle,
//! the host path and the kernel, with circuits for all the tags that are found, and for none.

mod made;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::Result;
use edge_tests::{
    both::{Both, MIN_FRAME_LEN_BYTES},
    captures::captures_or_skip,
    fixture::Fixture,
    oracle::check,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
    plan::Police,
    replay::capture::CaptureReader,
};

const TEST: &str = "real_captures_become_what_the_configuration_says";
const TPIDS: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
/// Classes by DSCP, by PCP, by ports and by protocol.
const CLASSES: [&str; 4] = [
    r#"name = "voice", dscp = [46], mark = 46, pcp = [5], pcp_mark = 6, match = { proto = "udp", dst_port = "5060-5090" }"#,
    r#"name = "web", mark = 18, match = [{ proto = "tcp", dst_port = 80 }, { proto = "tcp", src_port = 80 }]"#,
    r#"name = "ping", mark = 8, match = [{ proto = "icmp" }, { proto = "icmpv6" }]"#,
    r#"name = "rest", dscp = ["default", 10], burst_share = 0.5"#,
];

#[test]
fn real_captures_become_what_the_configuration_says() -> Result<()> {
    let Some(files) = captures_or_skip(TEST)? else { return Ok(()) };
    let frames = frames(&files);
    assert!(!frames.is_empty(), "no capture could be read");
    let fixture = Fixture::of(&config(&frames), Police::Off);
    let mut host = fixture.host("core0");
    let mut both = root_or_skip(TEST).then(|| Both::new(&fixture, "core0"));

    let mut seen = BTreeMap::new();
    for sent in &frames {
        let prediction = check(&fixture, "core0", &mut host, sent);
        let what = (prediction.reason.as_str(), prediction.dscp.is_some(), prediction.class);
        *seen.entry(what).or_insert(0u64) += 1;
        if let Some(both) = both.as_mut().filter(|_| sent.len() >= MIN_FRAME_LEN_BYTES) {
            let _reason = both.run(sent, None, 1);
        }
    }
    if let Some(both) = both {
        both.check_counters();
    }
    for ((reason, is_ip, class), frames) in seen {
        let ip = if is_ip { "IP" } else { "" };
        println!("{frames:8} {reason:10} {ip:2} {}", class.unwrap_or_default());
    }
    Ok(())
}

/// Every frame of every capture, as far as it can be read.
fn frames(files: &[PathBuf]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for file in files {
        // A file that can't be opened, or is not Ethernet, is for `edge replay` to refuse.
        let Ok(reader) = CaptureReader::open(file) else { continue };
        frames.extend(reader.map_while(Result::ok).map(|captured| captured.data));
    }
    frames
}

/// Circuits that have on the core's side the tags of `frames`: frames with two tags are
/// translated, those with one get another, those with none get two.
fn config(frames: &[Vec<u8>]) -> Sample {
    let (mut double, mut single) = (BTreeSet::new(), BTreeSet::new());
    for frame in frames {
        let tag = |at: usize| {
            let [a, b, c, d] = *frame.get(at..)?.first_chunk()?;
            Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]) & 0xfff))
        };
        let is_vid = |vid: &u16| (1..=4094).contains(vid);
        let Some((_, outer)) = tag(12).filter(|(tpid, vid)| TPIDS.contains(tpid) && is_vid(vid))
        else {
            continue;
        };
        let is_double = tag(16).is_some_and(|(tpid, _)| TPIDS[..2].contains(&tpid));
        if is_double {
            double.insert(outer)
        } else {
            single.insert(outer)
        };
    }
    single.retain(|vid| !double.contains(vid));
    let is_free = |vid: &u16| !double.contains(&(4095 - vid)) && !single.contains(&(4095 - vid));
    let free = (1..=4094).find(is_free).expect("not every VID there is");

    let circuit = |name: String, s_tag: u16, core_s_tag: u16| {
        let circuit = SampleCircuit::new(name, "1 Gbps").key("accounting", "l3");
        let circuit = circuit.s_tag(s_tag).key("core_s_tag", core_s_tag);
        circuit.of_peering("microsoft", "qos", "all")
    };
    let double = double
        .iter()
        .map(|vid| circuit(format!("double-{vid}"), 4095 - vid, *vid).peering("microsoft", "any"));
    let single = single
        .iter()
        .map(|vid| circuit(format!("single-{vid}"), 4095 - vid, 0).peering("microsoft", *vid));
    let bare = circuit("bare".into(), free, 0).peering("microsoft", 1);
    Sample::new("captures")
        .pair("customer0", "core0")
        .change_port("core0", |core| core.key("tpids", ["0x8100", "0x88a8", "0x9100", "0x9200"]))
        .circuits(double)
        .circuits(single)
        .circuit(bare.of_peering("microsoft", "core_c_tag", 0))
        .qos("all", CLASSES)
}
