//! `edge set-bandwidth` under load: the rate before and after, lost frames, and the saved file.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    process::Output,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use edge_api::{CircuitStatus, Counters};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, configure, detach, edge, reload, set_bandwidth, status},
    ends::{Ends, lab},
    frames::{frame, ipv4},
    guest::is_emulated,
};
use edge_user::lab::{IpFamily, Lab, RunningTraffic, TagStack, root_or_skip, udp};

const WAIT: Duration = Duration::from_secs(5);
const CONTOSO: &str = "contoso";
/// Its burst is in bytes.
const FABRIKAM: &str = "fabrikam";
const HIGH_BPS: u64 = 2_000_000;
const LOW_BPS: u64 = 200_000;
/// With comments, which a saved bandwidth leaves as they are.
const CONFIG: &str = r#"# the lab's
[edge]
name = "lab"
metrics = "127.0.0.1:0"
[[port]]
name = "customer0"
interface = "customer0"
side = "customer"
forward = "core0"
[[port]]
name = "core0"
interface = "core0"
side = "core"
forward = "customer0"

[[circuit]]
name = "contoso"
bandwidth = "50 Mbps" # as ordered
s_tag = 100
  [[circuit.peering]]
  kind = "private"
  c_tag = 10

[[circuit]]
name = "fabrikam"
bandwidth = "2 Mbps"
burst = 130000
s_tag = 200
  [[circuit.peering]]
  kind = "private"
  c_tag = 10

[[circuit]]
name = "tailspin"
bandwidth = "1 Gbps"
s_tag = 300
  [[circuit.peering]]
  kind = "private"
  c_tag = 10
  bandwidth = "2 Mbps"
  [[circuit.peering]]
  kind = "microsoft"
  c_tag = 20
  qos = "limited"

[qos.limited]
classes = [{ name = "all", dscp = ["default"], bandwidth = "2 Mbps" }]
"#;

#[test]
fn what_passes_is_the_new_rate_at_once() -> Result<()> {
    if !root_or_skip("what_passes_is_the_new_rate_at_once") {
        return Ok(());
    }
    let mut lab = lab(1600)?;
    let daemon = Daemon::start(&lab, CONFIG)?;
    let _flood = flood(&mut lab, [100, 10], 300_000_000)?;
    // The burst of the start is gone by then.
    thread::sleep(Duration::from_millis(500));
    check_rate(CONTOSO, 50_000_000)?;
    for bandwidth_bps in [200_000_000, 50_000_000, 100_000_000] {
        let change = set_bandwidth(CONTOSO, bandwidth_bps)?;
        assert_eq!(change.burst_bytes[1], bandwidth_bps / 320, "25 ms");
        check_rate(CONTOSO, bandwidth_bps)?;
        assert_eq!(circuit(CONTOSO)?.bandwidth_bps, bandwidth_bps);
    }
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn a_stream_below_the_rates_loses_no_frame_over_many_changes() -> Result<()> {
    if !root_or_skip("a_stream_below_the_rates_loses_no_frame_over_many_changes") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, CONFIG)?;
    let ends = Ends::open(&lab)?;
    let sent = [100, 200].map(|s_tag| frame(&tags(s_tag), 0x0800, &ipv4(0, 100)));
    let frames = 4000;
    let all_sent = AtomicBool::new(false);
    let changes = thread::scope(|scope| -> Result<usize> {
        // 2 Mbps in all; on each circuit at most half of that.
        let sender = scope.spawn(|| -> Result<()> {
            for number in 0..frames {
                ends.customer.0.send(&sent[number % 2])?;
                thread::sleep(Duration::from_micros(500));
            }
            Ok(())
        });
        let reloader = scope.spawn(|| -> Result<()> {
            while !all_sent.load(Ordering::Relaxed) {
                reload()?;
                status()?;
                thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        });
        let mut changes = 0;
        while !sender.is_finished() {
            // More rates than there is room for, were they all kept.
            set_bandwidth(CONTOSO, [50_000_000, 200_000_000][changes % 2] + changes as u64)?;
            set_bandwidth(FABRIKAM, [2_000_000, 900_000_000][changes % 2])?;
            changes += 1;
        }
        all_sent.store(true, Ordering::Relaxed);
        reloader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(changes)
    })?;
    let least = if is_emulated() { 3 } else { 50 };
    assert!(changes > least, "there were only {changes} changes");
    assert_eq!(ends.core.1.collect(frames, WAIT)?.len(), frames, "over {changes} changes");
    for name in [CONTOSO, FABRIKAM] {
        let Counters { forwarded_frames, dropped_frames, .. } = inbound(name)?;
        assert_eq!((forwarded_frames, dropped_frames), (frames as u64 / 2, 0), "{name}");
    }
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// A burst in bytes takes as much longer as the rate is lower.
#[test]
fn buckets_stay_as_full_as_they_are() -> Result<()> {
    if !root_or_skip("buckets_stay_as_full_as_they_are") {
        return Ok(());
    }
    let mut lab = lab(1600)?;
    let daemon = Daemon::start(&lab, CONFIG)?;

    // With its burst free: the default class has 60 % of 130,000 bytes, and all of that at once.
    let ends = Ends::open(&lab)?;
    let sent = frame(&tags(200), 0x0800, &ipv4(0, 1000));
    set_bandwidth(FABRIKAM, LOW_BPS)?;
    set_bandwidth(FABRIKAM, HIGH_BPS)?;
    for _ in 0..70 {
        ends.customer.0.send(&sent)?;
    }
    assert_eq!(ends.core.1.collect(70, WAIT)?.len(), 70);

    // With its burst used up, which every lowering could make free again: 70 KB each.
    let tags = [[200, 10], [300, 10], [300, 20]];
    let flood = |tags| flood(&mut lab, tags, 20_000_000);
    let _floods = tags.into_iter().map(flood).collect::<Result<Vec<_>>>()?;
    thread::sleep(Duration::from_millis(500));
    let before = (inbound(FABRIKAM)?, Instant::now());
    for _ in 0..20 {
        set_bandwidth(FABRIKAM, LOW_BPS)?;
        thread::sleep(Duration::from_millis(20));
        set_bandwidth(FABRIKAM, HIGH_BPS)?;
        thread::sleep(Duration::from_millis(5));
    }
    check_no_gift(before)?;

    // A reload is no other, of the limits of a peering and of a class either.
    let before = (all_inbound()?, Instant::now());
    for bandwidth in ["200 kbps", "2 Mbps"].repeat(5) {
        configure(&CONFIG.replace("2 Mbps", bandwidth))?;
        reload()?;
    }
    let (after, most_bytes) = (all_inbound()?, most_bytes(before.1));
    for (what, after) in after.iter().filter(|(what, _)| !what.starts_with(CONTOSO)) {
        let passed_bytes = after.forwarded_bytes - before.0[what].forwarded_bytes;
        assert!(passed_bytes <= most_bytes, "{what}: {passed_bytes} bytes of {most_bytes}");
        assert!(passed_bytes > 0, "{what}");
    }

    // Nor is so much used that the circuit has to wait for its use at the low rate.
    set_bandwidth(FABRIKAM, LOW_BPS)?;
    set_bandwidth(FABRIKAM, 10_000_000)?;
    check_rate(FABRIKAM, 10_000_000)?;
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn the_command_tells_what_it_did_and_saves_it_where_asked() -> Result<()> {
    if !root_or_skip("the_command_tells_what_it_did_and_saves_it_where_asked") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, CONFIG)?;
    let told = |arguments: &[&str]| -> Result<(i32, String, String)> {
        let Output { status, stdout, stderr } =
            edge(&lab, &[&["set-bandwidth"], arguments].concat())?;
        let code = status.code().context("it was killed")?;
        Ok((code, String::from_utf8(stdout)?, String::from_utf8(stderr)?))
    };
    let done = |out: &str| (0, out.to_owned(), String::new());
    for (arguments, why) in [
        ([CONTOSO, "fast"], "number"),
        ([CONTOSO, "900 Gbps"], "800 Gbps"),
        (["contosso", "1 Gbps"], "did you mean \"contoso\"?"),
        // 16.25 s for 130,000 bytes.
        ([FABRIKAM, "64 kbps"], "`burst` is longer than 16 s"),
    ] {
        let (code, out, err) = told(&[&arguments[..], &["--save"]].concat())?;
        assert_eq!((code, &*out), (2, ""), "{arguments:?}: {err}");
        assert!(err.starts_with("error: ") && err.contains(why), "{arguments:?}: {err}");
    }
    assert_eq!(fs::read_to_string(CONFIG_PATH)?, CONFIG);
    assert_eq!(circuit(CONTOSO)?.bandwidth_bps, 50_000_000);

    let out = "contoso: 50 Mbps -> 200 Mbps, burst 156250 -> 625000 bytes\n";
    assert_eq!(told(&[CONTOSO, "200 Mbps"])?, done(out));
    let out = "fabrikam: 2 Mbps -> 3 Mbps, burst 130000 bytes\n";
    assert_eq!(told(&[FABRIKAM, "3000000"])?, done(out));
    assert_eq!(circuit(CONTOSO)?.bandwidth_bps, 200_000_000);
    assert_eq!(fs::read_to_string(CONFIG_PATH)?, CONFIG);

    // A bandwidth that is not saved goes with a reload.
    let out = "contoso: 200 Mbps -> 2.5 Gbps, burst 625000 -> 7812500 bytes\n\
               saved to /run/edge/edge.toml\n";
    assert_eq!(told(&[CONTOSO, "2.5 Gbps", "--save"])?, done(out));
    let saved = CONFIG.replace("50 Mbps", "2.5 Gbps");
    assert_eq!(fs::read_to_string(CONFIG_PATH)?, saved);
    assert!(edge(&lab, &["check", "-c", CONFIG_PATH])?.status.success());
    reload()?;
    assert_eq!(circuit(CONTOSO)?.bandwidth_bps, 2_500_000_000);
    assert_eq!(circuit(FABRIKAM)?.bandwidth_bps, 2_000_000);

    // A file that can't be saved changes nothing.
    configure(&saved.replace("s_tag = 200", "s_tag = 100"))?;
    let (code, _, err) = told(&[CONTOSO, "1 Gbps", "--save"])?;
    assert_eq!(code, 2, "{err}");
    assert!(err.starts_with("/run/edge/edge.toml:") && err.contains("error: "), "{err}");
    fs::remove_file(CONFIG_PATH)?;
    let elsewhere = "/run/edge/elsewhere.toml";
    symlink(elsewhere, CONFIG_PATH)?;
    let (code, _, err) = told(&[CONTOSO, "1 Gbps", "--save"])?;
    assert_eq!(code, 2, "{err}");
    assert_eq!(circuit(CONTOSO)?.bandwidth_bps, 2_500_000_000);

    fs::write(elsewhere, &saved)?;
    let (code, out, err) = told(&[CONTOSO, "1 Gbps", "--save"])?;
    assert_eq!((code, out.ends_with("saved to /run/edge/elsewhere.toml\n")), (0, true), "{err}");
    assert_eq!(fs::read_to_string(elsewhere)?, CONFIG.replace("50 Mbps", "1 Gbps"));
    assert!(fs::symlink_metadata(CONFIG_PATH)?.is_symlink());
    daemon.stop()?;
    let daemon = Daemon::start(&lab, CONFIG)?;
    assert_eq!(circuit(CONTOSO)?.bandwidth_bps, 50_000_000);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// As the flood's, at another priority.
fn tags(s_vid: u16) -> [(u16, u16); 2] {
    [(0x88a8, s_vid), (0x8100, 10)]
}

/// UDP from the customer for longer than any test.
fn flood(
    lab: &mut Lab,
    [s_vid, c_vid]: [u16; 2],
    rate_bps: u64,
) -> Result<RunningTraffic<udp::UdpReport>> {
    let path = lab.join("customer0", "core0", TagStack::qinq(s_vid, c_vid))?;
    let load = udp::UdpLoad {
        family: IpFamily::V4,
        traffic_class: 0,
        frame_bytes: 1000,
        rate_bps,
        duration: Duration::from_mins(1),
    };
    udp::start(&path, load)
}

/// Checks the rate at which frames pass from now on.
fn check_rate(name: &str, expected_bps: u64) -> Result<()> {
    let (before, started) = (inbound(name)?, Instant::now());
    thread::sleep(Duration::from_secs(1));
    let (after, elapsed) = (inbound(name)?, started.elapsed());
    let passed_bytes = after.forwarded_bytes - before.forwarded_bytes;
    let expected_bytes = bytes(expected_bps, elapsed);
    assert!(
        passed_bytes.abs_diff(expected_bytes) * 20 <= expected_bytes,
        "{passed_bytes} bytes of {name} in {elapsed:?} instead of {expected_bytes}",
    );
    Ok(())
}

/// No more has passed than the higher rate allows, but for a part of one burst.
fn check_no_gift((before, started): (Counters, Instant)) -> Result<()> {
    let passed_bytes = inbound(FABRIKAM)?.forwarded_bytes - before.forwarded_bytes;
    let most_bytes = most_bytes(started);
    assert!(passed_bytes <= most_bytes, "{passed_bytes} bytes instead of {most_bytes} at most");
    Ok(())
}

/// The most bytes that may pass from `started` to now.
fn most_bytes(started: Instant) -> u64 {
    bytes(HIGH_BPS, started.elapsed()) + 20_000
}

fn bytes(rate_bps: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(rate_bps) * time.as_nanos() / 8_000_000_000).unwrap_or(u64::MAX)
}

fn circuit(name: &str) -> Result<CircuitStatus> {
    let mut circuits = status()?.circuits.into_iter();
    circuits.find(|circuit| circuit.name == name).with_context(|| format!("no circuit {name}"))
}

/// The inbound counters, by circuit and peering.
fn all_inbound() -> Result<BTreeMap<String, Counters>> {
    let circuits = status()?.circuits.into_iter();
    let peerings = circuits.flat_map(|circuit| {
        let inbound = circuit.peerings.into_iter().filter(|own| own.direction == "inbound");
        inbound.map(move |own| (format!("{} {}", circuit.name, own.kind), own.total))
    });
    Ok(peerings.collect())
}

fn inbound(name: &str) -> Result<Counters> {
    let mut peerings = circuit(name)?.peerings.into_iter();
    let inbound = peerings.find(|peering| peering.direction == "inbound");
    Ok(inbound.context("the circuit has a customer port")?.total)
}
