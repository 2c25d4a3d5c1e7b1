//! A process that only looks changes nothing, and sees all that is booked.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use super::*;

/// All of a directory: names, content, and when and how it was changed.
fn state(directory: &Path) -> BTreeMap<PathBuf, (Vec<u8>, i64, i64, u32)> {
    let of = |path: PathBuf| {
        let file = fs::metadata(&path).unwrap();
        let content = if file.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        (path, (content, file.mtime(), file.mtime_nsec(), file.mode()))
    };
    let inside = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    inside.chain([directory.to_owned()]).map(of).collect()
}

/// Looks, books the meters' later counts in the copy, and answers from it.
fn looks(directory: &Path) -> u64 {
    let mut looked = Ledger::look(directory).unwrap().ledger;
    assert_eq!(looked.check().unwrap(), [""; 0]);
    let before = looked.checkpoint().unwrap();
    looked.book(&reading(at("10:09:00"), 9_000), &HOURLY).unwrap();
    assert_eq!(looked.checkpoint().unwrap(), before + 1);
    assert_eq!(looked.check().unwrap(), [""; 0]);
    let records = looked.usage(&UsageQuery::default()).unwrap();
    records.iter().map(|record| record.bytes).sum()
}

/// Whether a daemon has it open, has left it in order, or was killed, so that a log is beside it.
#[test]
fn looking_leaves_every_file_as_it_is() {
    let mut place = Place::new();
    place.book(&reading(at("10:01:00"), 100));
    let directory = place.directory.path();
    let open = state(directory);
    assert!(
        open.keys().any(|path| path.ends_with("ledger.db-wal")),
        "the last bookings are in a log"
    );
    assert_eq!(looks(directory), 9_000);
    assert_eq!(state(directory), open);
    assert_eq!(place.ledger.usage(&UsageQuery::default()).unwrap()[0].bytes, 100);

    let killed = TempDir::new().unwrap();
    for name in ["ledger.db", "ledger.db-wal"] {
        fs::copy(directory.join(name), killed.path().join(name)).unwrap();
    }
    let left = state(killed.path());
    assert_eq!(looks(killed.path()), 9_000);
    assert_eq!(state(killed.path()), left);

    let Place { directory, ledger } = place;
    drop(ledger);
    let closed = state(directory.path());
    assert_eq!(closed.len(), 2, "the directory and the database");
    assert_eq!(looks(directory.path()), 9_000);
    assert_eq!(state(directory.path()), closed);
}

/// As on a file system that is mounted read-only, or a backup that nobody may change.
#[test]
fn what_can_only_be_read_can_be_looked_at() {
    let Place { directory, ledger } = Place::new();
    drop(ledger);
    let mode = |mode| {
        let file = directory.path().join("ledger.db");
        fs::set_permissions(file, fs::Permissions::from_mode(mode & 0o666)).unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o500);
    assert_eq!(looks(directory.path()), 9_000);
    mode(0o700);
}

#[test]
fn where_there_is_no_ledger_none_is_made() {
    let directory = TempDir::new().unwrap();
    let nowhere = directory.path().join("nowhere");
    let told = |state_dir: &Path| Ledger::look(state_dir).unwrap_err();
    assert!(matches!(told(&nowhere), LedgerError::NotFound { .. }));
    assert!(matches!(told(directory.path()), LedgerError::NotFound { .. }));
    fs::write(directory.path().join("ledger.db"), b"").unwrap();
    assert!(matches!(told(directory.path()), LedgerError::NotFound { .. }));
    fs::write(directory.path().join("ledger.db"), b"Neither a database nor anything else.")
        .unwrap();
    assert!(matches!(told(directory.path()), LedgerError::Corrupt { .. }));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

/// The copy has the newest layout, and the ledger the one that it had.
#[test]
fn an_older_layout_can_be_looked_at() {
    for older in 1..open::LAYOUTS.len() {
        let directory = TempDir::new().unwrap();
        drop(Ledger::open_with(directory.path(), &open::LAYOUTS[..older]).unwrap());
        let before = state(directory.path());
        assert_eq!(looks(directory.path()), 9_000);
        assert_eq!(state(directory.path()), before);
    }
}

#[test]
fn who_holds_the_ledger_holds_nobody_up_who_looks() {
    let mut place = Place::new();
    place.book(&reading(at("10:01:00"), 100));
    let other = Ledger::open(place.directory.path()).unwrap();
    other.connection.execute_batch("BEGIN IMMEDIATE; DELETE FROM usage").unwrap();
    let looked = Ledger::look(place.directory.path()).unwrap();
    assert_eq!(looked.ledger.usage(&UsageQuery::default()).unwrap()[0].bytes, 100);
}

#[test]
fn a_ledger_that_is_written_has_moved() {
    let mut place = Place::new();
    place.book(&reading(at("10:01:00"), 100));
    std::thread::sleep(Duration::from_millis(50));
    let looked = Ledger::look(place.directory.path()).unwrap();
    assert!(!looked.has_moved());
    place.book(&reading(at("10:02:00"), 200));
    assert!(looked.has_moved());
}

/// Another process writes all the time, empties the log and begins it anew: no look is torn.
#[test]
fn every_look_is_one_state() {
    let place = Place::new();
    let directory = place.directory.path().to_owned();
    let has_looked = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let Place { mut ledger, directory: _keep } = place;
        let has_looked = &has_looked;
        scope.spawn(move || {
            let mut bytes = 0;
            while !has_looked.load(Ordering::Relaxed) {
                bytes += 100;
                // Two slots have always the same.
                let mut both = reading(later(at("10:00:00"), i64::try_from(bytes).unwrap()), bytes);
                both.slots.push(slot(3, 1, vec![class("default", bytes / 100, bytes)]));
                ledger.book(&both, &HOURLY).unwrap();
                if bytes % 6000 == 0 {
                    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
                    ledger.connection.query_row(sql, [], |_| Ok(())).unwrap();
                }
            }
        });
        let mut last = 0;
        for _ in 0..10 {
            let looked = Ledger::look(&directory).unwrap().ledger;
            assert_eq!(looked.check().unwrap(), [""; 0]);
            let query = UsageQuery { grain: Grain::Total, ..UsageQuery::default() };
            let totals: Vec<u64> =
                looked.usage(&query).unwrap().iter().map(|record| record.bytes).collect();
            assert!(totals.iter().all(|total| *total == totals[0]), "{totals:?}");
            let now = totals.first().copied().unwrap_or(0);
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
        has_looked.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_copy_that_is_looked_at_leaves_no_file() {
    let place = Place::new();
    let copies = || {
        let own = fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|file| fs::read_link(file.unwrap().path()).ok());
        own.filter(|path| path.to_string_lossy().contains("edge-ledger-")).collect::<Vec<_>>()
    };
    let looked = Ledger::look(place.directory.path()).unwrap();
    let open = copies();
    assert!(!open.is_empty());
    assert!(open.iter().all(|path| path.to_string_lossy().ends_with(" (deleted)")), "{open:?}");
    drop(looked);
}

#[test]
fn a_ledger_knows_how_and_where_it_was_booked() {
    let mut place = Place::new();
    let own = |ledger: &Ledger| (ledger.policy().unwrap(), ledger.is_at_home().unwrap());
    let never = Policy { period: Duration::from_mins(5), gap: Duration::from_mins(15) };
    assert_eq!(own(&place.ledger), (never, true));
    let quarter = Policy { period: Duration::from_mins(15), gap: Duration::from_secs(30) };
    place.ledger.book(&reading(at("10:01:00"), 100), &quarter).unwrap();
    assert_eq!(own(&place.ledger), (quarter, true));

    let copy = TempDir::new().unwrap();
    place.ledger.backup(&copy.path().join("ledger.db")).unwrap();
    let looked = Ledger::look(copy.path()).unwrap().ledger;
    assert_eq!(own(&looked), (quarter, false));
    let looked = Ledger::look(place.directory.path()).unwrap().ledger;
    assert_eq!(own(&looked), (quarter, true));

    // Moved, all of it; and a backup that took its place.
    let moved = copy.path().join("moved");
    fs::create_dir(&moved).unwrap();
    fs::rename(place.database(), moved.join("ledger.db")).unwrap();
    fs::rename(copy.path().join("ledger.db"), place.database()).unwrap();
    assert!(Ledger::look(place.directory.path()).unwrap().ledger.is_at_home().unwrap());

    // As an older version has left it.
    let mut old = Place::new();
    old.ledger.book(&reading(at("10:01:00"), 100), &quarter).unwrap();
    old.ledger.connection.execute("DELETE FROM booking", []).unwrap();
    assert_eq!(own(&old.ledger), (Policy { gap: never.gap, ..quarter }, true));
}

#[test]
fn epochs_that_are_not_over_are_told() {
    let mut place = Place::new();
    let mut other = reading(at("10:02:00"), 100);
    other.epoch = EpochInfo { pin_dir: "/sys/fs/bpf/other".into(), ..epoch(2) };
    place.book(&reading(at("10:01:00"), 100));
    place.book(&other);
    let open = place.ledger.open_epochs().unwrap();
    let told: Vec<_> = open.iter().map(|open| (open.epoch.as_u128(), open.last_read)).collect();
    assert_eq!(told, [(1, at("10:01:00")), (2, at("10:02:00"))]);
    assert_eq!(place.ledger.last_reading().unwrap(), Some(at("10:02:00")));
    place.book(&Reading { is_final: true, ..reading(at("10:03:00"), 100) });
    assert_eq!(place.ledger.open_epochs().unwrap(), open[1..]);
    assert_eq!(place.ledger.pin_dirs().unwrap().len(), 2);
}
