//! An exporter of files that is killed at any moment, and a program that moves the files away at
//! any.

use std::{
    collections::{BTreeMap, HashMap},
    env, fs,
    os::unix::process::{ExitStatusExt as _, parent_id},
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use fastrand::Rng;

use super::{SHORT, batch, child_of, until};
use crate::billing::{
    export::{Exporter, Files, Outbox, RecordFormat},
    ledger::{Batch, LedgerError, Watermark},
};

const DIR: &str = "EDGE_TEST_KILLED_EXPORTER";

/// Records in a batch: so many that a kill often hits the writing.
const SIZE: u64 = 40;

#[test]
fn every_record_arrives_once_by_id_as_jsonl() {
    kill_many(
        concat!(module_path!(), "::every_record_arrives_once_by_id_as_jsonl"),
        RecordFormat::Jsonl,
    );
}

#[test]
fn every_record_arrives_once_by_id_as_csv() {
    kill_many(
        concat!(module_path!(), "::every_record_arrives_once_by_id_as_csv"),
        RecordFormat::Csv,
    );
}

fn kill_many(test: &str, format: RecordFormat) {
    if let Some(dir) = env::var_os(DIR) {
        export(Path::new(&dir), format);
    }
    let root = tempfile::tempdir().unwrap();
    let (out, inbox) = (root.path().join("out"), root.path().join("inbox"));
    fs::create_dir(&inbox).unwrap();
    let mut ledger = OnDisk(root.path().to_owned());
    let has_ended = AtomicBool::new(false);
    let collected = thread::scope(|scope| {
        let collector = scope.spawn(|| collect(&out, &inbox, &has_ended));
        let mut dice = Rng::with_seed(format as u64);
        let mut leftovers = 0;
        // Each kill hits a random moment, but some must hit a file that is being written.
        for kills in 0.. {
            assert!(kills < 500, "{leftovers} of {kills} hit a file being written");
            if kills >= 40 && leftovers >= 3 {
                break;
            }
            let before = ledger.acknowledged();
            let mut child = child_of(test, DIR, root.path()).spawn().unwrap();
            until(|| ledger.acknowledged() > before || child.try_wait().unwrap().is_some());
            thread::sleep(Duration::from_micros(dice.u64(..3000)));
            child.kill().unwrap();
            assert_eq!(child.wait().unwrap().signal(), Some(9), "it ended by itself");
            let names = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name());
            leftovers += names.filter(|name| name.to_str().unwrap().starts_with('.')).count();
        }
        // Now to the end.
        let last = ledger.acknowledged() + 5;
        ledger.end_at(last);
        let ended = child_of(test, DIR, root.path()).status().unwrap();
        assert!(ended.success());
        assert_eq!(ledger.acknowledged(), last);
        has_ended.store(true, Ordering::SeqCst);
        collector.join().unwrap()
    });

    // Every batch, each whole and the same however often it came, and nothing else.
    let mut arrived: BTreeMap<u64, usize> = BTreeMap::new();
    let mut lines: HashMap<String, String> = HashMap::new();
    for (name, path) in collected {
        let (_ledger, number) = name.rsplit_once('.').unwrap().0.rsplit_once('-').unwrap();
        let number: u64 = number.parse().unwrap();
        let content = fs::read_to_string(&path).unwrap();
        assert_eq!(content.as_bytes(), format.encode(&batch(number, SIZE)).unwrap(), "{name}");
        *arrived.entry(number).or_default() += 1;
        for line in content.lines().skip(usize::from(format == RecordFormat::Csv)) {
            let id = line.split(',').next().unwrap();
            let known = lines.entry(id.to_owned()).or_insert_with(|| line.to_owned());
            assert_eq!(known, line);
        }
    }
    let last = ledger.acknowledged();
    assert!(arrived.keys().copied().eq(1..=last), "{arrived:?}");
    assert_eq!(lines.len() as u64, last * SIZE);
    let rest: Vec<_> = fs::read_dir(&out).unwrap().collect();
    assert!(rest.is_empty(), "{rest:?}");
}

/// The child: exports until it is killed, all is acknowledged, or nobody is there to kill it.
fn export(dir: &Path, format: RecordFormat) -> ! {
    let ledger = OnDisk(dir.to_owned());
    let files = Files::new(dir.join("out"), format);
    let outbox = Box::new(ledger.clone());
    let exporter = Exporter::start("billing", Box::new(files), outbox, false, SHORT).unwrap();
    let parent = parent_id();
    until(|| {
        assert_eq!(parent_id(), parent, "the test is gone");
        ledger.end().is_some_and(|end| ledger.acknowledged() >= end)
    });
    drop(exporter);
    process::exit(0);
}

/// Moves files away until nobody writes any more: their names, and where they are now.
fn collect(out: &Path, inbox: &Path, has_ended: &AtomicBool) -> Vec<(String, PathBuf)> {
    let mut dice = Rng::with_seed(99);
    let mut collected = Vec::new();
    loop {
        let is_last_round = has_ended.load(Ordering::SeqCst);
        // Until the first batch, there is no directory.
        for entry in fs::read_dir(out).into_iter().flatten() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.starts_with('.') || (!is_last_round && dice.u64(..3) == 0) {
                continue;
            }
            let to = inbox.join(collected.len().to_string());
            fs::rename(out.join(&name), &to).unwrap();
            collected.push((name, to));
        }
        if is_last_round {
            return collected;
        }
        thread::sleep(Duration::from_micros(dice.u64(..2000)));
    }
}

/// A ledger of batches without end, or up to one: what is acknowledged is in a file.
#[derive(Clone, Debug)]
struct OnDisk(PathBuf);

impl OnDisk {
    fn acknowledged(&self) -> u64 {
        self.number("acknowledged").unwrap_or(0)
    }

    fn end(&self) -> Option<u64> {
        self.number("end")
    }

    fn end_at(&mut self, number: u64) {
        self.set("end", number);
    }

    fn number(&self, name: &str) -> Option<u64> {
        Some(fs::read_to_string(self.0.join(name)).ok()?.parse().unwrap())
    }

    fn set(&mut self, name: &str, number: u64) {
        let beside = self.0.join(format!("{name}.new"));
        fs::write(&beside, number.to_string()).unwrap();
        fs::rename(beside, self.0.join(name)).unwrap();
    }
}

impl Outbox for OnDisk {
    fn next_batch(&mut self, _sink: &str) -> Result<Option<Batch>, LedgerError> {
        let next = self.acknowledged() + 1;
        Ok(self.end().is_none_or(|end| next <= end).then(|| batch(next, SIZE)))
    }

    fn acknowledge(&mut self, _sink: &str, number: u64) -> Result<(), LedgerError> {
        assert_eq!(number, self.acknowledged() + 1);
        self.set("acknowledged", number);
        Ok(())
    }

    fn watermark(&mut self, _sink: &str) -> Result<Option<Watermark>, LedgerError> {
        Ok(None)
    }
}
