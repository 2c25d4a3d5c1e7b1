//! Random changes under load: valid ones lose no frame of a circuit that they don't concern, and invalid ones change nothing.
//!
//! `EDGE_FAULT_SEED=… EDGE_CHANGES=…` repeats it, but for the moments of the scheduler.

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use edge_api::Status;
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, configure, reload, set_bandwidth, status},
    ends::lab,
    frames::how_many,
    load::{check_all, config, under_load},
};
use edge_user::{
    config::{
        self,
        sample::{Sample, SampleCircuit},
    },
    lab::root_or_skip,
};
use fastrand::Rng;

use super::growth::config::only_set;

/// Changes of each kind in a run of the tests.
const CHANGES: u64 = 60;
const MOST_CIRCUITS: usize = 60;
/// Characters that mean something in a file.
const CHARACTERS: &[u8] = b"\"[]{}=.,#0123456789abz-_ \n\0";

/// A circuit that is not under load.
#[derive(Clone)]
struct Neighbour {
    number: usize,
    name: String,
    sample: SampleCircuit,
}

/// The configuration as it should be.
struct Wanted {
    rng: Rng,
    neighbours: Vec<Neighbour>,
    passes_unmatched: bool,
    made: usize,
}

impl Wanted {
    fn sample(&self) -> Sample {
        let all =
            config().circuits(self.neighbours.iter().map(|neighbour| neighbour.sample.clone()));
        if self.passes_unmatched { all.edge("unmatched", "pass") } else { all }
    }

    /// Changes something that is not the circuit under load.
    fn change(&mut self) -> String {
        let rng = &mut self.rng;
        let is_full = self.neighbours.len() >= MOST_CIRCUITS;
        if self.neighbours.is_empty() || !is_full && rng.u8(0..4) == 0 {
            for _ in 0..rng.usize(1..20) {
                self.made += 1;
                let neighbour = neighbour(self.made, &format!("c{}", self.made), &mut self.rng);
                self.neighbours.push(neighbour);
            }
            return "circuits are added".to_owned();
        }
        let place = rng.usize(0..self.neighbours.len());
        match rng.u8(0..12) {
            0..=2 => {
                self.neighbours.remove(place);
                "a circuit is removed".to_owned()
            }
            3 | 4 => {
                let Neighbour { number, .. } = self.neighbours[place];
                self.made += 1;
                self.neighbours[place] = neighbour(number, &format!("renamed{}", self.made), rng);
                "a circuit has another name and other keys".to_owned()
            }
            5 => {
                self.passes_unmatched = !self.passes_unmatched;
                "the ports do another thing".to_owned()
            }
            6 => {
                rng.shuffle(&mut self.neighbours);
                "the order is another one".to_owned()
            }
            7 => {
                self.neighbours.clear();
                "all neighbours are gone".to_owned()
            }
            _ => {
                let Neighbour { number, name, .. } = self.neighbours[place].clone();
                self.neighbours[place] = neighbour(number, &name, rng);
                "a circuit has other keys".to_owned()
            }
        }
    }

    /// A file that is wrong, near to the one that is right.
    fn damaged(&mut self) -> String {
        loop {
            let mut text = self.sample().to_string().into_bytes();
            let rng = &mut self.rng;
            match rng.u8(0..4) {
                0 => text.truncate(rng.usize(0..text.len())),
                1 => {
                    let from = rng.usize(0..text.len());
                    let to = rng.usize(from..=text.len().min(from + 40));
                    text.drain(from..to);
                }
                _ => {
                    for _ in 0..rng.usize(1..4) {
                        let place = rng.usize(0..text.len());
                        text[place] = CHARACTERS[rng.usize(0..CHARACTERS.len())];
                    }
                }
            }
            let Ok(text) = String::from_utf8(text) else { continue };
            // Some damage is none.
            if config::parse(&text, Path::new(CONFIG_PATH)).is_err() {
                return text;
            }
        }
    }

    fn check(&self, now: &Status) -> Result<()> {
        let names: Vec<&str> = now.circuits.iter().map(|circuit| &*circuit.name).collect();
        let wanted = self.neighbours.iter().map(|neighbour| &*neighbour.name);
        let wanted: Vec<&str> = ["contoso"].into_iter().chain(wanted).collect();
        ensure!(names == wanted, "{names:?} run, {wanted:?} are wanted");
        Ok(())
    }
}

/// A circuit with tags of this number, and keys by chance.
fn neighbour(number: usize, name: &str, rng: &mut Rng) -> Neighbour {
    const RATES: [&str; 5] = ["64 kbps", "10 Mbps", "1 Gbps", "2.5 Gbps", "100 Gbps"];
    let pick = |rng: &mut Rng, from: &[&'static str]| from[rng.usize(0..from.len())];
    let mut sample = SampleCircuit::new(name, pick(rng, &RATES)).s_tag(101 + number % 700);
    sample = sample.peering("private", 1 + number / 700 % 2000);
    if rng.bool() {
        sample = sample.peering("microsoft", 2001 + number / 700 % 2000);
    }
    for (key, values) in [
        ("enabled", &["true", "false"][..]),
        ("ecn", &["drop", "mark"]),
        ("fairness", &["none", "flow"]),
        ("accounting", &["l1", "l2", "mef", "l3"]),
        ("policing", &["circuit-link", "peering-link"]),
    ] {
        if rng.u8(0..3) == 0 {
            let value = pick(rng, values);
            sample = match value {
                "true" | "false" => sample.key(key, value == "true"),
                _ => sample.key(key, value),
            };
        }
    }
    Neighbour { number, name: name.to_owned(), sample }
}

#[test]
fn random_changes_touch_nobody_else_and_wrong_ones_nobody() -> Result<()> {
    if !root_or_skip("random_changes_touch_nobody_else_and_wrong_ones_nobody") {
        return Ok(());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos();
    let seed = how_many("EDGE_FAULT_SEED", now.into());
    let changes = how_many("EDGE_CHANGES", CHANGES);
    eprintln!("EDGE_FAULT_SEED={seed} EDGE_CHANGES={changes}");
    let rng = Rng::with_seed(seed);
    let mut wanted = Wanted { rng, neighbours: Vec::new(), passes_unmatched: false, made: 0 };
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &wanted.sample())?;
    let (sent, daemon) = under_load(&lab, || {
        for number in 0..changes {
            let what = wanted.change();
            configure(&wanted.sample())?;
            reload().with_context(|| format!("change {number}: {what}\n{}", daemon.said()))?;
            if let Some(neighbour) = wanted.neighbours.first().filter(|_| number.is_multiple_of(4))
            {
                set_bandwidth(&neighbour.name, 5_000_000)?;
            }
            let before = status()?;
            wanted.check(&before)?;
            let damaged = wanted.damaged();
            configure(&damaged)?;
            ensure!(reload().is_err(), "change {number} takes this:\n{damaged}");
            let after = status()?;
            wanted.check(&after)?;
            ensure!(after.config.digest == before.config.digest, "change {number}: {damaged}");
            ensure!(after.config.file_fault.is_some(), "change {number}: {damaged}");
        }
        configure(&wanted.sample())?;
        reload()?;
        Ok(daemon)
    })?;
    only_set(&daemon)?;
    check_all(&lab, sent, daemon)
}
