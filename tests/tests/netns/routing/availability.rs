//! Availability: links are cut while the daemon looks, while it is dead, and for planned work. The ledger has the times of
//! the cuts, to the second.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use edge_api::{Availability, LinkTransition, LivenessState, PeeringAvailability};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, status},
    exchange::{Exchange, ExchangeDaemon as _, speaker},
    http::at_the_socket,
    speaker::wait,
};
use edge_user::lab::{private_mounts, root_or_skip};
use jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use serde_json::Value;

use super::{
    bgp::{end, wait_for_sessions},
    redundancy::ALL,
    two_links::TwoLinks,
};

/// Most seconds that a noted time may be away from the one at which something was done: BFD of 300 ms finds a cut within a
/// second, and a look comes every second.
const OFF_S: f64 = 2.0;

/// The speaker's times are off by less than this.
const SAME_S: f64 = 0.5;

/// The availability of the first customer.
fn availability(exchange: &Exchange) -> Result<PeeringAvailability> {
    availability_of(exchange, "customer1")
}

fn availability_of(exchange: &Exchange, circuit: &str) -> Result<PeeringAvailability> {
    let arguments = ["availability", "--circuit", circuit, "--json"];
    let mut found: Availability = serde_json::from_str(&exchange.edge(&arguments)?)?;
    ensure!(found.is_complete && found.peerings.len() == 1, "{found:?}");
    found.peerings.pop().context("a peering")
}

/// The changes of a link, each of which has a state.
fn changes(exchange: &Exchange, link: &str) -> Result<Vec<LinkTransition>> {
    let links = availability(exchange)?.links;
    let mut link = links.into_iter().filter(|it| it.link == link);
    let mut changes = link.next().context("a link")?.changes;
    changes.retain(|change| change.state != "absent");
    Ok(changes)
}

/// Waits for a change to a state after a moment, and returns all since then.
fn wait_for(
    exchange: &Exchange,
    link: &str,
    state: &str,
    after: Timestamp,
) -> Result<Vec<LinkTransition>> {
    wait(|| {
        // The ledger is being made.
        let Ok(mut changes) = changes(exchange, link) else { return Ok(None) };
        changes.retain(|change| seconds(change.at, after) > -SAME_S);
        let is_last = changes.last().is_some_and(|last| last.state == state);
        Ok(is_last.then_some(changes))
    })
    .with_context(|| format!("{link} is not {state}: {:?}", availability(exchange)))
}

/// Seconds from one moment to another.
fn seconds(time: Timestamp, since: Timestamp) -> f64 {
    time.duration_since(since).as_secs_f64()
}

/// These are the changes, at these times.
fn are(changes: &[LinkTransition], expected: &[(&str, &str, Timestamp)]) -> Result<()> {
    let is_one = |(change, (state, reason, at)): (&LinkTransition, &(&str, &str, Timestamp))| {
        let reasons: Vec<&str> = reason.split('|').collect();
        change.state == *state
            && reasons.contains(&&*change.reason)
            && seconds(change.at, *at).abs() <= OFF_S
    };
    let same = changes.len() == expected.len() && changes.iter().zip(expected).all(is_one);
    ensure!(same, "{changes:?} and not {expected:?}");
    Ok(())
}

/// A moment for the link to be in its state.
fn stay() {
    thread::sleep(Duration::from_secs(3));
}

#[test]
fn the_ledger_has_the_times_of_cuts_with_and_without_a_daemon() -> Result<()> {
    if !root_or_skip("the_ledger_has_the_times_of_cuts_with_and_without_a_daemon") {
        return Ok(());
    }
    private_mounts()?;
    let mut lab = TwoLinks::new()?;
    let config = lab.bgp_config(300);
    let daemon = lab.exchange.start(&config)?;
    let _peers = lab.peers(300)?;
    wait_for_sessions(&lab.exchange, ALL)?;
    let tags = lab.customer().tags();
    let mut begun = Vec::new();
    for link in ["primary", "secondary"] {
        begun.push(wait_for(&lab.exchange, link, "up", Timestamp::UNIX_EPOCH)?.len());
    }

    // While the daemon looks.
    stay();
    let cut = Timestamp::now();
    lab.exchange.customer_side.cut(tags)?;
    are(
        &wait_for(&lab.exchange, "primary", "down", cut)?,
        &[("down", "session|bfd|neighbour", cut)],
    )?;
    let text = lab.exchange.edge(&["status"])?;
    ensure!(!text.contains("no SLA"), "{text}");
    let link = status()?.domains.into_iter().find(|domain| domain.circuit == "customer1");
    let links = link.context("a domain")?.links;
    ensure!(links.len() == 2 && links[0].state == "down" && links[1].state == "up", "{links:?}");
    stay();
    lab.exchange.customer_side.mend(tags)?;
    let back = wait_for(&lab.exchange, "primary", "up", cut)?;
    let [_, up] = &back[..] else { bail!("{back:?}") };
    let session = super::bgp::sessions(&lab.exchange)?.into_iter().find(|it| {
        it.circuit == "customer1" && it.link.as_deref() == Some("primary") && it.is_up()
    });
    let since = session.and_then(|it| it.since).context("its begin")?;
    // BFD is up a moment after the session.
    ensure!(seconds(up.at, since) > -1.0 && seconds(up.at, since) < 3.0, "{up:?} {since}");

    are_up_without_bfd(&lab.exchange)?;

    // While it is dead: the speaker tells.
    daemon.kill()?;
    stay();
    let cut = Timestamp::now();
    lab.second.cut(tags)?;
    thread::sleep(Duration::from_secs(5));
    let daemon = lab.exchange.start(&config)?;
    are(
        &wait_for(&lab.exchange, "secondary", "down", cut)?,
        &[("down", "session|bfd|neighbour", cut)],
    )?;
    lab.second.mend(tags)?;
    let back = wait_for(&lab.exchange, "secondary", "up", cut)?;
    ensure!(back.len() == 2, "{back:?}");
    are_up_without_bfd(&lab.exchange)?;

    // While daemon and speaker are dead, nobody knows.
    stay();
    daemon.kill()?;
    let dead = Timestamp::now();
    kill(speaker()?, Signal::SIGKILL)?;
    // Nothing is said of a gap of five seconds and less, and the last word may have been a moment before.
    thread::sleep(Duration::from_secs(7));
    let daemon = lab.exchange.start(&config)?;
    let back = wait_for(&lab.exchange, "primary", "up", dead)?;
    let unknown = changes(&lab.exchange, "primary")?;
    let unknown = unknown.iter().rfind(|change| change.state == "unknown").context("unknown")?;
    // Up to its last word, at most ten seconds before.
    let before = seconds(dead, unknown.at);
    ensure!((-OFF_S..13.0).contains(&before), "{unknown:?} {dead}");
    ensure!(back.iter().all(|change| change.state != "planned"), "{back:?}");

    // Planned work.
    wait_for(&lab.exchange, "secondary", "up", dead)?;
    stay();
    let drained = Timestamp::now();
    lab.exchange.edge(&["drain", "customer1", "primary", "--now"])?;
    are(
        &wait_for(&lab.exchange, "primary", "planned", drained)?,
        &[("planned", "drained", drained)],
    )?;
    stay();
    lab.exchange.edge(&["undrain", "customer1"])?;
    wait_for(&lab.exchange, "primary", "up", drained)?;

    is_the_same_without(&lab.exchange, daemon, &begun)
}

/// The links of the customer that stands by are up, and were not down since they came up: the edge asks for BFD, its router has
/// none, and BIRD keeps its sessions.
fn are_up_without_bfd(exchange: &Exchange) -> Result<()> {
    let sessions = super::bgp::sessions(exchange)?;
    let other =
        sessions.iter().filter(|it| it.circuit == "customer2" && it.link.is_some() && it.is_up());
    let bfd: Vec<_> = other.map(|it| it.bfd.as_ref().map(|bfd| bfd.state)).collect();
    ensure!(bfd == [Some(LivenessState::Down); 2], "{sessions:?}");
    let found = availability_of(exchange, "customer2")?;
    for link in &found.links {
        let mut changes = link.changes.iter().skip_while(|change| change.state != "up");
        let is_up = changes.next().is_some() && changes.next().is_none();
        ensure!(found.links.len() == 2 && is_up, "{found:?}");
    }
    Ok(())
}

/// The report is the same without a daemon, but for the time after its end, and its minutes are those of the links.
fn is_the_same_without(exchange: &Exchange, daemon: Daemon, begun: &[usize]) -> Result<()> {
    let running = changes(exchange, "primary")?;
    end(exchange, daemon)?;
    let stopped = changes(exchange, "primary")?;
    // The date of a boot follows the clock's corrections.
    let is_same = |(one, other): (&LinkTransition, &LinkTransition)| {
        let is_same_time = seconds(one.at, other.at).abs() < SAME_S;
        is_same_time && (&one.state, &one.reason) == (&other.state, &other.reason)
    };
    ensure!(
        running.len() <= stopped.len() && running.iter().zip(&stopped).all(is_same),
        "{running:?} {stopped:?}"
    );
    let found = availability(exchange)?;
    for link in &found.links {
        println!("{}", link.link);
        for change in &link.changes {
            println!("  {} {} {}", change.at, change.state, change.reason);
        }
    }
    let counted: Vec<u64> = found
        .links
        .iter()
        .map(|link| link.up_s + link.down_s + link.unknown_s + link.planned_s)
        .collect();
    ensure!(counted.iter().all(|sum| sum.abs_diff(counted[0]) <= 2), "{found:?}");
    let minutes = found.minutes_up
        + found.minutes_degraded
        + found.minutes_down
        + found.minutes_unknown
        + found.minutes_planned;
    ensure!(minutes.abs_diff(counted[0] / 60) <= 1, "{found:?}");
    ensure!(begun.iter().all(|changes| *changes <= 4), "{begun:?}");
    let table = exchange.edge(&["availability", "--changes"])?;
    ensure!(table.contains("customer1") && table.contains("drained"), "{table}");
    let csv = exchange.edge(&["availability", "--format", "csv"])?;
    ensure!(csv.starts_with("edge,circuit,peering,minutes_up,"), "{csv}");
    Ok(())
}

/// 10 % of the fees below 99.95 %, and 25 % below 99 %.
const CREDITS: &str = "[prices]\ncurrency = \"EUR\"\n[prices.zones.zone-1]\noutbound_gb = \"0.025\"\n\
                       [[prices.zones.zone-1.monthly]]\nbandwidth = \"1 Gbps\"\nmetered = \"436\"\n\
                       [[prices.sla_credit]]\nbelow = \"99.95 %\"\ncredit = \"10 %\"\n\
                       [[prices.sla_credit]]\nbelow = \"99 %\"\ncredit = \"25 %\"\n";

#[test]
fn a_month_below_its_sla_has_a_credit_on_the_bill() -> Result<()> {
    if !root_or_skip("a_month_below_its_sla_has_a_credit_on_the_bill") {
        return Ok(());
    }
    private_mounts()?;
    let mut lab = TwoLinks::new()?;
    let config = lab.bgp_config(300).tables(CREDITS);
    let daemon = lab.exchange.start(&config)?;
    let _peers = lab.peers(300)?;
    wait_for_sessions(&lab.exchange, ALL)?;
    for link in ["primary", "secondary"] {
        wait_for(&lab.exchange, link, "up", Timestamp::UNIX_EPOCH)?;
    }
    let month = &Timestamp::now().to_string()[..7];
    let bill = ["bill", "-c", CONFIG_PATH, "--month", month];
    let before = lab.exchange.edge(&bill)?;
    ensure!(before.contains("1 Gbps metered") && !before.contains("SLA credit"), "{before}");

    // Until a minute has ended in which both links were down.
    let tags = lab.customer().tags();
    lab.exchange.customer_side.cut(tags)?;
    lab.second.cut(tags)?;
    let mut found = availability(&lab.exchange)?;
    for _ in 0..150 {
        if found.sla_minutes_down > 0 {
            break;
        }
        thread::sleep(Duration::from_secs(1));
        found = availability(&lab.exchange)?;
    }
    ensure!(found.sla_minutes_down > 0, "{found:?}");

    let answer = at_the_socket(&format!("GET /v1/bill?month={month}"), &[], "")?;
    let invoice = answer.json()?["invoice"].take();
    let json = lab.exchange.edge(&[&bill[..], &["--format", "json"]].concat())?;
    for invoice in [invoice, serde_json::from_str::<Value>(&json)?] {
        let circuits = invoice["circuits"].as_array().context("circuits")?;
        let lines = |place: usize| circuits[place]["lines"].as_array().context("lines");
        let amount = |line: &Value| -> Result<f64> {
            Ok(line["amount"].as_str().context("an amount")?.parse()?)
        };
        let credits: Vec<_> = lines(0)?.iter().filter(|line| line["unit"] == "% of fees").collect();
        let [credit] = credits[..] else { bail!("{invoice}") };
        ensure!(credit["what"] == "SLA credit, private, so far", "{credit}");
        ensure!(credit["sla"]["below"] == "99" && credit["quantity"] == "25", "{credit}");
        ensure!(credit["sla"]["minutes_down"].as_u64() >= Some(found.sla_minutes_down), "{credit}");
        let fee = amount(&lines(0)?[0])?;
        ensure!(fee > 0.0 && (amount(credit)? + fee / 4.0).abs() <= 0.011, "{invoice}");
        // The other customer's links were up.
        ensure!(lines(1)?.iter().all(|line| line["unit"] != "% of fees"), "{invoice}");
    }
    let explained = lab.exchange.edge(&[&bill[..], &["--explain", "customer1"]].concat())?;
    ensure!(
        explained.contains("SLA credit, private, so far: 25 % of fees is -")
            && explained.contains("below 99 %, the credit is 25 % of the circuit's monthly fees"),
        "{explained}"
    );
    end(&lab.exchange, daemon)
}
