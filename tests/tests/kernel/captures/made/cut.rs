//! Frames that were captured short, and lengths that no frame has.

use std::rc::Rc;

use edge_tests::frames::any_frame;
use edge_user::replay::MAX_RECEIVED_BYTES;
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use super::*;

/// Frames of circuits of all kinds, the port that receives them, and where they are cut.
fn cut_frames() -> Result<Vec<(&'static str, Vec<u8>, usize)>> {
    let table = [
        ("customer0", "88a8:100/5 8100:20 ipv4 dscp=26 ecn=1 payload=1468", 96),
        ("customer0", "88a8:100/5 8100:20 ipv6 dscp=46 payload=1448", 96),
        // PPPoE, MPLS, MACsec.
        ("customer0", "88a8:100/5 8100:20 8864 padding=1354", 96),
        ("customer0", "88a8:100/5 8100:20 8847 padding=1354", 96),
        ("customer0", "88a8:100/5 8100:20 88e5 padding=1354", 22),
        // Packets of 9,216 bytes, cut early and by one byte, and the longest that there is.
        ("customer0", "88a8:100/5 8100:20 ipv4 dscp=26 ecn=1 payload=9192", 96),
        ("customer0", "88a8:100/5 8100:20 ipv4 dscp=26 ecn=1 payload=9192", 9_216 + 14 + 8 - 1),
        ("customer0", "88a8:100/5 8100:20 ipv4 dscp=26 ecn=1 payload=65511", 128),
        // Accounted by l1, mef and l3. Port 50007 is a class of some profiles.
        ("customer0", "8100:102 8100:150 ipv4 payload=1376", 64),
        ("customer0", "8100:104 8100:10 ipv4 dscp=26 udp=50007 payload=1376", 64),
        ("customer0", "8100:105 8100:10 arp padding=1354", 64),
        // Tags translated, pushed and popped, one and two of them.
        ("customer0", "8100:103 8100:7 ipv4 payload=1376", 50),
        ("customer0", "8100:310 ipv4 dscp=26 udp=50007 payload=1376", 70),
        ("customer0", "8100:107 8100:10 ipv4 payload=1376", 70),
        ("customer0", "8100:106 8100:10 ipv4 dscp=26 udp=50007 payload=1376", 70),
        ("core0", "ipv4 dscp=26 udp=50007 payload=1376", 60),
        ("core0", "8100:107 ipv4 payload=1376", 60),
        // By flow.
        ("customer0", "8100:109 8100:10 ipv4 dscp=26 udp=50007 payload=1376", 64),
        // Nobody's, and the stack's.
        ("customer0", "8100:99 ipv4 payload=1376", 40),
        ("customer0", "lldp padding=1354", 20),
        ("customer0", "8100:101 8100:10 ipv4 payload=1376", 22),
    ];
    table.into_iter().map(|(port, frame, at)| Ok((port, frame_of(frame)?, at))).collect()
}

#[test]
fn a_cut_frame_is_run_at_its_original_length_and_written_cut() -> Result<()> {
    const TEST: &str = "a_cut_frame_is_run_at_its_original_length_and_written_cut";
    let fixture = Fixture::new("pass");
    for port in ["customer0", "core0"] {
        let frames: Vec<_> = cut_frames()?.into_iter().filter(|(on, ..)| *on == port).collect();
        let capture = |is_cut: bool| {
            let frames = (0..).zip(&frames).map(|(number, (_, frame, at))| {
                let at = if is_cut { *at } else { frame.len() };
                captured(BEGIN + number * MS, frame, at)
            });
            pcap(ETHERNET, &frames.collect::<Vec<_>>())
        };
        with_engines(TEST, &fixture, port, |engine, replay| {
            let (whole, cut) = (replay(&capture(false)), replay(&capture(true)));
            assert!(whole.error.is_none() && cut.error.is_none(), "{whole:?} {cut:?}");
            let mut left = whole.left.iter().zip(&cut.left);
            for (((_, frame, at), whole), cut) in frames.iter().zip(whole.lines).zip(cut.lines) {
                let what = format!("{engine}, {port}: {whole} {cut}");
                let mut expected = whole.clone();
                expected["captured_bytes"] = json!(at);
                expected["sha256"] = cut["sha256"].clone();
                assert_eq!(cut, expected, "{what}");
                assert_ne!(whole["reason"], "malformed", "{what}");
                assert_eq!(whole["captured_bytes"], Value::Null, "{what}");
                assert_eq!(cut["certain"], true, "{what}");
                if whole["verdict"] == "drop" {
                    continue;
                }
                let (whole, cut) = left.next().expect("a frame that left");
                let known = (at + whole.data.len()).saturating_sub(frame.len());
                assert_eq!(cut.data, whole.data[..known], "{what}");
                assert_eq!(cut.orig_len_bytes as usize, whole.data.len(), "{what}");
            }
            assert!(left.next().is_none());
        })?;
    }
    Ok(())
}

#[test]
fn the_hash_of_a_cut_frame_is_that_of_what_is_written() -> Result<()> {
    const TEST: &str = "the_hash_of_a_cut_frame_is_that_of_what_is_written";
    let fixture = Fixture::new("drop");
    let sent = frame_of("8100:100 8100:10 arp padding=1354")?;
    let cut = pcap(ETHERNET, &[captured(BEGIN, &sent, 96)]);
    let short = pcap(ETHERNET, &[captured(BEGIN, &sent[..96], 96)]);
    with_engines(TEST, &fixture, "customer0", |engine, replay| {
        let (cut, short) = (replay(&cut), replay(&short));
        assert_eq!(cut.left[0].data, short.left[0].data, "{engine}");
        assert_eq!(cut.lines[0]["sha256"], short.lines[0]["sha256"], "{engine}");
        let bytes = (&cut.lines[0]["bytes"], &short.lines[0]["bytes"]);
        assert_eq!(bytes, (&json!(1_422), &json!(96)), "{engine}");
    })
}

/// As with `tcpdump -s 96`: a circuit is policed by the length on the wire.
#[test]
fn a_cut_capture_is_policed_at_its_original_length() -> Result<()> {
    const TEST: &str = "a_cut_capture_is_policed_at_its_original_length";
    let fixture = Fixture::of(&slow(), Police::Purchased);
    for what in ["ipv4 payload=1376", "8847 padding=1354"] {
        let sent = frame_of(&format!("8100:100 8100:20 {what}"))?;
        let capture = |begin: u64, at: usize| {
            let frames = (0..200).map(|number| captured(begin + number * MS / 20, &sent, at));
            pcap(ETHERNET, &frames.collect::<Vec<_>>())
        };
        with_engines(TEST, &fixture, "customer0", |engine, replay| {
            let (whole, cut) = (replay(&capture(BEGIN, 1_422)), replay(&capture(BEGIN + DAY, 96)));
            let ok = with_reason(&cut, "ok");
            assert_eq!(with_reason(&whole, "ok"), ok, "{engine}");
            assert!((110..135).contains(&ok), "{engine}: {ok}");
            assert!(cut.report.contains(&(ok * 1_422).to_string()), "{}", cut.report);
        })?;
    }
    Ok(())
}

#[test]
fn a_cut_within_what_the_path_reads_is_told() -> Result<()> {
    const TEST: &str = "a_cut_within_what_the_path_reads_is_told";
    let fixture = Fixture::new("drop");
    let microsoft = frame_of("8100:100 8100:20 ipv4 payload=1376")?;
    let ports = frame_of("8100:104 8100:10 ipv4 payload=1376")?;
    let fair = frame_of("8100:109 8100:10 ipv4 payload=976")?;
    let table = [
        // Where it is cut: in the addresses, the tags, the EtherType, the IP header.
        (&microsoft, 0, false),
        (&microsoft, 3, false),
        (&microsoft, 13, false),
        (&microsoft, 15, false),
        (&microsoft, 19, false),
        (&microsoft, 21, false),
        (&microsoft, 23, false),
        (&microsoft, 26, true),
        (&microsoft, 1_421, true),
        // Class rules and flows need ports.
        (&ports, 26, false),
        (&ports, 45, false),
        (&ports, 46, true),
        (&fair, 44, false),
        (&fair, 46, true),
    ];
    let frames: Vec<_> =
        (0..).zip(&table).map(|(n, (data, at, _))| captured(n, data, *at)).collect();
    let capture = pcap(ETHERNET, &frames);
    with_engines(TEST, &fixture, "customer0", |engine, replay| {
        let replayed = replay(&capture);
        assert!(replayed.error.is_none(), "{:?}", replayed.error);
        for ((_, at, certain), line) in table.iter().zip(&replayed.lines) {
            assert_eq!(&line["certain"], certain, "{engine}: cut at {at}: {line}");
        }
        let [warning] = &replayed.warnings[..] else { panic!("{:?}", replayed.warnings) };
        assert!(warning.starts_with("10 of 14 frames"), "{warning}");
    })
}

#[test]
fn lengths_beyond_any_frame_end_the_replay_and_take_no_memory() -> Result<()> {
    const TEST: &str = "lengths_beyond_any_frame_end_the_replay_and_take_no_memory";
    let fixture = Fixture::new("drop");
    let sent = frame_of("8100:100 8100:10 arp padding=54")?;
    let max = u32::try_from(MAX_RECEIVED_BYTES)?;
    let lengths =
        [(0, Some(122)), (121, Some(122)), (max, Some(max)), (max + 1, None), (u32::MAX, None)];
    with_engines(TEST, &fixture, "customer0", |engine, replay| {
        for (orig_len_bytes, runs_as) in lengths {
            let odd = CapturedFrame { orig_len_bytes, ..captured(BEGIN, &sent, 122) };
            let [first, last] = [0, 2].map(|number| captured(BEGIN + number, &sent, 122));
            let replayed = replay(&pcap(ETHERNET, &[first, odd, last]));
            let Some(len_bytes) = runs_as else {
                assert_eq!(replayed.lines.len(), 1, "{engine}");
                assert_eq!(replayed.left.len(), 1, "{engine}");
                let error = replayed.error.expect("an error").to_string();
                assert!(error.contains("frame 2") && error.contains("65557"), "{error}");
                continue;
            };
            assert!(replayed.error.is_none(), "{engine}: {:?}", replayed.error);
            assert_eq!(replayed.lines[1]["bytes"], len_bytes, "{engine}");
            assert_eq!(replayed.left[1].orig_len_bytes, len_bytes, "{engine}");
            let is_long = replayed.warnings.iter().any(|warning| warning.contains("offload"));
            assert_eq!(is_long, len_bytes == max, "{:?}", replayed.warnings);
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A verdict that is called certain is right for any missing bytes.
    #[test]
    fn what_is_certain_does_not_hang_on_missing_bytes(
        frame in any_frame(),
        cut in any::<Index>(),
        other in prop::collection::vec(any::<u8>(), 1..64),
        port in prop::sample::select(vec!["customer0", "core0"]),
    ) {
        let fixture = FIXTURE.with(Rc::clone);
        let at = cut.index(frame.len());
        let run = |frame: &[u8], at| {
            let capture = pcap(ETHERNET, &[captured(BEGIN, frame, at)]);
            replay(&fixture, port, &mut fixture.host(port), &capture)
        };
        let cut = run(&frame, at);
        prop_assert!(cut.error.is_none());
        let mut changed = frame.clone();
        for (byte, other) in changed[at..].iter_mut().zip(other.iter().cycle()) {
            *byte = *other;
        }
        if cut.lines[0]["certain"] == true {
            for whole in [run(&frame, frame.len()), run(&changed, frame.len())] {
                for field in ["verdict", "reason", "circuit", "class", "dscp_in", "dscp_out", "bytes"] {
                    prop_assert_eq!(&cut.lines[0][field], &whole.lines[0][field], "{}", field);
                }
                for (cut, whole) in cut.left.iter().zip(&whole.left) {
                    prop_assert!(whole.data.starts_with(&cut.data));
                    prop_assert_eq!(cut.orig_len_bytes, whole.orig_len_bytes);
                }
            }
        }
    }
}

thread_local! {
    static FIXTURE: Rc<Fixture> = Rc::new(Fixture::new("pass"));
}
