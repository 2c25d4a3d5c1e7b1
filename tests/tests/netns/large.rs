//! Figures of an edge with very many circuits: the time of a look, and of a change while others
//! look.

use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use edge_tests::{
    daemon::{Daemon, detach, set_bandwidth},
    ends::lab,
    http::{METRICS, at_the_address, at_the_socket},
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::{Lab, root_or_skip},
};

/// Each with two peerings on two ports.
const CIRCUITS: usize = 20_000;
/// S-tags that circuits share, each with C-tags of its own.
const S_TAGS: usize = 4_000;
const TIMES: usize = 25;

/// `cargo test --release -p edge-tests --test netns large -- --ignored --nocapture` prints them.
#[test]
#[ignore = "figures, which take minutes"]
fn looking_at_a_large_edge_and_changing_it() -> Result<()> {
    if !root_or_skip("looking_at_a_large_edge_and_changing_it") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let begun = Instant::now();
    let daemon = Daemon::start(&lab, &config())?;
    println!(
        "{CIRCUITS} circuits, {} attachments: ready after {:?}",
        4 * CIRCUITS,
        begun.elapsed()
    );
    let pid = daemon.pid()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let memory = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    println!("memory at most: {}", memory.trim_start_matches("VmHWM:").trim());

    let mut answer_len = 0;
    let looks = times(7, || {
        answer_len = at_the_socket("GET /v1/status", &[], "")?.body.len();
        Ok(())
    })?;
    println!("a status of all: {looks}, {answer_len} bytes");
    let looks = times(7, || at_the_socket("GET /v1/circuits/circuit-12345", &[], "").map(drop))?;
    println!("one circuit: {looks}");
    let mut text = String::new();
    let mut all = Vec::new();
    for _ in 0..7 {
        // Each is of other figures.
        thread::sleep(Duration::from_millis(1100));
        let begun = Instant::now();
        text = scrape(&lab)?;
        all.push(begun.elapsed());
    }
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    println!("a scrape: {}, {series} series, {} bytes", Times::of(all), text.len());

    println!("another bandwidth, alone: {}", changes()?);
    let is_over = AtomicBool::new(false);
    let looks = AtomicU64::new(0);
    let beside = thread::scope(|scope| -> Result<Times> {
        for reader in 0..3 {
            let (lab, is_over, looks) = (&lab, &is_over, &looks);
            scope.spawn(move || -> Result<()> {
                while !is_over.load(Ordering::Relaxed) {
                    if reader == 0 {
                        scrape(lab)?;
                    } else {
                        at_the_socket("GET /v1/status", &[], "")?;
                    }
                    looks.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        thread::sleep(Duration::from_secs(1));
        let beside = changes();
        is_over.store(true, Ordering::Relaxed);
        beside
    })?;
    println!("another bandwidth, beside two readers and a scraper: {beside} ({looks:?} answers)");
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

fn config() -> Sample {
    let circuits = (0..CIRCUITS).map(|number| {
        let (s_tag, c_tag) = (1 + number % S_TAGS, 1 + 2 * (number / S_TAGS));
        SampleCircuit::new(format!("circuit-{number:05}"), "1 Gbps")
            .s_tag(s_tag)
            .peering("private", c_tag)
            .peering("microsoft", c_tag + 1)
    });
    Sample::lab().edge("metrics", METRICS.to_string()).circuits(circuits)
}

fn scrape(lab: &Lab) -> Result<String> {
    let answer = at_the_address(lab, "GET /metrics", &[], "")?;
    ensure!(answer.status == 200, "{}", answer.status);
    Ok(answer.body)
}

fn changes() -> Result<Times> {
    let mut all = Vec::new();
    for number in 1..=TIMES {
        thread::sleep(Duration::from_millis(50));
        let begun = Instant::now();
        set_bandwidth("circuit-07777", 1_000_000 * (1_000 + number as u64))?;
        all.push(begun.elapsed());
    }
    Ok(Times::of(all))
}

/// Least, median and most.
struct Times([Duration; 3]);

impl Times {
    fn of(mut all: Vec<Duration>) -> Self {
        all.sort();
        Self([all[0], all[all.len() / 2], all[all.len() - 1]])
    }
}

impl std::fmt::Display for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [least, median, most] = self.0.map(|time| time.as_secs_f64() * 1e3);
        write!(f, "{median:.1} ms ({least:.1} to {most:.1})")
    }
}

fn times(count: usize, mut once: impl FnMut() -> Result<()>) -> Result<Times> {
    let mut all = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        once()?;
        all.push(begun.elapsed());
    }
    Ok(Times::of(all))
}
