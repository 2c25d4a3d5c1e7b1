//! The daemon on veth between namespaces, with real frames: their arrival, their counts, and the
//! data plane that stays when the daemon ends.

use std::{collections::BTreeMap, fs, path::Path, thread, time::Duration};

use anyhow::{Context as _, Result};
use edge_api::{ClientError, Counters, Status};
use edge_tests::{
    daemon::{Daemon, configure, detach, reload, status},
    ends::{self, Ends},
    notation::frame_of,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    kernel::Pins,
    lab::{Lab, root_or_skip},
};

const WAIT: Duration = Duration::from_secs(5);
/// Long enough for a frame that should not arrive to have arrived.
const QUIET: Duration = Duration::from_millis(300);

const PRIVATE: &str = "88a8:100/1 8100:10/2d ipv4";

fn config() -> Sample {
    Sample::lab().circuits(circuits())
}

fn circuits() -> [SampleCircuit; 2] {
    let fabrikam = SampleCircuit::new("fabrikam", "50 Mbps").peering("private", 300);
    [ends::contoso().peering("microsoft", 20), fabrikam]
}

fn lab() -> Result<Lab> {
    ends::lab(1600)
}

/// A directory of the pins.
fn pins(kind: &str) -> String {
    format!("/sys/fs/bpf/edge/v{}/{kind}", edge_common::abi::VERSION)
}

/// Counters by circuit, peering and direction.
fn counters(status: &Status) -> BTreeMap<(String, String, String), Counters> {
    let circuits = status.circuits.iter();
    let peerings = circuits.flat_map(|circuit| {
        circuit.peerings.iter().map(|peering| {
            let key = (circuit.name.clone(), peering.kind.clone(), peering.direction.clone());
            (key, peering.total)
        })
    });
    peerings.collect()
}

fn forwarded(status: &Status, circuit: &str, peering: &str, direction: &str) -> (u64, u64) {
    let key = (circuit.to_owned(), peering.to_owned(), direction.to_owned());
    let total = counters(status)[&key];
    (total.forwarded_frames, total.forwarded_bytes)
}

#[test]
fn claimed_frames_arrive_with_their_tags_and_others_do_not() -> Result<()> {
    if !root_or_skip("claimed_frames_arrive_with_their_tags_and_others_do_not") {
        return Ok(());
    }
    claimed_frames_arrive("native")?;
    claimed_frames_arrive("generic")
}

fn claimed_frames_arrive(xdp_mode: &str) -> Result<()> {
    let lab = lab()?;
    let daemon = Daemon::start(&lab, &config().xdp_mode(xdp_mode))?;
    let ends = Ends::open(&lab)?;
    // An unlisted DSCP (AF31) under trust leaves as 0; all else is as it was sent.
    let marked = frame_of("8100:100 8100:20 ipv4 ecn=2 payload=76")?;
    let carried = [
        (frame_of("88a8:100/1 8100:10/2d ipv4 dscp=26 ecn=2 payload=1476")?, None),
        (frame_of("88a8:100/1 8100:10/2d ipv6 dscp=46 payload=56")?, None),
        (frame_of("8100:100 8100:20 ipv4 dscp=26 ecn=2 payload=76")?, Some(marked)),
        (frame_of("8100:300/7 arp")?, None),
    ];
    let refused =
        [frame_of("8100:100 ipv4")?, frame_of("8100:101 8100:10 ipv4")?, frame_of("ipv4")?];
    for (sender, collector) in [(&ends.customer.0, &ends.core.1), (&ends.core.0, &ends.customer.1)]
    {
        for refused in &refused {
            sender.send(refused)?;
        }
        for (sent, _) in &carried {
            sender.send(sent)?;
        }
        let arrived = collector.collect(carried.len(), WAIT)?;
        let expected: Vec<_> =
            carried.iter().map(|(sent, out)| out.clone().unwrap_or(sent.clone())).collect();
        assert_eq!(arrived, expected);
        assert_eq!(collector.collect(1, QUIET)?, Vec::<Vec<u8>>::new());
    }

    let status = status()?;
    for direction in ["inbound", "outbound"] {
        assert_eq!(forwarded(&status, "contoso", "private", direction), (2, 1522 + 122));
        assert_eq!(forwarded(&status, "contoso", "microsoft", direction), (1, 122));
        assert_eq!(forwarded(&status, "fabrikam", "private", direction), (1, 64));
    }
    for port in &status.ports {
        assert_eq!(port.rx_frames, 7);
        assert_eq!(port.xdp_mode, xdp_mode);
        let expected = [("ok", 4), ("unmatched", 2), ("untagged", 1)];
        let expected = expected.map(|(reason, frames)| (reason.to_owned(), frames));
        assert_eq!(port.reasons, BTreeMap::from(expected));
    }
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn the_data_plane_outlives_the_daemon_and_the_next_one_takes_it_over() -> Result<()> {
    if !root_or_skip("the_data_plane_outlives_the_daemon_and_the_next_one_takes_it_over") {
        return Ok(());
    }
    let lab = lab()?;
    let ends = Ends::open(&lab)?;
    let private = frame_of(PRIVATE)?;
    let send = |frames: usize| -> Result<()> {
        for _ in 0..frames {
            ends.customer.0.send(&private)?;
        }
        assert_eq!(ends.core.1.collect(frames, WAIT)?.len(), frames);
        Ok(())
    };
    let counted =
        || Ok::<_, anyhow::Error>(forwarded(&status()?, "contoso", "private", "inbound").0);

    let daemon = Daemon::start(&lab, &config())?;
    send(10)?;
    daemon.kill()?;
    send(10)?;
    let daemon = Daemon::start(&lab, &config())?;
    assert_eq!(counted()?, 20);
    send(10)?;
    daemon.stop()?;
    send(10)?;

    // With another circuit in front, and a peering on another tag: each keeps what it had.
    let adatum = SampleCircuit::new("adatum", "2 Gbps").s_tag(7).peering("private", 7);
    let [contoso, fabrikam] = circuits();
    let circuits = [adatum, contoso.peering("microsoft", 21), fabrikam];
    let daemon = Daemon::start(&lab, &Sample::lab().circuits(circuits))?;
    assert_eq!(counted()?, 40);
    assert_eq!(forwarded(&status()?, "adatum", "private", "inbound").0, 0);
    send(10)?;
    assert_eq!(counted()?, 50);
    daemon.stop()?;

    assert_eq!(detach(&lab)?.trim(), "detached");
    assert!(fs::read_dir("/sys/fs/bpf")?.all(|entry| {
        entry.is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(".debug"))
    }));
    // The stack may have things of its own to say by now; a customer's frame is not among them.
    ends.customer.0.send(&private)?;
    assert!(!ends.core.1.collect(1, QUIET)?.contains(&private));
    Ok(())
}

#[test]
fn a_reload_is_all_or_nothing_and_loses_no_frame() -> Result<()> {
    if !root_or_skip("a_reload_is_all_or_nothing_and_loses_no_frame") {
        return Ok(());
    }
    let lab = lab()?;
    let daemon = Daemon::start(&lab, &config())?;
    let ends = Ends::open(&lab)?;
    let private = frame_of(PRIVATE)?;
    let dot1q = frame_of("8100:300/7 ipv4")?;
    let moved = frame_of("8100:301 ipv4")?;

    // A configuration that is refused changes nothing.
    let in_contoso =
        |change: fn(SampleCircuit) -> SampleCircuit| config().change_circuit("contoso", change);
    configure(&in_contoso(|contoso| contoso.peering("private", 9999)))?;
    let error = reload().err().context("a wrong configuration is refused")?;
    let refused: Option<&ClientError> = error.downcast_ref();
    assert!(refused.is_some_and(ClientError::is_callers), "{error:#}");
    assert!(format!("{error:#}").contains("c_tag"), "{error:#}");
    configure(&config().change_port("core0", |core| core.interface("nowhere0")))?;
    assert!(reload().is_err());
    ends.customer.0.send(&private)?;
    assert_eq!(ends.core.1.collect(1, WAIT)?.len(), 1);

    // Frames of a circuit that stays, while another's tag, the port's policy and a rate change.
    let frames = 2000;
    let sending = thread::scope(|scope| -> Result<()> {
        let sender = scope.spawn(|| -> Result<()> {
            for _ in 0..frames {
                ends.customer.0.send(&private)?;
                thread::sleep(Duration::from_micros(200));
            }
            Ok(())
        });
        let other = in_contoso(|contoso| contoso.key("bandwidth", "2 Gbps"))
            .change_circuit("fabrikam", |fabrikam| fabrikam.peering("private", 301))
            .edge("unmatched", "pass");
        for config in [&other, &config(), &other] {
            configure(config)?;
            reload()?;
        }
        sender.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    sending?;
    assert_eq!(ends.core.1.collect(frames, WAIT)?.len(), frames);
    assert_eq!(forwarded(&status()?, "contoso", "private", "inbound").0, frames as u64 + 1);

    ends.customer.0.send(&dot1q)?;
    ends.customer.0.send(&moved)?;
    assert_eq!(ends.core.1.collect(1, WAIT)?, [moved]);
    assert!(ends.core.1.collect(1, QUIET)?.is_empty());
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// A start or a detach that was killed may leave any of the pins behind.
#[test]
fn leftovers_of_a_killed_start_are_no_obstacle() -> Result<()> {
    if !root_or_skip("leftovers_of_a_killed_start_are_no_obstacle") {
        return Ok(());
    }
    let lab = lab()?;
    let ends = Ends::open(&lab)?;
    let private = frame_of(PRIVATE)?;
    Daemon::start(&lab, &config())?.kill()?;
    for entry in fs::read_dir(pins("maps"))? {
        let path = entry?.path();
        if !path.ends_with("ATTACHMENT_KEYS") {
            fs::remove_file(path)?;
        }
    }
    // Tables for so many circuits have another size than the one that is left.
    let many = (0..1000u16).map(|number| {
        let circuit = SampleCircuit::new(format!("c{number}"), "1 Gbps").s_tag(1000 + number);
        circuit.peering("private", 1)
    });
    let daemon = Daemon::start(&lab, &config().circuits(many))?;
    ends.customer.0.send(&private)?;
    assert_eq!(ends.core.1.collect(1, WAIT)?, std::slice::from_ref(&private));
    assert_eq!(forwarded(&status()?, "contoso", "private", "inbound").0, 1);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// A port is what the configuration calls an interface: other names for the same interfaces, or
/// the same names for others, lose neither links nor frames.
#[test]
fn ports_can_be_renamed_and_swapped() -> Result<()> {
    if !root_or_skip("ports_can_be_renamed_and_swapped") {
        return Ok(());
    }
    let lab = lab()?;
    let ends = Ends::open(&lab)?;
    let private = frame_of(PRIVATE)?;
    let pass = || -> Result<()> {
        ends.customer.0.send(&private)?;
        assert_eq!(ends.core.1.collect(1, WAIT)?, std::slice::from_ref(&private));
        ends.core.0.send(&private)?;
        assert_eq!(ends.customer.1.collect(1, WAIT)?, std::slice::from_ref(&private));
        Ok(())
    };
    let renamed = config()
        .change_port("customer0", |port| port.key("name", "front"))
        .change_port("core0", |port| port.forward("front"));
    let swapped = config()
        .change_port("customer0", |port| port.interface("core0"))
        .change_port("core0", |port| port.interface("customer0"));

    let daemon = Daemon::start(&lab, &config())?;
    pass()?;
    for config in [renamed.clone(), swapped.clone(), config()] {
        configure(&config)?;
        reload()?;
        pass()?;
    }
    daemon.kill()?;
    for config in [renamed, swapped] {
        let daemon = Daemon::start(&lab, &config)?;
        pass()?;
        daemon.kill()?;
    }
    let links = Pins::all(Path::new("/sys/fs/bpf/edge"))?
        .iter()
        .map(Pins::links)
        .collect::<Result<Vec<_>, _>>()?;
    assert_eq!(links.concat().len(), 2);
    detach(&lab)?;
    Ok(())
}

/// Counters are of a class by its name: another profile moves none of them, and none is lost.
#[test]
fn counters_stay_with_their_class() -> Result<()> {
    if !root_or_skip("counters_stay_with_their_class") {
        return Ok(());
    }
    let profile = |classes: &[&str]| {
        let in_own = |contoso: SampleCircuit| contoso.of_peering("private", "qos", "own");
        config().change_circuit("contoso", in_own).qos("own", classes)
    };
    let voice = r#"name = "voice", dscp = [46]"#;
    let bulk = r#"name = "bulk", dscp = [8]"#;
    let rest = r#"name = "rest", dscp = ["default"]"#;
    let lab = lab()?;
    let ends = Ends::open(&lab)?;
    let send = |dscp: u8, frames: usize| -> Result<()> {
        for _ in 0..frames {
            ends.customer.0.send(&frame_of(&format!("{PRIVATE} dscp={dscp}"))?)?;
        }
        assert_eq!(ends.core.1.collect(frames, WAIT)?.len(), frames);
        Ok(())
    };
    let counted = || -> Result<BTreeMap<String, u64>> {
        let status = status()?;
        let inbound = status.circuits[0].peerings.iter();
        let inbound = inbound.filter(|p| p.kind == "private" && p.direction == "inbound");
        let classes = inbound.flat_map(|peering| {
            let sum: u64 = peering.classes.iter().map(|c| c.counters.forwarded_frames).sum();
            assert_eq!(sum, peering.total.forwarded_frames);
            peering.classes.iter().map(|c| (c.class.clone(), c.counters.forwarded_frames))
        });
        Ok(classes.collect())
    };
    let expect = |expected: &[(&str, u64)]| -> Result<()> {
        let expected = expected.iter().map(|(class, frames)| ((*class).to_owned(), *frames));
        assert_eq!(counted()?, expected.collect());
        Ok(())
    };

    let daemon = Daemon::start(&lab, &profile(&[voice, rest]))?;
    send(46, 3)?;
    send(0, 2)?;
    expect(&[("voice", 3), ("rest", 2)])?;
    configure(&profile(&[bulk, voice, rest]))?;
    reload()?;
    send(8, 4)?;
    send(46, 1)?;
    expect(&[("bulk", 4), ("voice", 4), ("rest", 2)])?;
    configure(&profile(&[rest]))?;
    reload()?;
    send(46, 1)?;
    expect(&[("bulk", 4), ("voice", 4), ("rest", 3)])?;
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
