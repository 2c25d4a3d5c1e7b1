//! Drops in the ledger, with a real daemon and real traffic: they are the counters', whatever happens to the daemon, and the
//! command line and the API tell the same.

use std::{
    collections::BTreeMap,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_api::{CircuitHistory, CircuitRecent, Drops, Status};
use edge_tests::{
    books::{Edge, STATE_DIR},
    daemon::{book, detach, edge, status},
    ends::contoso,
    http::{METRICS, at_the_address, at_the_socket},
    notation::frame_of,
};
use edge_user::{
    billing::ledger::{DropsQuery, Ledger},
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
};

const WAIT: Duration = Duration::from_secs(5);

/// A circuit whose burst is of a few frames, and one that drops all of them.
fn config() -> Sample {
    let slow = contoso().key("bandwidth", "64 kbps").key("burst", 5_000);
    let closed =
        SampleCircuit::new("closed", "1 Gbps").key("enabled", false).peering("private", 300);
    Sample::lab()
        .edge("metrics", METRICS.to_string())
        .ledger("checkpoint", "1s")
        .circuits([slow, closed])
}

/// Sends so many frames inbound: most in the class of voice, and above the rate.
fn send(edge: &Edge, frames: usize) -> Result<()> {
    let voice = frame_of("8100:100 8100:10 ipv4 dscp=46 payload=976")?;
    let closed = frame_of("8100:300 ipv4 payload=376")?;
    for _ in 0..frames {
        edge.ends.customer.0.send(&voice)?;
    }
    edge.ends.customer.0.send(&closed)?;
    ensure!(edge.lab.settle(WAIT)?, "the frames don't arrive");
    Ok(())
}

/// Frames and bytes by circuit, direction, link, class and reason.
type Sums = BTreeMap<[String; 5], (u64, u64)>;

fn of_status(status: &Status) -> Sums {
    let mut sums = Sums::new();
    for (circuit, peering) in
        status.circuits.iter().flat_map(|own| own.peerings.iter().map(move |of| (&own.name, of)))
    {
        let mut add = |class: &str, reason: &str, frames: u64, bytes: u64| {
            if frames > 0 {
                let place = [circuit, &*peering.direction, &peering.link, class, reason];
                let sum = sums.entry(place.map(str::to_owned)).or_default();
                *sum = (sum.0 + frames, sum.1 + bytes);
            }
        };
        for class in &peering.classes {
            let own = &class.counters;
            add(&class.class, "over-rate", own.dropped_frames, own.dropped_bytes);
            add(&class.class, "egress-refused", own.refused_frames, own.refused_bytes);
        }
        let by_class = ["over-rate", "egress-refused"];
        for (reason, own) in peering.drops.iter().filter(|(name, _)| !by_class.contains(&&***name))
        {
            add("", reason, own.frames, own.bytes);
        }
    }
    sums
}

fn of_drops(drops: &Drops) -> Sums {
    let mut sums = Sums::new();
    for own in &drops.drops {
        let class = own.class.as_deref().unwrap_or_default();
        let place = [&own.circuit, &*own.direction, &own.link, class, &own.reason];
        let sum = sums.entry(place.map(str::to_owned)).or_default();
        *sum = (sum.0 + own.frames, sum.1 + own.bytes);
    }
    sums
}

fn of_ledger() -> Result<Sums> {
    let ledger = Ledger::open_read_only(Path::new(STATE_DIR))?;
    assert_eq!(ledger.check()?, Vec::<String>::new());
    Ok(of_drops(&ledger.drops(&DropsQuery::default())?))
}

fn told(edge_: &Edge, arguments: &[&str]) -> Result<String> {
    let output = edge(&edge_.lab, arguments)?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

#[test]
fn drops_are_booked_once_whatever_happens_to_the_daemon() -> Result<()> {
    if !root_or_skip("drops_are_booked_once_whatever_happens_to_the_daemon") {
        return Ok(());
    }
    let mut lab = Edge::start(&config())?;
    send(&lab, 30)?;
    book()?;
    let counted = of_status(&status()?);
    assert_eq!(of_ledger()?, counted);
    let voice = ["contoso", "inbound", "primary", "voice", "over-rate"].map(str::to_owned);
    let closed = ["closed", "inbound", "primary", "", "circuit-disabled"].map(str::to_owned);
    assert!(counted[&voice].0 >= 20 && counted[&closed] == (1, 418), "{counted:?}");

    // Dropped just before a kill, while there is no daemon, and under the next one.
    send(&lab, 10)?;
    lab.daemon()?.kill()?;
    send(&lab, 10)?;
    let seen: Drops = serde_json::from_str(&told(&lab, &["usage", "--drops", "--json"])?)?;
    lab.restart(&config())?;
    assert_eq!(of_drops(&seen), of_status(&status()?), "who looks sees what is not booked");
    send(&lab, 10)?;
    book()?;
    let counted = of_status(&status()?);
    assert_eq!(of_ledger()?, counted);

    // Peaks outlive a daemon in the tables: the next one has the ledger get them.
    let outbound_and_inbound = |circuit: &str| -> Result<CircuitHistory> {
        let request = format!("GET /v1/circuits/{circuit}/history");
        let answer = at_the_address(&lab.lab, &request, &[], "")?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(serde_json::from_value(answer.json()?)?)
    };
    let deadline = Instant::now() + WAIT;
    let history = loop {
        book()?;
        let history = outbound_and_inbound("contoso")?;
        if history.points.iter().any(|point| point.inbound.peak_1ms_bps > 0) {
            break history;
        }
        ensure!(Instant::now() < deadline, "no peak in {history:?}");
        thread::sleep(Duration::from_millis(50));
    };
    let sum = |of: fn(&edge_api::HistoryPoint) -> u64| history.points.iter().map(of).sum::<u64>();
    assert_eq!(sum(|point| point.inbound.dropped_frames), counted[&voice].0);
    assert_eq!(sum(|point| point.inbound.dropped_bytes), counted[&voice].1);
    assert_eq!(sum(|point| point.inbound.delivered_frames), 60 - counted[&voice].0);
    assert_eq!(sum(|point| point.outbound.delivered_frames + point.outbound.dropped_frames), 0);
    the_answer_to_why_has_them(&lab, counted[&voice].0)?;
    // A day was asked for: what was before the ledger is a gap.
    assert!(history.step_s == 300 && history.points.len() <= 3, "{history:?}");
    let nobody = at_the_socket("GET /v1/circuits/nobody/history", &[], "")?;
    assert_eq!(nobody.status, 404, "{nobody:?}");

    // With the daemon stopped, too.
    lab.daemon()?.stop()?;
    let one: Drops =
        serde_json::from_str(&told(&lab, &["usage", "--drops", "contoso", "--json"])?)?;
    assert_eq!(of_drops(&one)[&voice], counted[&voice]);
    assert!(one.drops.iter().all(|own| own.circuit == "contoso") && !one.intervals.is_empty());
    let text = told(&lab, &["usage", "--drops"])?;
    ensure!(text.contains("over-rate") && text.contains("circuit-disabled"), "{text}");
    let unknown = edge(&lab.lab, &["usage", "--drops", "contosso"])?;
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
    detach(&lab.lab)?;
    assert_eq!(of_ledger()?, counted);
    Ok(())
}

#[test]
fn a_circuit_is_read_by_the_second_for_those_who_ask() -> Result<()> {
    if !root_or_skip("a_circuit_is_read_by_the_second_for_those_who_ask") {
        return Ok(());
    }
    let lab = Edge::start(&config())?;
    let recent = |query: &str| -> Result<CircuitRecent> {
        let answer = at_the_socket(&format!("GET /v1/circuits/contoso/recent{query}"), &[], "")?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(serde_json::from_value(answer.json()?)?)
    };
    // Of what was before the first question, nothing is known.
    send(&lab, 7)?;
    let first = recent("")?;
    assert_eq!((first.seconds.len(), first.watched_circuits), (0, 1));
    let before = status()?;
    send(&lab, 30)?;
    let counted = of_status(&status()?);
    let dropped = |sums: &Sums| {
        sums.values().map(|own| own.0).sum::<u64>()
            - sums
                .iter()
                .filter(|(place, _)| place[0] == "closed")
                .map(|(_, own)| own.0)
                .sum::<u64>()
    };
    let expected = dropped(&counted) - dropped(&of_status(&before));
    let deadline = Instant::now() + WAIT;
    let seconds = loop {
        let now = recent("")?;
        assert_eq!(now.since, first.since);
        if now.seconds.iter().map(|second| second.inbound.offered_frames).sum::<u64>() == 30 {
            break now.seconds;
        }
        ensure!(Instant::now() < deadline, "{now:?}");
        thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(seconds.iter().map(|second| second.inbound.dropped_frames).sum::<u64>(), expected);
    assert!(seconds.iter().all(|second| second.outbound == edge_api::SecondTraffic::default()));
    let last = seconds.last().context("a second")?.end;
    let later = recent(&format!("?after={last}"))?;
    assert!(later.seconds.iter().all(|second| second.end > last), "{later:?}");
    // The peaks that are read so stay for the status.
    let contoso = &status()?.circuits[0];
    let peak = contoso.policers.iter().map(|own| own.peak_1ms_bps).max();
    let seen = seconds.iter().map(|second| second.inbound.peak_1ms_bps).max();
    assert!(peak >= seen, "{peak:?} {seen:?}");
    assert_eq!(at_the_socket("GET /v1/circuits/nobody/recent", &[], "")?.status, 404);
    assert_eq!(at_the_socket("GET /v1/circuits/contoso/recent?after=noon", &[], "")?.status, 400);
    detach_after(lab)
}

fn detach_after(mut lab: Edge) -> Result<()> {
    lab.daemon()?.stop()?;
    detach(&lab.lab)?;
    Ok(())
}

/// `edge why` has the same frames in a sentence, and a cause.
fn the_answer_to_why_has_them(lab: &Edge, dropped_frames: u64) -> Result<()> {
    let text = told(lab, &["why", "contoso"])?;
    for part in [
        &*format!("{dropped_frames} as over-rate in class voice"),
        "Cause: ",
        "Outside: its ports are up",
    ] {
        ensure!(text.contains(part), "{part:?} is not in {text}");
    }
    let why: serde_json::Value =
        serde_json::from_str(&told(lab, &["why", "closed", "--since", "2d", "--json"])?)?;
    assert_eq!(why["inbound"]["lost"][0]["reason"], "circuit-disabled", "{why}");
    for (arguments, says) in [
        (["why", "nobody", "--since", "1h"], "there is no circuit \"nobody\""),
        (["why", "contoso", "--since", "2200-01-01"], "not in the 400 days"),
        (["why", "contoso", "--since", "soon"], "--since"),
    ] {
        let refused = edge(&lab.lab, &arguments)?;
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        ensure!(String::from_utf8_lossy(&refused.stderr).contains(says), "{refused:?}");
    }
    Ok(())
}
