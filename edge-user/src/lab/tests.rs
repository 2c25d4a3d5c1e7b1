//! The lab with a plain wire for an edge. A wrong count of the lab itself shows here, where no edge
//! can be the cause.

use std::{os::unix::process::ExitStatusExt as _, thread, time::Duration};

use anyhow::Result;

use super::{
    Bounce, IpFamily, Lab, NetNs, Path, TagStack, WireCount,
    raw::{RawCollector, RawSender},
    root_or_skip,
    tcp::{self, TcpLoad},
    udp::{self, UdpLoad},
};

const LIMIT: Duration = Duration::from_secs(5);
const RUN: Duration = Duration::from_millis(700);
/// TCP takes all of both CPUs, and there are twelve of these.
const TCP_RUN: Duration = Duration::from_millis(300);

/// The shortest tagged frame that the stack lets through.
const SHORTEST_BYTES: usize = 20;

fn wired() -> Result<(Lab, Bounce)> {
    let lab = Lab::new(&["cust0", "core0"])?;
    let bounce = Bounce::between(&lab, "cust0", "core0")?;
    Ok((lab, bounce))
}

/// Asserts that all that one end sent reached the other, key by key, both ways. Where a cable had
/// no room for some frames, on a busy machine, their number has to make up the difference.
fn assert_nothing_lost(lab: &Lab) -> Result<()> {
    assert!(lab.settle(LIMIT)?);
    for (from, to) in [("cust0", "core0"), ("core0", "cust0")] {
        let (offered, received) = (lab.far_end(from)?.offered()?, lab.far_end(to)?.received()?);
        match lab.overrun_frames(to)? {
            0 => assert_eq!(offered, received, "{from} to {to}"),
            overrun => assert_eq!(
                offered.total().frames,
                received.total().frames + overrun,
                "{from} to {to}, {overrun} of them overrun"
            ),
        }
    }
    Ok(())
}

fn tcp_both_ways(lab: &Lab, path: &Path, family: IpFamily, dscp: u8) -> Result<()> {
    let (s_vid, c_vid) = path.tags.vids();
    for path in [path.clone(), path.reversed()] {
        let report = tcp::start(&path, TcpLoad { family, dscp, duration: TCP_RUN })?.join()?;
        println!("{:?} {family:?}: {:.3} Gbit/s", path.tags, report.goodput_bps() / 1e9);
        assert!(report.received_bytes > 1 << 20, "{report:?}");
        assert_eq!(report.sent_bytes, report.received_bytes);
    }
    assert_nothing_lost(lab)?;
    let seen = lab.far_end("core0")?.received()?;
    assert!(seen.tagged(s_vid, c_vid).frames > 0);
    assert_eq!(seen.total(), seen.sum(|key| key.dscp() == Some(dscp)));
    Ok(())
}

#[test]
fn tcp_crosses_the_lab_under_two_tags_and_under_one() -> Result<()> {
    if !root_or_skip("tcp_crosses_the_lab_under_two_tags_and_under_one") {
        return Ok(());
    }
    let stacks = [TagStack::qinq(100, 10), TagStack::dot1q(300), TagStack::default()];
    for tags in stacks {
        for family in [IpFamily::V4, IpFamily::V6] {
            let (mut lab, _bounce) = wired()?;
            let path = lab.join("cust0", "core0", tags)?;
            tcp_both_ways(&lab, &path, family, 46)?;
        }
    }
    Ok(())
}

#[test]
fn udp_is_offered_at_its_rate_and_counted_to_the_byte() -> Result<()> {
    if !root_or_skip("udp_is_offered_at_its_rate_and_counted_to_the_byte") {
        return Ok(());
    }
    let (mut lab, _bounce) = wired()?;
    let path = lab.join("cust0", "core0", TagStack::qinq(100, 10))?;
    for (frame_bytes, rate_bps) in [(1522, 200_000_000), (64, 20_000_000)] {
        let before = lab.far_end("core0")?.received()?;
        let load = UdpLoad {
            family: IpFamily::V4,
            traffic_class: 26 << 2 | 2,
            frame_bytes,
            rate_bps,
            duration: RUN,
        };
        let report = udp::start(&path, load)?.join()?;
        assert_nothing_lost(&lab)?;
        let seen = lab.far_end("core0")?.received()?.since(&before);
        let sent = WireCount { frames: report.frames, bytes: report.bytes };
        assert_eq!(seen.total(), sent);
        assert_eq!(seen.sum(|key| key.dscp() == Some(26) && key.ecn() == Some(2)), sent);
        assert_eq!(seen.tagged(100, 10), sent);
        let due = u128::from(rate_bps) * RUN.as_millis() / 8000;
        let share_percent = u128::from(report.bytes) * 100 / due;
        assert!((90..=110).contains(&share_percent), "{report:?}");
    }
    Ok(())
}

/// A frame under these tags, filled up to a length.
fn frame(tags: &[(u16, u16)], len_bytes: usize) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for (tpid, tci) in tags {
        frame.extend(tpid.to_be_bytes());
        frame.extend(tci.to_be_bytes());
    }
    frame.extend([0x88, 0xb5]);
    for byte in frame.len()..len_bytes {
        frame.push(byte.to_le_bytes()[0]);
    }
    frame
}

#[test]
fn raw_frames_arrive_as_they_were_sent() -> Result<()> {
    if !root_or_skip("raw_frames_arrive_as_they_were_sent") {
        return Ok(());
    }
    let (lab, _bounce) = wired()?;
    let stacks: [&[(u16, u16)]; 6] = [
        &[],
        &[(0x8100, 0x0064)],
        &[(0x88a8, 0xf064), (0x8100, 0xb00a)],
        &[(0x88a8, 0x0fff), (0x88a8, 0x0000)],
        &[(0x9100, 0x0001), (0x8100, 0x0002)],
        &[(0x8100, 0x0000), (0x8100, 0x0001), (0x8100, 0x0002)],
    ];
    for (from, to) in [("cust0", "core0"), ("core0", "cust0")] {
        let (from, to) = (lab.far_end(from)?, lab.far_end(to)?);
        let sender = RawSender::open(from.ns(), from.interface())?;
        let collector = RawCollector::open(to.ns(), to.interface())?;
        for tags in stacks {
            // Fewer at a time than wait in a veth pair's ring.
            let least = SHORTEST_BYTES.max(14 + 4 * tags.len());
            for lengths in [60..160, 1400..1522, 1522..1523, least..60] {
                let frames: Vec<_> = lengths.map(|len_bytes| frame(tags, len_bytes)).collect();
                for frame in &frames {
                    sender.send(frame)?;
                }
                assert!(collector.collect(frames.len(), LIMIT)? == frames, "{tags:x?}");
            }
        }
    }
    assert_nothing_lost(&lab)
}

#[test]
fn an_idle_lab_is_silent() -> Result<()> {
    if !root_or_skip("an_idle_lab_is_silent") {
        return Ok(());
    }
    let (mut lab, _bounce) = wired()?;
    lab.join("cust0", "core0", TagStack::qinq(100, 10))?;
    thread::sleep(Duration::from_secs(3));
    for port in ["cust0", "core0"] {
        assert_eq!(lab.far_end(port)?.offered()?.total(), WireCount::default());
        assert_eq!(lab.far_end(port)?.received()?.total(), WireCount::default());
    }
    Ok(())
}

#[test]
fn many_paths_share_a_lab() -> Result<()> {
    if !root_or_skip("many_paths_share_a_lab") {
        return Ok(());
    }
    let (mut lab, _bounce) = wired()?;
    let paths = (1..=20)
        .map(|vid| lab.join("cust0", "core0", TagStack::qinq(100 + vid, vid)))
        .collect::<Result<Vec<_>>>()?;
    let load = UdpLoad {
        family: IpFamily::V6,
        traffic_class: 0,
        frame_bytes: 200,
        rate_bps: 1_000_000,
        duration: RUN,
    };
    let running = paths.iter().map(|path| udp::start(path, load)).collect::<Result<Vec<_>>>()?;
    let reports =
        running.into_iter().map(super::RunningTraffic::join).collect::<Result<Vec<_>>>()?;
    assert_nothing_lost(&lab)?;
    let seen = lab.far_end("core0")?.received()?;
    for (path, report) in paths.iter().zip(reports) {
        let (s_vid, c_vid) = path.tags.vids();
        assert_eq!(seen.tagged(s_vid, c_vid).frames, report.frames);
    }
    Ok(())
}

#[test]
fn what_a_full_cable_drops_is_accounted_for() -> Result<()> {
    if !root_or_skip("what_a_full_cable_drops_is_accounted_for") {
        return Ok(());
    }
    let (mut lab, _bounce) = wired()?;
    let path = lab.join("cust0", "core0", TagStack::qinq(100, 10))?;
    let stream = TcpLoad { family: IpFamily::V4, dscp: 46, duration: RUN };
    let flood = UdpLoad {
        family: IpFamily::V4,
        traffic_class: 0,
        frame_bytes: 200,
        rate_bps: 10_000_000_000,
        duration: RUN,
    };
    let streams = [tcp::start(&path, stream)?, tcp::start(&path.reversed(), stream)?];
    let floods = [udp::start(&path, flood)?, udp::start(&path.reversed(), flood)?];
    for stream in streams {
        stream.join()?;
    }
    for flood in floods {
        flood.join()?;
    }
    assert!(lab.settle(LIMIT)?);
    for (from, to) in [("cust0", "core0"), ("core0", "cust0")] {
        let offered = lab.far_end(from)?.offered()?.total().frames;
        let received = lab.far_end(to)?.received()?.total().frames;
        assert_eq!(offered, received + lab.overrun_frames(to)?, "{from} to {to}");
    }
    Ok(())
}

#[test]
fn commands_run_inside_and_end_with_their_thread() -> Result<()> {
    if !root_or_skip("commands_run_inside_and_end_with_their_thread") {
        return Ok(());
    }
    let ns = NetNs::new()?;
    let links = ns.output("ip", &["-o", "link"])?;
    assert_eq!(links.lines().count(), 1, "{links}");
    assert!(links.contains("lo:") && links.contains("UP"), "{links}");
    let spawner = thread::spawn(move || ns.command("sleep").arg("600").spawn());
    let mut sleep = spawner.join().expect("the thread only spawns")?;
    let ended = sleep.wait()?;
    assert_eq!(ended.signal(), Some(libc::SIGTERM));
    Ok(())
}

#[test]
fn dropping_traffic_ends_it_and_dropping_a_lab_ends_all() -> Result<()> {
    if !root_or_skip("dropping_traffic_ends_it_and_dropping_a_lab_ends_all") {
        return Ok(());
    }
    let (mut lab, _bounce) = wired()?;
    let path = lab.join("cust0", "core0", TagStack::qinq(100, 10))?;
    let load = TcpLoad { family: IpFamily::V4, dscp: 0, duration: Duration::from_mins(10) };
    let running = tcp::start(&path, load)?;
    thread::sleep(Duration::from_millis(100));
    let start = std::time::Instant::now();
    drop(running);
    drop(lab);
    assert!(start.elapsed() < Duration::from_secs(2));
    Ok(())
}
