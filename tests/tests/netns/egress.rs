//! Frames that are forwarded and then refused by the device that they were to leave by: nobody is
//! billed for them, and everybody can see them.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use edge_api::{CircuitStatus, PeeringStatus, Status};
use edge_tests::{
    books::frames,
    daemon::{Daemon, configure, detach, reload, status},
    ends::{Ends, lab},
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::{Lab, root_or_skip},
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

fn inbound<'a>(status: &'a Status, circuit: &str, peering: &str) -> Result<&'a PeeringStatus> {
    let circuit: &CircuitStatus =
        status.circuits.iter().find(|known| known.name == circuit).context("the circuit")?;
    let mut peerings = circuit.peerings.iter();
    peerings
        .find(|known| known.kind == peering && known.direction == "inbound")
        .context("the peering")
}
