//! Conditions and events: nine faults at once, each in the status, in its text, in metrics, on the page and among the events, and
//! over again.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::Child,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_api::EdgeEvent;
use edge_tests::{
    browser::browse,
    daemon::{Daemon, book, configure, detach, edge, edge_binary, status},
    ends::contoso,
    faults::disk::STATE_DIR,
    http::{METRICS, at_the_address, at_the_socket},
    notation::frame_of,
    speaker::wait,
};
use edge_user::{
    billing::ledger::Ledger,
    config::sample::{Sample, SampleCircuit},
    lab::{Lab, private_mounts, raw::RawSender, root_or_skip},
    time,
};
use jiff::SignedDuration;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

const OTHER_PATH: &str = "/run/edge/other.toml";
const ARCHIVE: &str = "/run/edge/archive";
const FOLLOWED: &str = "/run/edge/followed.json";
/// Most clients that follow events on one way in.
const EVENT_READERS: usize = 16;

/// Kind, subject, and words of the line of `edge status`.
const EXPECTED: [(&str, &str, &str); 9] = [
    ("mis-tagged", "port customer0", "frames with S 100, C 11; contoso (private) has S 100, C 10"),
    ("over-rate", "circuit steady", "are offered to the circuit, 1 Mbps are purchased"),
    ("bursts", "circuit bursty", "have the customer pace, or set `burst = "),
    ("port-dead", "port customer1", "there is no interface customer1"),
    ("cable-out", "port core1", "core1 has no carrier"),
    ("ledger-stuck", "", "usage is not booked: "),
    ("export-stuck", "export archive", "no record is delivered: "),
    ("not-saved", "", "has another configuration than the one that runs"),
    ("unconfirmed", "", "is taken back at "),
];

fn config(contoso: SampleCircuit) -> Sample {
    let circuit = |name: &str, bandwidth: &str, s_tag: u16| {
        SampleCircuit::new(name, bandwidth).s_tag(s_tag).peering("private", 10)
    };
    Sample::lab()
        .pair("customer1", "core1")
        .edge("metrics", METRICS.to_string())
        .ledger("checkpoint", "1s")
        .circuits([contoso, circuit("steady", "1 Mbps", 200), circuit("bursty", "10 Mbps", 300)])
        .tables(&format!("[[export]]\nname = \"archive\"\ndir = \"{ARCHIVE}\"\n"))
}

fn said(lab: &Lab, arguments: &[&str]) -> Result<String> {
    let output = edge(lab, arguments)?;
    ensure!(output.status.success(), "{arguments:?}: {output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

fn events_of(text: &str) -> Result<Vec<EdgeEvent>> {
    text.lines().map(|line| serde_json::from_str(line).context("an event")).collect()
}

/// A load above a rate, bursts below another one, and tags that nobody has, until it is over.
fn send(sender: &RawSender, is_over: &AtomicBool) -> Result<()> {
    let [steady, bursty, strange] = [
        "8100:200 8100:10 ipv4 payload=960",
        "8100:300 8100:10 ipv4 payload=1160",
        "8100:100 8100:11 ipv4",
    ]
    .map(frame_of);
    let [steady, bursty, strange] = [steady?, bursty?, strange?];
    for round in 0.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        (0..5).try_for_each(|_| sender.send(&steady))?;
        if round % 25 == 0 {
            // A cable has room for 256 frames.
            (0..200).try_for_each(|_| sender.send(&bursty))?;
            sender.send(&strange)?;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A record that waits for its receiver, which a file is in the place of.
fn block_the_archive(sender: &RawSender) -> Result<()> {
    let frame = frame_of("8100:100 8100:10 ipv4")?;
    sender.send(&frame)?;
    wait(|| {
        let forwarded = status()?.circuits[0].peerings[0].total.forwarded_frames;
        Ok((forwarded > 0).then_some(()))
    })?;
    book()?;
    let sealed =
        Ledger::open(Path::new(STATE_DIR))?.seal(time::wall() + SignedDuration::from_hours(24))?;
    ensure!(sealed > 0, "nothing to export");
    fs::remove_dir_all(ARCHIVE)?;
    Ok(fs::write(ARCHIVE, "")?)
}

fn break_all(lab: &Lab) -> Result<()> {
    fs::write(OTHER_PATH, config(contoso().key("bandwidth", "2 Gbps")).to_string())?;
    said(lab, &["apply", "-c", OTHER_PATH, "--confirm", "10m", "-m", "order 7"])?;
    configure(&config(contoso().key("bandwidth", "3 Gbps")))?;
    let none: Option<&str> = None;
    mount(Some("tmpfs"), STATE_DIR, Some("tmpfs"), MsFlags::MS_RDONLY, none)?;
    lab.edge().output("ip", &["link", "del", "customer1"])?;
    let far = lab.far_end("core1")?;
    far.ns().output("ip", &["link", "set", far.interface(), "down"]).map(drop)
}

fn mend_all(lab: &mut Lab) -> Result<()> {
    umount2(STATE_DIR, MntFlags::MNT_DETACH)?;
    configure(&config(contoso().key("bandwidth", "2 Gbps")))?;
    said(lab, &["confirm"])?;
    fs::remove_file(ARCHIVE)?;
    fs::create_dir(ARCHIVE)?;
    lab.cable_again("customer1", None)?;
    let far = lab.far_end("core1")?;
    far.ns().output("ip", &["link", "set", far.interface(), "up"]).map(drop)
}

/// The kinds that status, text and metrics have.
fn seen(lab: &Lab) -> Result<Vec<&'static str>> {
    let (text, scrape) =
        (said(lab, &["status"])?, at_the_address(lab, "GET /metrics", &[], "")?.body);
    let status = status()?;
    let seen = EXPECTED.iter().filter(|(kind, subject, words)| {
        let begin = if subject.is_empty() { "! ".to_owned() } else { format!("! {subject}: ") };
        let is_told = text.lines().any(|line| line.starts_with(&begin) && line.contains(words));
        let sample = format!("edge_condition{{kind=\"{kind}\",");
        let name = format!("=\"{}\"", subject.split(' ').next_back().unwrap_or_default());
        let mut samples = scrape.lines().filter(|line| line.starts_with(&sample));
        let mut known = status.conditions.iter();
        is_told
            && samples.any(|line| line.contains(&name) && line.ends_with(" 1"))
            && known.any(|it| it.kind.as_str() == *kind && it.subject() == *subject)
    });
    Ok(seen.map(|(kind, ..)| *kind).collect())
}

/// The page has a line for each, too.
fn shown_by_the_page(lab: &Lab) -> Result<()> {
    let lines = EXPECTED.map(|(_, subject, words)| {
        let begin = if subject.is_empty() { String::new() } else { format!("{subject}: ") };
        (begin, words)
    });
    let lines = serde_json::to_string(&lines.as_slice())?;
    browse(lab, "conditions.mjs", &[("EDGE_CONDITIONS", &lines)])
}

/// Each has begun and is over, and the numbers have no gap.
fn check_events(events: &[EdgeEvent]) -> Result<()> {
    let number = |event: &EdgeEvent| -> Result<u64> {
        Ok(event.id.split_once('-').context("two parts")?.1.parse()?)
    };
    for pair in events.windows(2) {
        ensure!(number(&pair[0])? + 1 == number(&pair[1])?, "{pair:?}");
    }
    for (kind, subject, _) in EXPECTED {
        let own = events
            .iter()
            .filter(|event| event.details["kind"] == kind && event.subject() == subject);
        let own: Vec<&str> = own.map(|event| event.kind.as_str()).collect();
        let times =
            own.chunks(2).filter(|it| *it == ["condition-began", "condition-ended"]).count();
        // A machine that is busy may not send for a while, and traffic that is judged comes and goes.
        let is_judged = ["mis-tagged", "over-rate", "bursts"].contains(&kind);
        let is_right = 2 * times == own.len() && (times == 1 || is_judged && times > 1);
        ensure!(is_right, "{kind}: {own:?} in {events:#?}");
    }
    for kind in ["start", "apply", "confirmed", "port"] {
        ensure!(events.iter().any(|event| event.kind.as_str() == kind), "{kind}: {events:#?}");
    }
    let confirmed = events.iter().find(|event| event.kind.as_str() == "apply");
    ensure!(confirmed.is_some_and(|event| event.sentence.contains("(order 7)")), "{events:#?}");
    Ok(())
}

/// Some clients that follow, and read nothing.
fn idle_followers(lab: &Lab) -> Result<Vec<TcpStream>> {
    let follow = |_| -> Result<TcpStream> {
        let mut stream = TcpStream::connect(METRICS)?;
        stream.write_all(b"GET /v1/events?since=all HTTP/1.1\r\nHost: edge\r\n\r\n")?;
        stream.read_exact(&mut [0; 12])?;
        Ok(stream)
    };
    lab.edge().run(|| (0..EVENT_READERS).map(follow).collect())
}

fn ask(lab: &Lab, last: &EdgeEvent) -> Result<()> {
    let none = said(lab, &["events", "--json", "--since", &last.id])?;
    ensure!(none.is_empty(), "{none}");
    let strange = said(lab, &["events", "--since", "0123456789abcdef-7"])?;
    ensure!(strange.contains("  gap                 ! events are missing: "), "{strange}");
    let wrong = edge(lab, &["events", "--since", "yesterday"])?;
    ensure!(wrong.status.code() == Some(2) && wrong.stdout.is_empty(), "{wrong:?}");
    let path = "GET /v1/events?follow=false";
    for answer in [
        at_the_socket(path, &[("Last-Event-ID", "../../etc/passwd")], "")?,
        at_the_address(lab, path, &[("Last-Event-ID", "é-1")], "")?,
        at_the_address(lab, "GET /v1/events?follow=false&since=all", &[], "")?,
    ] {
        ensure!(answer.headers["content-type"].starts_with("text/event-stream"), "{answer:?}");
        let end = format!("id: {}\nevent: {}\ndata: {{", last.id, last.kind.as_str());
        ensure!(answer.status == 200 && answer.body.contains(&end), "{answer:?}");
    }
    // Others are answered all the same.
    let followers = idle_followers(lab)?;
    let refused = at_the_address(lab, "GET /v1/events", &[], "")?;
    ensure!(refused.status == 503, "{refused:?}");
    ensure!(at_the_address(lab, "GET /healthz", &[], "")?.status == 200, "it is sound");
    ensure!(at_the_socket(path, &[], "")?.status == 200, "the other way in has its own places");
    drop(followers);
    Ok(())
}

/// `edge events -f`, into a file.
struct Follower(Child);

impl Follower {
    fn start(lab: &Lab) -> Result<Self> {
        let mut command = lab.edge().command(edge_binary());
        command.args(["events", "-f", "--json", "--since", "all"]);
        Ok(Self(command.stdout(File::create(FOLLOWED)?).spawn()?))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _already_gone = self.0.kill();
        let _already_waited_for = self.0.wait();
    }
}

/// The events that it has printed, once this one is the last.
fn followed_to(last: &EdgeEvent) -> Result<Vec<EdgeEvent>> {
    wait(|| {
        // The last line may be there in part.
        let events = events_of(&fs::read_to_string(FOLLOWED)?).unwrap_or_default();
        Ok((events.last() == Some(last)).then_some(events))
    })
}

#[test]
fn each_condition_is_told_everywhere_and_ends_again() -> Result<()> {
    if !root_or_skip("each_condition_is_told_everywhere_and_ends_again") {
        return Ok(());
    }
    private_mounts()?;
    let mut lab = Lab::with_mtu(&["customer0", "core0", "customer1", "core1"], 1600)?;
    fs::create_dir_all(ARCHIVE)?;
    let daemon = Daemon::start(&lab, &config(contoso()))?;
    let end = lab.far_end("customer0")?;
    let sender = RawSender::open(end.ns(), end.interface())?;
    block_the_archive(&sender)?;
    let _follower = Follower::start(&lab)?;
    let before = events_of(&said(&lab, &["events", "--json"])?)?;
    followed_to(before.last().context("an event")?)?;
    daemon.kill()?;
    let daemon = Daemon::start(&lab, &config(contoso()))?;

    let is_over = AtomicBool::new(false);
    thread::scope(|scope| -> Result<()> {
        let sends = scope.spawn(|| send(&sender, &is_over));
        let begun = Instant::now();
        let told = break_all(&lab).and_then(|()| {
            let mut last = Vec::new();
            wait(|| {
                last = seen(&lab)?;
                Ok((last.len() == EXPECTED.len()).then_some(()))
            })
            .with_context(|| format!("seen: {last:?}"))
        });
        println!("all conditions told after {:?}", begun.elapsed());
        let told = told.and_then(|()| shown_by_the_page(&lab));
        is_over.store(true, Ordering::Relaxed);
        told.and(sends.join().expect("no panic"))
    })
    .with_context(|| daemon.said())?;
    mend_all(&mut lab)?;
    let begun = Instant::now();
    wait(|| Ok(status()?.conditions.is_empty().then_some(())))
        .with_context(|| format!("still there: {:#?}", status().map(|status| status.conditions)))?;
    println!("all over after {:?}", begun.elapsed());
    let text = said(&lab, &["status"])?;
    ensure!(EXPECTED[1..].iter().all(|(_, _, words)| !text.contains(words)), "{text}");

    // The events of the ends come with the next look.
    let count = |events: &[EdgeEvent], kind: &str| {
        events.iter().filter(|event| event.kind.as_str() == kind).count()
    };
    let events = wait(|| {
        let events = events_of(&said(&lab, &["events", "--json"])?)?;
        let counts = ["condition-began", "condition-ended"].map(|kind| count(&events, kind));
        Ok((counts[0] == counts[1] && counts[1] >= EXPECTED.len()).then_some(events))
    })?;
    check_events(&events)?;
    let last = events.last().context("an event")?;
    let all = followed_to(last)?;
    let gap = all.iter().position(|event| event.kind.as_str() == "gap").context("a gap")?;
    ensure!(all[..gap] == before && all[gap + 1..] == events, "{all:#?}");
    ask(&lab, last)?;
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
