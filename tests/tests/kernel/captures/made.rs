//! A replay gives each frame the verdict of the live edge, by its length on the wire.

mod cut;
mod tags;

use anyhow::Result;
use edge_tests::{
    captures::{ETHERNET, Replayed, captured, pcap, replay},
    fixture::Fixture,
    notation::frame_of,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
    plan::Police,
    replay::capture::CapturedFrame,
};

const MS: u64 = 1_000_000;
const DAY: u64 = 86_400_000 * MS;
/// When the captures begin.
const BEGIN: u64 = 1_700_000_000_000 * MS;

/// A circuit whose burst holds fifty frames of 1,422 bytes.
fn slow() -> Sample {
    let contoso = SampleCircuit::new("contoso", "100 Mbps").s_tag(100).peering("microsoft", 20);
    Sample::new("e").pair("customer0", "core0").circuit(contoso.key("burst", 71_100))
}

/// Runs `test` with each engine of `port` that there is here. Buckets stay as they are from one
/// capture to the next.
fn with_engines(
    test: &str,
    fixture: &Fixture,
    port: &str,
    mut run: impl FnMut(&str, &mut dyn FnMut(&[u8]) -> Replayed),
) -> Result<()> {
    let mut host = fixture.host(port);
    run("host", &mut |capture| replay(fixture, port, &mut host, capture));
    if root_or_skip(test) {
        let mut kernel = fixture.kernel(port)?;
        run("kernel", &mut |capture| replay(fixture, port, &mut kernel, capture));
    }
    Ok(())
}

fn with_reason(replayed: &Replayed, reason: &str) -> usize {
    replayed.lines.iter().filter(|line| line["reason"] == reason).count()
}

#[test]
fn a_replays_time_never_goes_back() -> Result<()> {
    const TEST: &str = "a_replays_time_never_goes_back";
    const FRAMES: u64 = 400;
    let fixture = Fixture::of(&slow(), Police::Purchased);
    let data = frame_of("8100:100 8100:20 ipv4 dscp=46 payload=1376")?;
    // Offered at four times the rate, every other frame with a time that is earlier by so much.
    let capture = |begin: u64, back_ns: u64, is_mended: bool| {
        let mut latest = 0;
        let frames: Vec<CapturedFrame> = (0..FRAMES)
            .map(|number| {
                let at = begin + number * data.len() as u64 * 20;
                let told = if number % 2 == 1 { at - back_ns } else { at };
                latest = told.max(latest);
                captured(if is_mended { latest } else { told }, &data, data.len())
            })
            .collect();
        pcap(ETHERNET, &frames)
    };
    with_engines(TEST, &fixture, "customer0", |engine, replay| {
        let mut begin = BEGIN;
        for back_ns in [4 * MS, 45 * MS, 55 * MS, DAY, 27 * DAY, 53 * DAY] {
            let mended = replay(&capture(begin, back_ns, true));
            let told = replay(&capture(begin + DAY, back_ns, false));
            begin += 2 * DAY;
            let (told_ok, mended_ok) = (with_reason(&told, "ok"), with_reason(&mended, "ok"));
            assert_eq!(told_ok, mended_ok, "{engine}: back by {back_ns} ns");
            // The burst, and a quarter of the rest.
            assert!((130..155).contains(&told_ok), "{engine}: {told_ok} of {FRAMES}");
            assert_eq!(mended.warnings, [""; 0]);
            let [warning] = &told.warnings[..] else { panic!("{:?}", told.warnings) };
            assert!(warning.contains("200 of 400 frames"), "{warning}");
            // Times are written as they were told.
            let is_earlier = |pair: &[CapturedFrame]| pair[1].timestamp_ns < pair[0].timestamp_ns;
            assert!(told.left.windows(2).any(is_earlier), "{engine}");
        }
    })
}

#[test]
fn a_capture_without_times_is_told() -> Result<()> {
    let fixture = Fixture::of(&slow(), Police::Purchased);
    let data = frame_of("8100:100 8100:20 ipv4 dscp=46 payload=1376")?;
    let capture = pcap(ETHERNET, &vec![captured(0, &data, 1_422); 100]);
    with_engines("a_capture_without_times_is_told", &fixture, "customer0", |engine, replay| {
        let replayed = replay(&capture);
        // The burst, and nothing after it.
        assert_eq!(with_reason(&replayed, "ok"), 50, "{engine}");
        let [warning] = &replayed.warnings[..] else { panic!("{:?}", replayed.warnings) };
        assert!(warning.contains("the same time"), "{warning}");
    })
}

#[test]
fn a_declared_frame_check_sequence_is_neither_counted_nor_written() -> Result<()> {
    const TEST: &str = "a_declared_frame_check_sequence_is_neither_counted_nor_written";
    let fixture = Fixture::new("drop");
    let sent = frame_of("8100:100 8100:20 ipv4 dscp=26 payload=76")?;
    let with_fcs = [&sent[..], b"FCS!"].concat();
    let capture = |link_type, frame: &[u8]| pcap(link_type, &[captured(BEGIN, frame, frame.len())]);
    with_engines(TEST, &fixture, "customer0", |engine, replay| {
        let bare = replay(&capture(ETHERNET, &sent));
        let declared = replay(&capture(0x2400_0001, &with_fcs));
        assert_eq!(declared.lines, bare.lines, "{engine}");
        assert_eq!(declared.left, bare.left, "{engine}");
        assert!(declared.warnings[0].contains("frame check sequence"), "{:?}", declared.warnings);
        // Undeclared, it is payload.
        assert_eq!(replay(&capture(ETHERNET, &with_fcs)).lines[0]["bytes"], 126);
    })
}
