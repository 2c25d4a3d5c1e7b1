//! Links that fail, change and come back: each change is in the status, in its text, in the log and in metrics,
//! and what the status says is what `ip` says.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use edge_api::PortStatus;
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, configure, detach, edge, set_bandwidth, status},
    faults::chance::Chance,
    frames::{frame, ipv4},
    http::{METRICS, at_the_address},
    wires::{PORTS, WIRES, Wires, config, port, wait_for_port, wait_until, wait_until_sound},
};
use edge_user::{
    config::sample::Sample,
    lab::{NetNs, private_mounts, root_or_skip},
};
use serde_json::Value;

const GBPS: u64 = 1_000_000_000;
/// Speed that veth tells.
const VETH_BPS: u64 = 10 * GBPS;
const LAB_MTU_BYTES: u64 = 1600;
const ALL: [usize; 2] = [0, 1];

fn plain() -> Sample {
    config(&PORTS, &WIRES).edge("metrics", METRICS.to_string())
}

/// The lines of the daemon about a port.
fn lines(daemon: &Daemon, port: &str, words: &str) -> usize {
    let port = format!("port \"{port}\"");
    daemon.said().lines().filter(|line| line.contains(&port) && line.contains(words)).count()
}

/// Waits for the daemon to have said this of a port, which it says once.
fn said_once(daemon: &Daemon, port: &str, words: &str) -> Result<()> {
    wait_until(|| lines(daemon, port, words) > 0)?;
    ensure!(lines(daemon, port, words) == 1, "{words}: {}", daemon.said());
    Ok(())
}

/// A sample of a port in a scrape; `None`: it has none.
fn sample(wires: &Wires, name: &str, port: &str) -> Result<Option<u64>> {
    let scrape = at_the_address(&wires.lab, "GET /metrics", &[], "")?.body;
    let begin = format!("edge_port_{name}{{port=\"{port}\"}} ");
    let value = scrape.lines().find_map(|line| line.strip_prefix(&begin));
    Ok(value.map(str::parse).transpose()?)
}

/// A scrape may have figures of up to a second before.
fn wait_for_sample(wires: &Wires, name: &str, port: &str, expected: Option<u64>) -> Result<()> {
    wait_until(|| sample(wires, name, port).is_ok_and(|value| value == expected))
        .with_context(|| format!("{name} of {port} is not {expected:?}"))
}

fn text(wires: &Wires) -> Result<String> {
    Ok(String::from_utf8(edge(&wires.lab, &["status"])?.stdout)?)
}

/// The line of a port in the table of links, without what it has of circuits.
fn link_line(text: &str, port: &str) -> Result<Vec<String>> {
    let table = text.lines().skip_while(|line| !line.contains("of speed"));
    let line = table.take_while(|line| !line.is_empty()).find(|line| line.trim().starts_with(port));
    let line = line.with_context(|| format!("no line of {port} in: {text}"))?;
    let words = line.split("  ").map(str::trim).filter(|word| !word.is_empty());
    Ok(words.map(str::to_owned).collect())
}

/// Whether the edge calls itself healthy.
fn is_healthy(wires: &Wires) -> Result<bool> {
    let answer = at_the_address(&wires.lab, "GET /healthz", &[], "")?;
    Ok(answer.status == 200)
}

fn has_words(words: &str) -> impl Fn(&PortStatus) -> bool {
    move |port| port.fault.as_ref().is_some_and(|fault| fault.contains(words))
}

#[test]
fn each_change_of_a_link_is_told_and_healed() -> Result<()> {
    if !root_or_skip("each_change_of_a_link_is_told_and_healed") {
        return Ok(());
    }
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    let daemon = Daemon::start(&wires.lab, &plain())?;
    wires.pass(&ALL)?;
    let sound = wait_until_sound("P1")?;
    assert_eq!((sound.is_up, sound.carrier), (Some(true), Some(true)));
    assert_eq!((sound.speed_bps, sound.sold_bps), (Some(VETH_BPS), 10 * GBPS));
    assert_eq!(sound.mtu_bytes, Some(LAB_MTU_BYTES));
    assert_eq!(sound.driver.as_deref(), Some("veth"));
    assert!(sound.rx_queues >= Some(1) && sound.tx_queues >= Some(1), "{sound:?}");
    assert_eq!(sound.warnings, [""; 0]);
    let line = link_line(&text(&wires)?, "P1")?;
    assert_eq!(line[..7], ["P1", "up", "10 Gbps", "10 Gbps", "100 %", "1600", "veth"]);
    for (name, expected) in [
        ("up", Some(1)),
        ("carrier", Some(1)),
        ("speed_bps", Some(VETH_BPS)),
        ("sold_bps", Some(10 * GBPS)),
        ("mtu_bytes", Some(LAB_MTU_BYTES)),
        ("carrier_changes_total", sound.carrier_changes),
    ] {
        wait_for_sample(&wires, name, "P1", expected)?;
    }
    assert!(is_healthy(&wires)?);

    // The cable is out: the interface is up, and nothing passes.
    let far = wires.lab.far_end("cust0")?.ns().clone();
    let far_link = |state| far.output("ip", &["link", "set", "eth0", state]);
    far_link("down")?;
    let unplugged = wait_for_port("P1", has_words("cust0 has no carrier"))?;
    assert_eq!((unplugged.is_up, unplugged.carrier), (Some(true), Some(false)));
    assert_eq!(unplugged.xdp_mode, "native");
    assert!(unplugged.carrier_changes > sound.carrier_changes, "{unplugged:?}");
    said_once(&daemon, "P1", "no carrier")?;
    wait_for_sample(&wires, "carrier", "P1", Some(0))?;
    wait_for_sample(&wires, "up", "P1", Some(1))?;
    assert!(!is_healthy(&wires)?);
    let shown = text(&wires)?;
    assert_eq!(link_line(&shown, "P1")?[1], "no carrier");
    assert!(shown.contains("! port P1: cust0 has no carrier, so no frame passes"), "{shown}");
    far_link("up")?;
    wait_until_sound("P1")?;
    // An end that was down says so, once.
    wires.is_quiet()?;
    wires.wait_for_far_end("cust0")?;
    said_once(&daemon, "P1", "its program runs on cust0")?;
    wires.pass(&ALL)?;
    assert!(is_healthy(&wires)?);

    // Somebody sets it down.
    wires.ip("link set core0 down")?;
    let down = wait_for_port("C1", has_words("core0 is down"))?;
    assert_eq!((down.is_up, down.carrier), (Some(false), Some(false)));
    said_once(&daemon, "C1", "core0 is down")?;
    wait_for_sample(&wires, "up", "C1", Some(0))?;
    assert_eq!(link_line(&text(&wires)?, "C1")?[1], "down");
    assert!(!is_healthy(&wires)?);
    wires.ip("link set core0 up")?;
    wait_until_sound("C1")?;
    wires.wait_for_far_end("core0")?;
    wires.pass(&ALL)?;

    // It is renamed, which is no reason to call the edge sick.
    wires.ip("link set cust1 name uplink0")?;
    wait_for_port("P2", |port| port.interface == "uplink0")?;
    said_once(&daemon, "P2", "cust1 is called uplink0 now")?;
    assert!(text(&wires)?.contains("! port P2: cust1 is called uplink0 now"));
    assert!(is_healthy(&wires)?);
    wires.pass(&ALL)?;
    wires.ip("link set uplink0 name cust1")?;
    wait_until_sound("P2")?;

    // It goes to another namespace, and comes back with another MTU.
    let elsewhere = NetNs::new()?;
    wires.ip(&format!("link set cust1 netns {}", elsewhere.path().display()))?;
    let gone = wait_for_port("P2", has_words("there is no interface cust1"))?;
    assert_eq!((gone.is_up, gone.carrier, gone.mtu_bytes), (None, None, None));
    assert_eq!((gone.speed_bps, gone.sold_bps), (None, 10 * GBPS));
    wait_for_sample(&wires, "up", "P2", Some(0))?;
    wait_for_sample(&wires, "mtu_bytes", "P2", None)?;
    assert_eq!(link_line(&text(&wires)?, "P2")?[..2], ["P2", "gone"]);
    let back = wires.lab.edge().path().display().to_string();
    elsewhere.output("ip", &["link", "set", "cust1", "mtu", "1604"])?;
    elsewhere.output("ip", &["link", "set", "cust1", "netns", &back])?;
    wires.ip("link set cust1 up")?;
    wait_until_sound("P2")?;
    wires.wait_for_far_end("cust1")?;
    said_once(&daemon, "P2", "cust1 has an MTU of 1604 now; before, 1600")?;
    wires.pass(&ALL)?;

    // Another one comes in its place.
    wires.ip("link del core1")?;
    wait_for_port("C2", has_words("there is no interface core1"))?;
    wires.cable_again("core1", None)?;
    let remade = wait_until_sound("C2")?;
    wait_for_port("C2", |port| port.speed_bps == Some(VETH_BPS))?;
    assert_eq!(remade.mtu_bytes, Some(LAB_MTU_BYTES));
    wires.pass(&ALL)?;

    wires.check_books()?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

/// A frame of one length, whose tags are both customers'.
fn frame_of(len_bytes: u16) -> Vec<u8> {
    frame(&[(0x8100, 100), (0x8100, 10)], 0x0800, &ipv4(0, len_bytes - 22))
}

#[test]
fn an_mtu_that_is_too_small_is_warned_of_while_it_is() -> Result<()> {
    if !root_or_skip("an_mtu_that_is_too_small_is_warned_of_while_it_is") {
        return Ok(());
    }
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    let daemon = Daemon::start(&wires.lab, &plain())?;
    wires.pass(&ALL)?;
    assert_eq!(wait_until_sound("P1")?.warnings, [""; 0]);
    wires.ip("link set core0 mtu 1400")?;
    let warned = wait_for_port("P1", |port| !port.warnings.is_empty())?;
    let words = "frames above 1418 bytes that come in by it can't leave by port \"C1\"";
    assert!(warned.warnings[0].contains(words), "{warned:?}");
    assert_eq!((warned.fault, warned.warnings.len()), (None, 1));
    assert_eq!(port("C1")?.mtu_bytes, Some(1400));
    wait_for_sample(&wires, "mtu_bytes", "C1", Some(1400))?;
    said_once(&daemon, "P1", words)?;
    said_once(&daemon, "C1", "core0 has an MTU of 1400 now; before, 1600")?;
    assert!(text(&wires)?.contains(&format!("! port P1: {words}")));
    // The sentence is true to the byte.
    let (from, to) = (wires.end(0, 0), wires.end(0, 1));
    for len_bytes in [1419, 1418] {
        from.sender.send(&frame_of(len_bytes))?;
    }
    let mut arrived = Vec::new();
    wait_until(|| {
        arrived.extend(to.take().unwrap_or_default());
        !arrived.is_empty()
    })?;
    assert_eq!(arrived.iter().map(Vec::len).collect::<Vec<_>>(), [1418]);
    let refused =
        status()?.circuits[0].peerings.iter().map(|own| own.total.refused_frames).sum::<u64>();
    assert_eq!(refused, 1);
    wires.ip("link set core0 mtu 1504")?;
    wait_for_port("P1", |port| port.warnings.is_empty())?;
    said_once(&daemon, "P1", &format!("no longer so: {words}"))?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

#[test]
fn more_sold_than_a_link_carries_is_warned_of() -> Result<()> {
    if !root_or_skip("more_sold_than_a_link_carries_is_warned_of") {
        return Ok(());
    }
    private_mounts()?;
    let wires = Wires::new(&[])?;
    let much = plain().change_circuit("alpha", |circuit| circuit.key("bandwidth", "16 Gbps"));
    let words = "16 Gbps are sold on it, and cust0 runs at 10 Gbps";
    configure(&much)?;
    let checked = edge(&wires.lab, &["check", "-c", CONFIG_PATH])?;
    assert_eq!(checked.status.code(), Some(0));
    let (out, err) = (String::from_utf8(checked.stdout)?, String::from_utf8(checked.stderr)?);
    assert!(out.starts_with("ok: ") && out.lines().count() == 1, "{out}");
    assert!(err.contains(&format!("warning: port \"P1\": {words}")), "{err}");
    assert!(err.contains("port \"C1\"") && !err.contains("port \"P2\""), "{err}");
    // On a machine without these interfaces, nobody knows their speed.
    let other = NetNs::new()?;
    let checked = other.command(edge_tests::daemon::edge_binary());
    let checked = { checked }.args(["check", "-c", CONFIG_PATH]).output()?;
    assert_eq!(String::from_utf8(checked.stderr)?, "");

    let daemon = Daemon::start(&wires.lab, &much)?;
    let over = wait_until_sound("P1")?;
    assert_eq!((over.sold_bps, over.speed_bps), (16 * GBPS, Some(VETH_BPS)));
    assert!(over.warnings[0].contains(words), "{over:?}");
    assert_eq!(port("P2")?.warnings, [""; 0]);
    said_once(&daemon, "P1", words)?;
    let shown = text(&wires)?;
    assert_eq!(link_line(&shown, "P1")?[3..5], ["16 Gbps", "160 %"]);
    assert!(shown.contains(&format!("! port P1: {words}")), "{shown}");
    set_bandwidth("alpha", 4 * GBPS)?;
    let under = port("P1")?;
    assert_eq!((under.sold_bps, under.warnings), (4 * GBPS, Vec::new()));
    wait_until(|| lines(&daemon, "P1", "no longer so: 16 Gbps are sold") == 1)?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

#[test]
fn a_link_that_flaps_does_not_flood_the_log() -> Result<()> {
    const FLAPS: u64 = 60;
    if !root_or_skip("a_link_that_flaps_does_not_flood_the_log") {
        return Ok(());
    }
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    let daemon = Daemon::start(&wires.lab, &plain())?;
    wires.pass(&ALL)?;
    let before = wait_until_sound("P1")?.carrier_changes.context("a count")?;
    let far = wires.lab.far_end("cust0")?.ns().clone();
    for _ in 0..FLAPS {
        far.output("ip", &["link", "set", "eth0", "down"])?;
        far.output("ip", &["link", "set", "eth0", "up"])?;
    }
    let after = wait_until_sound("P1")?.carrier_changes.context("a count")?;
    assert_eq!(after - before, 2 * FLAPS, "each loss and each return is one change");
    wires.is_quiet()?;
    wires.wait_for_far_end("cust0")?;
    wires.pass(&ALL)?;
    // The daemon has looked at least once more after that.
    wait_for_sample(&wires, "carrier", "P1", Some(1))?;
    let told = lines(&daemon, "P1", "");
    assert!((1..=30).contains(&told), "{told} lines: {}", daemon.said());
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

/// An interface of the lab, as a test has left it.
struct Cable {
    port: &'static str,
    /// The name by the configuration.
    name: &'static str,
    /// The name that it has now, while it is in the edge's namespace.
    now: Option<String>,
}

/// Random changes of all links, in any order and at any speed: after each few, the status is as `ip` has it, and
/// at the end all frames pass. An interface that comes anew keeps its name until its port has it: by another one,
/// no port would know it.
#[test]
fn after_any_changes_the_status_is_as_ip_has_it() -> Result<()> {
    const CHANGES: u64 = 60;
    if !root_or_skip("after_any_changes_the_status_is_as_ip_has_it") {
        return Ok(());
    }
    private_mounts()?;
    let seed = std::env::var("EDGE_FAULT_SEED").map_or(Ok(14), |seed| seed.parse())?;
    let mut chance = Chance::new(seed);
    let mut wires = Wires::new(&[])?;
    let daemon = Daemon::start(&wires.lab, &plain())?;
    wires.pass(&ALL)?;
    let elsewhere = NetNs::new()?;
    let mut cables = PORTS.map(|(port, name)| Cable { port, name, now: Some(name.to_owned()) });
    for number in 0..CHANGES {
        let cable = &mut cables[usize::try_from(chance.below(4))?];
        change(&mut wires, &elsewhere, cable, &mut chance)
            .with_context(|| format!("change {number} of seed {seed}"))?;
        if chance.percent(30) {
            agree(&wires, &cables).with_context(|| format!("change {number} of seed {seed}"))?;
        }
    }
    for cable in &mut cables {
        heal(&mut wires, &elsewhere, cable)?;
    }
    for (port, interface) in PORTS {
        wait_until_sound(port)?;
        wires.wait_for_far_end(interface)?;
    }
    agree(&wires, &cables)?;
    wires.is_quiet()?;
    wires.pass(&ALL)?;
    wires.check_books()?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

fn change(
    wires: &mut Wires,
    elsewhere: &NetNs,
    cable: &mut Cable,
    chance: &mut Chance,
) -> Result<()> {
    let Some(now) = cable.now.clone() else { return heal(wires, elsewhere, cable) };
    match chance.below(8) {
        0 => wires.ip(&format!("link set {now} down")).map(drop),
        1 => wires.ip(&format!("link set {now} up")).map(drop),
        number @ (2 | 3) => {
            let state = if number == 2 { "down" } else { "up" };
            let far = wires.lab.far_end(cable.name)?.ns();
            far.output("ip", &["link", "set", "eth0", state]).map(drop)
        }
        4 => wires.ip(&format!("link set {now} mtu {}", 1504 + chance.below(300))).map(drop),
        5 => {
            let other =
                if now == cable.name { format!("{}x", cable.name) } else { cable.name.into() };
            wires.ip(&format!("link set {now} name {other}"))?;
            cable.now = Some(other);
            Ok(())
        }
        6 => {
            // It comes back by the configuration's name.
            wires.ip(&format!("link set {now} netns {}", elsewhere.path().display()))?;
            if now != cable.name {
                elsewhere.output("ip", &["link", "set", &now, "name", cable.name])?;
            }
            cable.now = None;
            Ok(())
        }
        _ => {
            wires.ip(&format!("link del {now}"))?;
            wires.cable_again(cable.name, None)?;
            cable.now = Some(cable.name.to_owned());
            wait_for_port(cable.port, |port| port.xdp_mode != "none").map(drop)
        }
    }
}

/// Brings an interface back, with its name, its MTU and a carrier.
fn heal(wires: &mut Wires, elsewhere: &NetNs, cable: &mut Cable) -> Result<()> {
    let name = cable.name;
    match cable.now.take() {
        None => {
            let back = wires.lab.edge().path().display().to_string();
            elsewhere.output("ip", &["link", "set", name, "netns", &back])?;
        }
        Some(now) if now != name => wires.ip(&format!("link set {now} name {name}")).map(drop)?,
        Some(_) => {}
    }
    wires.ip(&format!("link set {name} up mtu {LAB_MTU_BYTES}"))?;
    let far = wires.lab.far_end(name)?.ns();
    far.output("ip", &["link", "set", "eth0", "up"])?;
    cable.now = Some(name.to_owned());
    wait_for_port(cable.port, |port| port.xdp_mode != "none").map(drop)
}

/// The properties that both the status and `ip` tell: up, carrier, MTU; `None`: there is no such interface.
type Seen = Option<(bool, bool, u64)>;

/// Waits until the status has each port as `ip` has its interface.
fn agree(wires: &Wires, cables: &[Cable]) -> Result<()> {
    let compare = || -> Result<[BTreeMap<&'static str, Seen>; 2]> {
        let links: Vec<Value> = serde_json::from_str(&wires.ip("-json link")?)?;
        let expected = cables.iter().map(|cable| {
            let link = links.iter().find(|link| link["ifname"].as_str() == cable.now.as_deref());
            (cable.port, cable.now.as_ref().and(link).map(by_ip))
        });
        let expected = expected.collect();
        let ports = status()?.ports;
        let told = cables.iter().filter_map(|cable| {
            let port = ports.iter().find(|port| port.name == cable.port)?;
            Some((cable.port, port.is_up.zip(port.carrier).zip(port.mtu_bytes)))
        });
        let told =
            told.map(|(port, seen)| (port, seen.map(|((up, carrier), mtu)| (up, carrier, mtu))));
        Ok([expected, told.collect()])
    };
    wait_until(|| compare().is_ok_and(|[expected, told]| expected == told))
        .with_context(|| format!("expected and told: {:#?}", compare()))
}

fn by_ip(link: &Value) -> (bool, bool, u64) {
    let flags = link["flags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let flags: Vec<&str> = flags.collect();
    let mtu_bytes = link["mtu"].as_u64().unwrap_or_default();
    (flags.contains(&"UP"), flags.contains(&"LOWER_UP"), mtu_bytes)
}
