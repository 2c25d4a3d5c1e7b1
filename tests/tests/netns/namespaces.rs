//! The daemon on veth between namespaces, with real frames: their arrival, their counts, and the
//! data plane that stays when the daemon ends.

use std::{collections::BTreeMap, fs, path::Path, thread, time::Duration};

use anyhow::{Context as _, Result};
use edge_api::{ClientError, Counters, Status};
use edge_tests::{
    daemon::{Daemon, configure, detach, reload, status},
    ends::Ends,
    frames::{frame, ipv4, ipv4_checksum, ipv6},
    lab_config,
};
use edge_user::{
    kernel::Pins,
    lab::{Lab, root_or_skip},
};

const WAIT: Duration = Duration::from_secs(5);
/// Long enough for a frame that should not arrive to have arrived.
const QUIET: Duration = Duration::from_millis(300);

const CONFIG: &str = lab_config!(
    r#"[[circuit]]
name = "contoso"
bandwidth = "1 Gbps"
s_tag = 100
  [[circuit.peering]]
  kind = "private"
  c_tag = 10
  [[circuit.peering]]
  kind = "microsoft"
  c_tag = 20
[[circuit]]
name = "fabrikam"
bandwidth = "50 Mbps"
  [[circuit.peering]]
  kind = "private"
  c_tag = 300
"#
);

const PRIVATE: [(u16, u16); 2] = [(0x88a8, 0x2064), (0x8100, 0x500a)];
const MICROSOFT: [(u16, u16); 2] = [(0x8100, 100), (0x8100, 20)];
const DOT1Q: [(u16, u16); 1] = [(0x8100, 0xe12c)];

fn lab() -> Result<Lab> {
    edge_tests::ends::lab(1600)
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
    let side = format!("xdp_mode = \"{xdp_mode}\"\nside");
    let daemon = Daemon::start(&lab, &CONFIG.replace("side", &side))?;
    let ends = Ends::open(&lab)?;
    // An unlisted DSCP (AF31) under trust leaves as 0; all else is as it was sent.
    let mut marked = frame(&MICROSOFT, 0x0800, &ipv4(0x6a, 100));
    marked[23] = 2;
    let checksum = ipv4_checksum(&marked[22..]);
    marked[32..34].copy_from_slice(&checksum.to_be_bytes());
    let carried = [
        (frame(&PRIVATE, 0x0800, &ipv4(0x6a, 1500)), None),
        (frame(&PRIVATE, 0x86dd, &ipv6(0xb8, 100)), None),
        (frame(&MICROSOFT, 0x0800, &ipv4(0x6a, 100)), Some(marked)),
        (frame(&DOT1Q, 0x0806, &[7; 46]), None),
    ];
    let refused = [
        frame(&[(0x8100, 100)], 0x0800, &ipv4(0, 60)),
        frame(&[(0x8100, 101), (0x8100, 10)], 0x0800, &ipv4(0, 60)),
        frame(&[], 0x0800, &ipv4(0, 60)),
    ];
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
    let private = frame(&PRIVATE, 0x0800, &ipv4(0, 100));
    let send = |frames: usize| -> Result<()> {
        for _ in 0..frames {
            ends.customer.0.send(&private)?;
        }
        assert_eq!(ends.core.1.collect(frames, WAIT)?.len(), frames);
        Ok(())
    };
    let counted =
        || Ok::<_, anyhow::Error>(forwarded(&status()?, "contoso", "private", "inbound").0);

    let daemon = Daemon::start(&lab, CONFIG)?;
    send(10)?;
    daemon.kill()?;
    send(10)?;
    let daemon = Daemon::start(&lab, CONFIG)?;
    assert_eq!(counted()?, 20);
    send(10)?;
    daemon.stop()?;
    send(10)?;

    // With another circuit in front, and a peering on another tag: each keeps what it had.
    let circuit = "[[circuit]]\nname = \"adatum\"\nbandwidth = \"2 Gbps\"\ns_tag = 7\n\
                   [[circuit.peering]]\nkind = \"private\"\nc_tag = 7\n[[circuit]]";
    let config = CONFIG.replacen("[[circuit]]", circuit, 1).replace("c_tag = 20", "c_tag = 21");
    let daemon = Daemon::start(&lab, &config)?;
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
    let daemon = Daemon::start(&lab, CONFIG)?;
    let ends = Ends::open(&lab)?;
    let private = frame(&PRIVATE, 0x0800, &ipv4(0, 100));
    let dot1q = frame(&DOT1Q, 0x0800, &ipv4(0, 100));
    let moved = frame(&[(0x8100, 301)], 0x0800, &ipv4(0, 100));

    // A configuration that is refused changes nothing.
    configure(&CONFIG.replace("c_tag = 10", "c_tag = 9999"))?;
    let error = reload().err().context("a wrong configuration is refused")?;
    let refused: Option<&ClientError> = error.downcast_ref();
    assert!(refused.is_some_and(ClientError::is_callers), "{error:#}");
    assert!(format!("{error:#}").contains("c_tag"), "{error:#}");
    configure(&CONFIG.replace("interface = \"core0\"", "interface = \"nowhere0\""))?;
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
        let other = CONFIG
            .replace("c_tag = 300", "c_tag = 301")
            .replace("1 Gbps", "2 Gbps")
            .replace("metrics", "unmatched = \"pass\"\nmetrics");
        for config in [&other, CONFIG, &other] {
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
    let private = frame(&PRIVATE, 0x0800, &ipv4(0, 100));
    Daemon::start(&lab, CONFIG)?.kill()?;
    for entry in fs::read_dir(pins("maps"))? {
        let path = entry?.path();
        if !path.ends_with("ATTACHMENT_KEYS") {
            fs::remove_file(path)?;
        }
    }
    // Tables for so many circuits have another size than the one that is left.
    let many = (0..1000).map(|number| {
        format!(
            "[[circuit]]\nname = \"c{number}\"\nbandwidth = \"1 Gbps\"\ns_tag = {}\n\
             [[circuit.peering]]\nkind = \"private\"\nc_tag = 1\n",
            1000 + number,
        )
    });
    let config = format!("{CONFIG}{}", many.collect::<String>());
    let daemon = Daemon::start(&lab, &config)?;
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
    let private = frame(&PRIVATE, 0x0800, &ipv4(0, 100));
    let pass = || -> Result<()> {
        ends.customer.0.send(&private)?;
        assert_eq!(ends.core.1.collect(1, WAIT)?, std::slice::from_ref(&private));
        ends.core.0.send(&private)?;
        assert_eq!(ends.customer.1.collect(1, WAIT)?, std::slice::from_ref(&private));
        Ok(())
    };
    let interface = |name: &str| format!("interface = \"{name}\"");
    let names = |config: &str| {
        config
            .replace("name = \"customer0\"", "name = \"front\"")
            .replace("forward = \"customer0\"", "forward = \"front\"")
    };
    let swapped = CONFIG
        .replace(&interface("customer0"), &interface("x"))
        .replace(&interface("core0"), &interface("customer0"))
        .replace(&interface("x"), &interface("core0"));

    let daemon = Daemon::start(&lab, CONFIG)?;
    pass()?;
    for config in [names(CONFIG), swapped.clone(), CONFIG.to_owned()] {
        configure(&config)?;
        reload()?;
        pass()?;
    }
    daemon.kill()?;
    for config in [names(CONFIG), swapped] {
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
    let profile = |classes: &str| {
        let config = CONFIG.replace("c_tag = 10\n", "c_tag = 10\n  qos = \"own\"\n");
        format!("{config}\n[qos.own]\nclasses = [{classes}]\n")
    };
    let voice = "{ name = \"voice\", dscp = [46] }";
    let bulk = "{ name = \"bulk\", dscp = [8] }";
    let rest = "{ name = \"rest\", dscp = [\"default\"] }";
    let lab = lab()?;
    let ends = Ends::open(&lab)?;
    let send = |dscp: u8, frames: usize| -> Result<()> {
        for _ in 0..frames {
            ends.customer.0.send(&frame(&PRIVATE, 0x0800, &ipv4(dscp << 2, 100)))?;
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

    let daemon = Daemon::start(&lab, &profile(&format!("{voice}, {rest}")))?;
    send(46, 3)?;
    send(0, 2)?;
    expect(&[("voice", 3), ("rest", 2)])?;
    configure(&profile(&format!("{bulk}, {voice}, {rest}")))?;
    reload()?;
    send(8, 4)?;
    send(46, 1)?;
    expect(&[("bulk", 4), ("voice", 4), ("rest", 2)])?;
    configure(&profile(rest))?;
    reload()?;
    send(46, 1)?;
    expect(&[("bulk", 4), ("voice", 4), ("rest", 3)])?;
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
