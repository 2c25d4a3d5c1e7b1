//! Frames that are forwarded and then refused by the device that they were to leave by: nobody is
//! billed for them, and everybody can see them.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use edge_api::{CircuitStatus, PeeringStatus, Status};
use edge_tests::{
    books::frames,
    daemon::{Daemon, configure, detach, reload, status},
    ends::{Ends, lab},
    two_ways::TwoWays,
    wires::{self, PORTS, WIRES, Wires, wait_for_port, wait_until_sound},
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::{Bounce, Lab, NetNs, private_mounts, root_or_skip},
};

const WAIT: Duration = Duration::from_secs(5);
/// Long enough for frames that nobody takes to have been refused.
const QUIET: Duration = Duration::from_millis(200);

fn config() -> Sample {
    let contoso = SampleCircuit::new("contoso", "10 Gbps")
        .s_tag(100)
        .peering("private", 10)
        .of_peering("private", "dscp", "trust")
        .peering("microsoft", 20);
    let fabrikam = SampleCircuit::new("fabrikam", "10 Gbps").key("accounting", "l1");
    Sample::lab().circuits([contoso, fabrikam.peering("private", 300)])
}

#[test]
fn what_a_device_refuses_is_not_forwarded() -> Result<()> {
    if !root_or_skip("what_a_device_refuses_is_not_forwarded") {
        return Ok(());
    }
    for mode in ["native", "generic"] {
        let lab = lab(1600)?;
        let daemon = Daemon::start(&lab, &config().xdp_mode(mode))?;
        refused(&lab, mode)?;
        daemon.stop()?;
        detach(&lab)?;
    }
    Ok(())
}

fn refused(lab: &Lab, mode: &str) -> Result<()> {
    let ends = Ends::open(lab)?;
    let send = |rounds: usize| -> Result<()> {
        for _ in 0..rounds {
            frames()?.iter().try_for_each(|frame| ends.customer.0.send(frame))?;
        }
        Ok(())
    };
    send(5)?;
    assert_eq!(ends.core.1.collect(20, WAIT)?.len(), 20);
    check(&status()?, 5, 0, mode)?;

    // The device is down: the kernel takes no frame for it.
    let ip = |arguments: &[&str]| lab.edge().output("ip", arguments);
    ip(&["link", "set", "core0", "down"])?;
    send(3)?;
    std::thread::sleep(QUIET);
    check(&status()?, 5, 3, mode)?;
    ip(&["link", "set", "core0", "up"])?;

    // Its other end is down: the device refuses whole batches. In generic mode it takes the frames,
    // and throws them away without a word.
    let far = lab.far_end("core0")?;
    far.ns().output("ip", &["link", "set", far.interface(), "down"])?;
    send(4)?;
    std::thread::sleep(QUIET);
    let (forwarded, refused) = if mode == "native" { (5, 7) } else { (9, 3) };
    check(&status()?, forwarded, refused, mode)?;
    far.ns().output("ip", &["link", "set", far.interface(), "up"])?;
    // A socket that has seen its device down says so once.
    let ends = Ends::open(lab)?;
    send(2)?;
    assert_eq!(ends.core.1.collect(8, WAIT)?.len(), 8);
    check(&status()?, forwarded + 2, refused, mode)
}

/// Every circuit, peering and class has `forwarded` and `refused` of its frame, and so has the port.
fn check(status: &Status, forwarded: u64, refused: u64, mode: &str) -> Result<()> {
    let expected = [
        ("contoso", "private", "voice", 222u64),
        ("contoso", "private", "default", 1022),
        ("contoso", "microsoft", "default", 82),
        ("fabrikam", "private", "default", 418 + 24),
    ];
    for (circuit, peering, class, bytes) in expected {
        let what = format!("{mode}: {circuit} {peering} {class}");
        let PeeringStatus { classes, drops, .. } = inbound(status, circuit, peering)?;
        let counted = classes.iter().find(|known| known.class == class).context(what.clone())?;
        let counted = &counted.counters;
        assert_eq!(counted.forwarded_frames, forwarded, "{what}");
        assert_eq!(counted.forwarded_bytes, forwarded * bytes, "{what}");
        assert_eq!(counted.refused_frames, refused, "{what}");
        assert_eq!(counted.refused_bytes, refused * bytes, "{what}");
        assert_eq!(counted.dropped_frames, 0, "{what}");
        assert_eq!(drops.contains_key("egress-refused"), refused > 0, "{what}");
    }
    let port = status.ports.iter().find(|port| port.name == "customer0").context("the port")?;
    let reasons = [("ok", 4 * forwarded), ("egress-refused", 4 * refused)];
    let reasons = reasons.into_iter().filter(|(_, frames)| *frames > 0);
    let reasons: BTreeMap<_, _> = reasons.map(|(why, frames)| (why.to_owned(), frames)).collect();
    assert_eq!(port.reasons, reasons, "{mode}");
    assert_eq!(port.rx_frames, 4 * (forwarded + refused), "{mode}");
    Ok(())
}

/// The mode that a port was in before makes no difference, although the kernel's tables survive the
/// change.
#[test]
fn what_a_device_refuses_is_not_forwarded_after_a_change_of_the_mode() -> Result<()> {
    if !root_or_skip("what_a_device_refuses_is_not_forwarded_after_a_change_of_the_mode") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config().xdp_mode("generic"))?;
    let ends = Ends::open(&lab)?;
    let send =
        || -> Result<()> { frames()?.iter().try_for_each(|frame| ends.customer.0.send(frame)) };
    send()?;
    assert_eq!(ends.core.1.collect(4, WAIT)?.len(), 4);
    check(&status()?, 1, 0, "generic")?;

    configure(&config().xdp_mode("native"))?;
    reload()?;
    let far = lab.far_end("core0")?;
    far.ns().output("ip", &["link", "set", far.interface(), "down"])?;
    for _ in 0..3 {
        send()?;
    }
    std::thread::sleep(QUIET);
    check(&status()?, 1, 3, "native after generic")?;
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// The stack is no device: a frame counts when the stack gets it.
#[test]
fn what_goes_to_the_stack_is_forwarded() -> Result<()> {
    if !root_or_skip("what_goes_to_the_stack_is_forwarded") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let to_the_stack = config().change_port("customer0", |port| port.forward("stack"));
    let daemon = Daemon::start(&lab, &to_the_stack)?;
    let ends = Ends::open(&lab)?;
    frames()?.iter().try_for_each(|frame| ends.customer.0.send(frame))?;
    std::thread::sleep(QUIET);
    check(&status()?, 1, 0, "stack")?;
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// One CPU has frames under way to two devices, and each device refuses its own.
#[test]
fn what_a_device_refuses_beside_another_device_is_known() -> Result<()> {
    if !root_or_skip("what_a_device_refuses_beside_another_device_is_known") {
        return Ok(());
    }
    let mut ways = TwoWays::new()?;
    let daemon = Daemon::start(&ways.wires.lab, &wires::config(&PORTS, &WIRES))?;
    ways.check_both("at first")?;
    // The kernel tells of each frame to a device that is down.
    ways.wires.ip("link set core1 down")?;
    ways.check(true, "device down")?;
    ways.wires.ip("link set core1 up")?;
    wait_until_sound("C2")?;
    ways.check_both("up again")?;
    daemon.stop()?;
    detach(&ways.wires.lab)?;
    Ok(())
}

/// The device of a port is another one, with the index that the other port's device had.
#[test]
fn what_a_device_refuses_is_known_after_devices_were_made_anew() -> Result<()> {
    if !root_or_skip("what_a_device_refuses_is_known_after_devices_were_made_anew") {
        return Ok(());
    }
    let mut ways = TwoWays::new()?;
    let config = wires::config(&PORTS, &WIRES);
    let daemon = Daemon::start(&ways.wires.lab, &config)?;
    ways.check_both("at first")?;
    swap_indices(&mut ways.wires, || {
        wait_for_port("C1", |port| port.xdp_mode == "none")?;
        wait_for_port("C2", |port| port.xdp_mode == "none").map(drop)
    })?;
    wait_until_sound("C1")?;
    wait_until_sound("C2")?;
    ways.check_both("made anew while the daemon runs")?;

    let mut daemon = Some(daemon);
    let ready = || daemon.take().map_or(Ok(()), Daemon::stop);
    swap_indices(&mut ways.wires, ready)?;
    let daemon = Daemon::start(&ways.wires.lab, &config)?;
    ways.check_both("made anew while no daemon runs")?;

    // An interface comes back from another namespace as another one than before.
    let elsewhere = NetNs::new()?;
    ways.wires.ip(&format!("link set core1 netns {}", elsewhere.path().display()))?;
    wait_for_port("C2", |port| port.xdp_mode == "none")?;
    let edge = ways.wires.lab.edge().path().display().to_string();
    elsewhere.output("ip", &["link", "set", "core1", "netns", &edge])?;
    ways.wires.ip("link set core1 up")?;
    wait_until_sound("C2")?;
    ways.check_both("back from another namespace")?;
    daemon.stop()?;
    detach(&ways.wires.lab)?;
    Ok(())
}

/// Another namespace has interfaces with the same indices, and the batches that its devices refuse are
/// none of ours: also where frames of ours stay noted, as those of a port in generic mode do.
#[test]
fn what_a_device_refuses_elsewhere_is_not_ours() -> Result<()> {
    if !root_or_skip("what_a_device_refuses_elsewhere_is_not_ours") {
        return Ok(());
    }
    private_mounts()?;
    let (theirs, mut ours) = (Wires::new(&[])?, Wires::new(&[])?);
    assert_eq!(theirs.ifindex("core0")?, ours.ifindex("core0")?);
    let far = theirs.lab.far_end("core0")?;
    far.ns().output("ip", &["link", "set", far.interface(), "down"])?;
    let _bounce = Bounce::between(&theirs.lab, "cust0", "core0")?;
    for mode in ["generic", "native"] {
        let config = wires::config(&PORTS, &WIRES).xdp_mode(mode);
        let daemon = Daemon::start(&ours.lab, &config)?;
        for _ in 0..20 {
            ours.pass(&[0])?;
            theirs.try_send(0, 0)?;
        }
        std::thread::sleep(QUIET);
        let refused = wires::port("P1")?.reasons.get("egress-refused").copied();
        assert_eq!(refused, None, "{mode}");
        daemon.stop()?;
        detach(&ours.lab)?;
    }
    Ok(())
}

/// Makes the interfaces to the core anew, each with the index that the other one had.
fn swap_indices(wires: &mut Wires, are_gone: impl FnOnce() -> Result<()>) -> Result<()> {
    let indices = [wires.ifindex("core0")?, wires.ifindex("core1")?];
    wires.ip("link del core0")?;
    wires.ip("link del core1")?;
    are_gone()?;
    wires.cable_again("core0", Some(indices[1]))?;
    wires.cable_again("core1", Some(indices[0]))
}

fn inbound<'a>(status: &'a Status, circuit: &str, peering: &str) -> Result<&'a PeeringStatus> {
    let circuit: &CircuitStatus =
        status.circuits.iter().find(|known| known.name == circuit).context("the circuit")?;
    let mut peerings = circuit.peerings.iter();
    peerings
        .find(|known| known.kind == peering && known.direction == "inbound")
        .context("the peering")
}
