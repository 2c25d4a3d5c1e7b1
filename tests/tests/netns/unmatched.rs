//! Tags that no circuit claims, from the wire to the command.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_api::{Unmatched, UnmatchedFrames};
use edge_common::Reason;
use edge_tests::{
    daemon::{Daemon, configure, detach, edge, edge_binary, reload, status},
    ends::{Ends, contoso, lab},
    http::{METRICS, at_the_address, at_the_socket},
    notation::frame_of,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::{Lab, raw::RawSender, root_or_skip},
    time,
};
use jiff::SignedDuration;
use serde_json::Value;

const WAIT: Duration = Duration::from_secs(5);
/// Longest time until new tags are listed.
const LISTED_WITHIN: Duration = Duration::from_secs(10);

fn config() -> Sample {
    Sample::lab().edge("metrics", METRICS.to_string()).circuit(contoso())
}

fn output(lab: &Lab, arguments: &[&str]) -> Result<String> {
    let output = edge(lab, arguments)?;
    ensure!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

fn unmatched(lab: &Lab) -> Result<Unmatched> {
    Ok(serde_json::from_str(&output(lab, &["unmatched", "--json"])?)?)
}

/// The frames that all ports have counted for the two reasons.
fn counted() -> Result<u64> {
    let reasons = [Reason::Unmatched.as_str(), Reason::Untagged.as_str()];
    let of_port = |port: &edge_api::PortStatus| -> u64 {
        reasons.iter().filter_map(|reason| port.reasons.get(*reason)).sum()
    };
    Ok(status()?.ports.iter().map(of_port).sum())
}

/// The list as soon as so many frames are counted: each of them is in it, or left out.
fn settled(lab: &Lab, frames: u64) -> Result<Unmatched> {
    let begun = Instant::now();
    loop {
        let found = unmatched(lab)?;
        let listed: u64 = found.unmatched.iter().map(|listed| listed.frames).sum();
        if counted()? == frames && listed + found.left_out == frames {
            return Ok(found);
        }
        ensure!(begun.elapsed() < WAIT, "{frames} frames: {found:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn send(sender: &RawSender, frame: &str, times: usize) -> Result<()> {
    let frame = frame_of(frame)?;
    (0..times).try_for_each(|_| sender.send(&frame))
}

/// Port, tags, frames and bytes, and the nearest circuit's tags.
fn line(frames: &UnmatchedFrames) -> String {
    let vid = |vid: Option<u16>| vid.map_or("-".to_owned(), |vid| vid.to_string());
    let UnmatchedFrames { port, tpid, s_vid, c_vid, frames, bytes, nearest, .. } = frames;
    let nearest = nearest.as_ref().map_or("-".to_owned(), |nearest| {
        let fault = nearest.fault.map_or(String::new(), |fault| format!(" {fault:?}"));
        format!(
            "{} {} {}{fault}",
            nearest.circuit,
            vid(nearest.s_tag),
            nearest.c_tag.as_deref().unwrap_or("-")
        )
    });
    let (tpid, s_vid, c_vid) = (tpid.as_deref().unwrap_or("-"), vid(*s_vid), vid(*c_vid));
    format!("{port} {tpid} {s_vid} {c_vid}: {frames} {bytes}, {nearest}")
}

fn tags_are_told(xdp_mode: &str, verdict: &str) -> Result<()> {
    let lab = lab(1600)?;
    let config = config()
        .edge("unmatched", verdict)
        .change_port("customer0", |port| port.key("xdp_mode", xdp_mode))
        .change_port("core0", |port| port.key("xdp_mode", xdp_mode));
    let daemon = Daemon::start(&lab, &config)?;
    assert_eq!(output(&lab, &["unmatched"])?, "every frame so far belongs to a circuit\n");
    let Ends { customer: (customer, _), core: (core, _) } = Ends::open(&lab)?;
    let before = time::wall();
    send(&customer, "8100:100 8100:10 ipv4", 3)?;
    for (frame, times) in [
        ("8100:100 8100:11 ipv4 payload=80", 7),
        ("8100:100 ipv4", 6),
        ("8100:10 8100:100 ipv4", 5),
        ("9100:100 8100:10 ipv4", 4),
        ("8100:0/5 8100:100 8100:10 ipv4", 3),
        ("ipv4", 2),
    ] {
        send(&customer, frame, times)?;
    }
    send(&core, "88a8:101 8100:10 ipv4", 1)?;
    let found = settled(&lab, 28)?;
    assert_eq!(found.left_out, 0);
    let lines: Vec<String> = found.unmatched.iter().map(line).collect();
    let len = |frame| frame_of(frame).map(|frame| frame.len());
    let [none, one, two] = [len("ipv4")?, len("8100:1 ipv4")?, len("8100:1 8100:1 ipv4")?];
    let expected = [
        format!(
            "customer0 0x8100 100 11: 7 {}, contoso 100 10",
            7 * len("8100:1 8100:1 ipv4 payload=80")?
        ),
        format!("customer0 0x8100 100 -: 6 {}, contoso 100 10 NoCTag", 6 * one),
        format!("customer0 0x8100 10 100: 5 {}, contoso 100 10 Swapped", 5 * two),
        format!("customer0 0x9100 100 10: 4 {}, contoso 100 10 Tpid", 4 * two),
        format!("customer0 0x8100 0 100: 3 {}, contoso 100 10", 3 * (two + 4)),
        format!("customer0 - - -: 2 {}, -", 2 * none),
        format!("core0 0x88a8 101 10: 1 {two}, contoso 100 10"),
    ];
    assert_eq!(lines, expected);
    let source =
        frame_of("ipv4")?[6..12].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
    let (earliest, latest) = (before - SignedDuration::from_secs(2), time::wall());
    for frames in &found.unmatched {
        assert_eq!(frames.src_mac, source.join(":"));
        assert!(earliest <= frames.first && frames.first <= frames.last && frames.last <= latest);
    }
    for answer in [
        at_the_socket("GET /v1/unmatched", &[], "")?,
        at_the_address(&lab, "GET /v1/unmatched", &[], "")?,
    ] {
        assert_eq!((answer.status, answer.json()?), (200, serde_json::to_value(&found)?));
    }
    let text = output(&lab, &["unmatched"])?;
    assert!(text.contains("contoso (private) has S 100, C 10: S and C are swapped"), "{text}");
    let text = output(&lab, &["status"])?;
    let told = "! port customer0: 7 frames with S 100, C 11; contoso (private) has S 100, C 10";
    assert!(text.contains(told), "{text}");

    // The list outlives the daemon, and a reload.
    daemon.kill()?;
    let daemon = Daemon::start(&lab, &config)?;
    assert_eq!(unmatched(&lab)?.unmatched, found.unmatched);
    let config = config.change_circuit("contoso", |contoso| contoso.peering("public", 11));
    configure(&config)?;
    reload()?;
    let found = unmatched(&lab)?;
    let claimed = "contoso 100 11 Claimed";
    assert!(line(&found.unmatched[0]).ends_with(claimed), "{:?}", found.unmatched[0]);

    // Larger tables begin it anew, and lose no count.
    let more = (1..=40).map(|s_tag| {
        SampleCircuit::new(format!("c{s_tag}"), "1 Gbps").s_tag(s_tag).peering("private", 7)
    });
    configure(&config.circuits(more))?;
    reload()?;
    let found = settled(&lab, 28)?;
    assert_eq!((found.unmatched, found.left_out), (Vec::new(), 28));
    send(&customer, "8100:100 8100:13 ipv4", 1)?;
    let found = settled(&lab, 29)?;
    assert_eq!((found.unmatched.len(), found.left_out), (1, 28));
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn tags_that_no_circuit_claims_are_told_with_the_nearest_circuit() -> Result<()> {
    if !root_or_skip("tags_that_no_circuit_claims_are_told_with_the_nearest_circuit") {
        return Ok(());
    }
    tags_are_told("native", "drop")?;
    tags_are_told("generic", "pass")
}

/// A customer whose tags are wrong begins to send while another floods the port with random tags.
#[test]
fn wrong_tags_amid_a_flood_of_random_ones_are_listed_within_ten_seconds() -> Result<()> {
    if !root_or_skip("wrong_tags_amid_a_flood_of_random_ones_are_listed_within_ten_seconds") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config())?;
    let Ends { customer: (customer, _), core: (flood, _) } = Ends::open(&lab)?;
    let end = lab.far_end("customer0")?;
    drop(flood);
    let flood = RawSender::open(end.ns(), end.interface())?;
    send(&customer, "8100:300 8100:30 ipv4", 500)?;
    let begun = Instant::now();
    let flooded = thread::spawn(move || -> Result<u64> {
        let mut frame = frame_of("8100:1 8100:1 ipv4")?;
        let (mut random, mut sent) = (1u64, 0);
        while begun.elapsed() < LISTED_WITHIN + Duration::from_secs(4) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let [a, b, c, d, ..] = random.to_le_bytes();
            frame[14..16].copy_from_slice(&[a & 0x0f, b]);
            frame[18..20].copy_from_slice(&[c & 0x0f, d]);
            flood.send(&frame)?;
            sent += 1;
        }
        Ok(sent)
    });
    thread::sleep(Duration::from_secs(2));
    let (since, mut sent, mut listed_after) = (Instant::now(), 0, None);
    let frame = frame_of("8100:100 8100:11 ipv4")?;
    while !flooded.is_finished() {
        customer.send(&frame)?;
        sent += 1;
        if listed_after.is_none() && sent % 20 == 0 {
            let found = unmatched(&lab)?.unmatched;
            let ours = found.iter().find(|it| (it.s_vid, it.c_vid) == (Some(100), Some(11)));
            let is_listed = ours.is_some_and(|ours| ours.frames > 2);
            listed_after = is_listed.then(|| since.elapsed());
        }
        thread::sleep(Duration::from_millis(10));
    }
    let flooded = flooded.join().expect("no panic")?;
    let listed_after = listed_after.context("never listed")?;
    println!("{flooded} random frames, {sent} of the customer's, listed after {listed_after:?}");
    assert!(listed_after < LISTED_WITHIN);

    // Random tags can be the circuit's or the customer's.
    let total = counted()?;
    let found = settled(&lab, total)?;
    assert!(found.unmatched.len() <= 256 && found.left_out > 0, "{}", found.unmatched.len());
    let frames = |s_vid, c_vid| {
        let tags = (Some(s_vid), Some(c_vid));
        let found = found.unmatched.iter().find(|it| (it.s_vid, it.c_vid) == tags);
        found.map_or(0, |found| found.frames)
    };
    assert!(frames(300, 30) >= 500, "{}", frames(300, 30));
    assert!(frames(100, 11) > sent / 4, "{} of {sent}", frames(100, 11));
    let text = output(&lab, &["unmatched"])?;
    assert!(text.lines().count() < 50 && text.contains("frames more are not listed"), "{text}");
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn without_a_daemon_there_is_no_list() -> Result<()> {
    let mut command = std::process::Command::new(edge_binary());
    let output = command.args(["unmatched", "--json", "-s", "/nonexistent/edge.sock"]).output()?;
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
    let document: Result<Value, _> = serde_json::from_slice(&output.stderr);
    assert!(
        document.is_err() && String::from_utf8(output.stderr)?.contains("/nonexistent/edge.sock")
    );
    Ok(())
}
