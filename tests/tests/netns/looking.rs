//! Commands that only look: they write nothing, lock nothing, and name counts that they can't see.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    books::{Edge, STATE_DIR, config, of_ledger, of_status},
    daemon::{CONFIG_PATH, detach, edge, edge_binary, status},
};
use edge_user::{
    billing::ledger::UsageRecord,
    kernel::{Pins, object::pins, read::books::Books},
    lab::root_or_skip,
};
use jiff::Timestamp;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

const PINS: &str = "/sys/fs/bpf/edge";
const PRICES: &str = "[prices]\ncurrency = \"EUR\"\n[prices.zones.zone-1]\noutbound_gb = \"0.025\"\n\
                      [[prices.zones.zone-1.monthly]]\nbandwidth = \"1 Gbps\"\nmetered = \"436\"\n\
                      unlimited = \"5700\"\n";

struct Told {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Told {
    fn new(Output { status, stdout, stderr }: Output) -> Result<Self> {
        let (out, err) = (String::from_utf8(stdout)?, String::from_utf8(stderr)?);
        Ok(Self { code: status.code(), out, err })
    }

    fn ok(self) -> Result<String> {
        ensure!(self.code == Some(0), "{:?}: {}", self.code, self.err);
        Ok(self.out)
    }
}

fn told(lab: &Edge, arguments: &[&str]) -> Result<Told> {
    Told::new(edge(&lab.lab, arguments)?)
}

/// As under `ip netns exec`, which mounts another sysfs.
fn told_without_sysfs(lab: &Edge, arguments: &[&str]) -> Result<Told> {
    told_after(lab, "mount -t sysfs edge /sys", arguments)
}

/// In a mount namespace of its own, changed by a command of the shell.
fn told_after(lab: &Edge, change: &str, arguments: &[&str]) -> Result<Told> {
    let binary = edge_binary().to_str().context("a path")?;
    let script = format!("{change} && exec {binary} {}", arguments.join(" "));
    let mut command = lab.lab.edge().command("unshare");
    Told::new(command.args(["--mount", "sh", "-c", &script]).output()?)
}

fn records(told: &str) -> Result<Vec<UsageRecord>> {
    let mut document: Value = serde_json::from_str(told)?;
    let records = document.get_mut("records").context("records")?.take();
    Ok(serde_json::from_value(records)?)
}

fn frames(told: &str) -> Result<u64> {
    Ok(records(told)?.iter().map(|record| record.frames).sum())
}

/// All files of a directory and those in it, with when they were changed.
type State = BTreeMap<PathBuf, (Vec<u8>, i64, i64)>;

fn state(directory: &Path) -> Result<State> {
    let mut state = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let file = fs::metadata(&path)?;
        if file.is_dir() {
            state.extend(self::state(&path)?);
            continue;
        }
        state.insert(path.clone(), (fs::read(&path)?, file.mtime(), file.mtime_nsec()));
    }
    Ok(state)
}

fn checkpoint() -> Result<u64> {
    Ok(Books::open(&Pins::new(Path::new(PINS)))?.context("books")?.checkpoint())
}

/// A daemon was killed, and frames have passed since: every command that looks finds them, and
/// leaves ledger, meters and pins to the daemon that is about to start.
#[test]
fn who_looks_writes_nothing_and_holds_nothing() -> Result<()> {
    if !root_or_skip("who_looks_writes_nothing_and_holds_nothing") {
        return Ok(());
    }
    let config = config().ledger("period", "5min").tables(PRICES);
    let mut lab = Edge::start(&config)?;
    lab.send(2)?;
    edge_tests::daemon::book()?;
    lab.daemon()?.kill()?;
    lab.send(3)?;
    let (before, booked) = (state(Path::new(STATE_DIR))?, checkpoint()?);
    // A daemon that starts has the pins for itself.
    let starter = pins::lock(Path::new(PINS))?;
    let month = &Timestamp::now().to_string()[..7];
    let json = ["usage", "--format", "json"];
    for place in [&[][..], &["-c", CONFIG_PATH], &["--state-dir", STATE_DIR]] {
        let usage = told(&lab, &[&json[..], place].concat())?;
        assert_eq!(usage.err, "", "{place:?}");
        let records = records(&usage.ok()?)?;
        assert_eq!(records.iter().map(|record| record.frames).sum::<u64>(), 5 * 8);
        for record in records {
            assert_eq!(record.end.duration_since(record.start).as_secs(), 300, "{place:?}");
        }
    }
    told(&lab, &["usage", "--p95"])?.ok()?;
    told(&lab, &["bill", "-c", CONFIG_PATH, "--month", month])?.ok()?;
    assert_eq!(told(&lab, &["ledger", "check"])?.ok()?, "ok\n");
    told(&lab, &["ledger", "info"])?.ok()?;
    let elsewhere = tempfile::tempdir()?;
    let backup = elsewhere.path().join("ledger.db");
    told(&lab, &["ledger", "backup", backup.to_str().context("a path")?])?.ok()?;
    assert_eq!(state(Path::new(STATE_DIR))?, before);
    assert_eq!(checkpoint()?, booked);
    drop(starter);

    // The backup has what was counted up to then, and says so when there is more.
    let of_backup =
        [&json[..], &["--state-dir", elsewhere.path().to_str().context("a path")?]].concat();
    assert_eq!(frames(&told(&lab, &of_backup)?.ok()?)?, 5 * 8);
    lab.send(1)?;
    let untouched = state(elsewhere.path())?;
    let old = told(&lab, &of_backup)?;
    assert_eq!((old.code, frames(&old.out)?), (Some(1), 5 * 8), "{}", old.err);
    ensure!(old.err.contains("is a copy of the ledger"), "{}", old.err);
    let until = told(&lab, &[&of_backup[..], &["--to", "2020-01"]].concat())?;
    assert_eq!((until.code, until.err.as_str()), (Some(0), ""), "of that time nothing is missing");
    assert_eq!(state(elsewhere.path())?, untouched);
    assert_eq!(checkpoint()?, booked);

    // Nothing needs to be written there, and where nothing can be written at all, that is told.
    let read_only =
        format!("mount --bind {STATE_DIR} {STATE_DIR} && mount -o remount,bind,ro {STATE_DIR}");
    assert_eq!(frames(&told_after(&lab, &read_only, &json)?.ok()?)?, 6 * 8);
    let full = "export TMPDIR=/run && for at in /dev/shm /run; do mount -t tmpfs -o size=4k full $at; done";
    let nowhere = [&json[..], &["--state-dir", STATE_DIR]].concat();
    let nowhere = told_after(&lab, full, &nowhere)?;
    assert_eq!((nowhere.code, nowhere.out.as_str()), (Some(1), ""));
    ensure!(nowhere.err.contains("TMPDIR"), "{}", nowhere.err);

    lab.restart(&config)?;
    let counted = of_status(&status()?);
    assert_eq!(of_ledger(&records(&told(&lab, &json)?.ok()?)?), counted);
    lab.daemon()?.stop()?;
    detach(&lab.lab)?;
    lab.check().map(drop)
}

#[test]
fn what_can_not_be_seen_is_told() -> Result<()> {
    if !root_or_skip("what_can_not_be_seen_is_told") {
        return Ok(());
    }
    let mut lab = Edge::start(&config())?;
    lab.send(2)?;
    // The daemon sees the pins, and is asked.
    let json = ["usage", "--format", "json"];
    let running = told_without_sysfs(&lab, &json)?;
    assert_eq!((running.code, frames(&running.out)?), (Some(0), 2 * 8), "{}", running.err);
    lab.daemon()?.stop()?;
    lab.send(3)?;
    let hidden = told_without_sysfs(&lab, &json)?;
    assert_eq!((hidden.code, frames(&hidden.out)?), (Some(1), 2 * 8), "{}", hidden.err);
    ensure!(hidden.err.contains("since") && hidden.err.contains("nsenter --net"), "{}", hidden.err);
    ensure!(hidden.err.contains("not complete"), "{}", hidden.err);
    assert_eq!(frames(&told(&lab, &json)?.ok()?)?, 5 * 8);

    let detached = told_without_sysfs(&lab, &["detach", "-c", CONFIG_PATH])?;
    assert_eq!((detached.code, detached.out.as_str()), (Some(1), ""));
    ensure!(detached.err.contains("nothing was detached"), "{}", detached.err);
    assert_eq!(frames(&told(&lab, &json)?.ok()?)?, 5 * 8, "it is there as before");
    let detached = detach(&lab.lab)?;
    assert_eq!(detached.trim(), "detached");
    // Nothing is left that anybody could miss.
    assert_eq!(frames(&told_without_sysfs(&lab, &json)?.ok()?)?, 5 * 8);
    let again = told_without_sysfs(&lab, &["detach", "-c", CONFIG_PATH])?;
    assert_eq!(again.ok()?.trim(), "nothing was attached");
    Ok(())
}

/// A customer goes on paying for a circuit when its edge is detached, until somebody ends the
/// circuit's terms.
#[test]
fn a_detach_tells_of_fees_that_go_on() -> Result<()> {
    if !root_or_skip("a_detach_tells_of_fees_that_go_on") {
        return Ok(());
    }
    let mut lab = Edge::start(&config().tables(PRICES))?;
    lab.send(1)?;
    edge_tests::daemon::book()?;
    let end = ["ledger", "end-terms", "-c", CONFIG_PATH];
    let running = told(&lab, &[&end[..], &["--all"]].concat())?;
    assert_eq!(running.code, Some(1), "{}", running.out);
    ensure!(running.err.contains("edge reload"), "{}", running.err);
    lab.daemon()?.stop()?;
    let detached = told(&lab, &["detach", "-c", CONFIG_PATH])?;
    ensure!(detached.err.contains("fees go on"), "{}", detached.err);
    ensure!(detached.err.contains("edge ledger end-terms --all"), "{}", detached.err);
    assert_eq!(detached.ok()?.trim(), "detached");

    let before = state(Path::new(STATE_DIR))?;
    for (arguments, said) in [
        (&["--circuit", "contosso"][..], "did you mean \"contoso\"?"),
        (&["--circuit", "contoso", "--at", "2020-01"], "give a later time"),
        (&[], "--circuit"),
    ] {
        let refused = told(&lab, &[&end[..], arguments].concat())?;
        assert_eq!(refused.code, Some(2), "{}", refused.err);
        ensure!(refused.err.contains(said), "{}", refused.err);
    }
    assert_eq!(state(Path::new(STATE_DIR))?, before);
    let ended = told(&lab, &[&end[..], &["--circuit", "contoso"]].concat())?.ok()?;
    ensure!(ended.starts_with("contoso: sold since "), "{ended}");

    // To the end of the month for one of them, for some seconds for the other.
    let month = &Timestamp::now().to_string()[..7];
    let bill = ["bill", "-c", CONFIG_PATH, "--month", month, "--format", "json"];
    let invoice: Value = serde_json::from_str(&told(&lab, &bill)?.ok()?)?;
    let seconds = |circuit: usize| -> Result<f64> {
        let seconds = &invoice["circuits"][circuit]["lines"][0]["seconds"];
        Ok(seconds.as_str().context("seconds")?.parse()?)
    };
    ensure!(seconds(0)? < 600.0 && seconds(1)? > seconds(0)?, "{invoice}");
    let ended = told(&lab, &["detach", "-c", CONFIG_PATH, "--end-terms"])?.ok()?;
    ensure!(ended.contains("nothing was attached\nfabrikam: sold since "), "{ended}");
    let info = told(&lab, &["ledger", "info"])?.ok()?;
    ensure!(!info.contains("sold "), "{info}");

    // A daemon that detaches at its end says so, too.
    let mut run = lab.lab.edge().command(edge_binary());
    let run = run.args(["run", "-c", CONFIG_PATH, "--ephemeral"]).stderr(Stdio::piped());
    let mut run = run.spawn()?;
    let mut lines = BufReader::new(run.stderr.take().context("stderr")?).lines();
    ensure!(lines.by_ref().map_while(Result::ok).any(|line| line == "ready"), "it is ready");
    edge_tests::daemon::book()?;
    kill(Pid::from_raw(run.id().try_into()?), Signal::SIGTERM)?;
    let said: Vec<String> = lines.collect::<Result<_, _>>()?;
    assert!(run.wait()?.success(), "{said:?}");
    ensure!(said.iter().any(|line| line.contains("2 circuits are sold as before")), "{said:?}");
    Ok(())
}

/// A ledger that is not there, empty, damaged, of another version, or behind a directory that nobody may read.
#[test]
fn a_ledger_that_can_not_be_read_is_told() -> Result<()> {
    let place = tempfile::tempdir()?;
    let file = place.path().join("ledger.db");
    let state_dir = place.path().to_str().context("a path")?;
    let told = |command: &[&str]| {
        let place = ["--state-dir", state_dir, "-s", "/nowhere/edge.sock"];
        Told::new(std::process::Command::new(edge_binary()).args(command).args(place).output()?)
    };
    let all_say = |said: &str| -> Result<()> {
        for command in
            [&["usage"][..], &["usage", "--p95"], &["ledger", "check"], &["ledger", "info"]]
        {
            let before = state(place.path())?;
            let told = told(command)?;
            assert_eq!((told.code, told.out.as_str()), (Some(1), ""), "{command:?}: {}", told.err);
            ensure!(told.err.contains(said), "{command:?}: {}", told.err);
            assert_eq!(state(place.path())?, before, "{command:?}");
        }
        Ok(())
    };
    all_say("there is no ledger")?;
    fs::write(&file, b"")?;
    all_say("there is no ledger")?;
    fs::write(&file, vec![0x5a; 8192])?;
    all_say("the ledger is damaged")?;
    fs::remove_file(&file)?;
    drop(edge_user::billing::ledger::Ledger::open(place.path())?);
    let mut newer = fs::read(&file)?;
    // `user_version` (https://sqlite.org/fileformat2.html#user_version_number).
    newer[60..64].copy_from_slice(&99u32.to_be_bytes());
    fs::write(&file, newer)?;
    all_say("run the newer `edge`")
}
