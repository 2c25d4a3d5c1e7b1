//! A backup takes the ledger's place.

use std::{fs, path::Path};

use super::*;

/// A ledger with a backup of when it had less.
fn with_backup() -> (Place, PathBuf) {
    let mut place = Place::new();
    place.book(&reading(at("10:30:00"), 1000));
    let backup = place.directory.path().join("backup");
    place.ledger.backup(&backup).unwrap();
    place.book(&reading(at("10:40:00"), 3000));
    (place, backup)
}

fn names(directory: &Path) -> Vec<String> {
    let files = fs::read_dir(directory).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("ledger.db")).collect();
    names.sort();
    names
}

fn total(ledger: &Ledger) -> u64 {
    assert_eq!(ledger.check().unwrap(), [""; 0]);
    let query = UsageQuery { grain: Grain::Total, ..UsageQuery::default() };
    ledger.usage(&query).unwrap().iter().map(|record| record.bytes).sum()
}

/// Of a copy, as a ledger in a directory of its own.
fn total_of(file: &Path) -> u64 {
    let directory = TempDir::new().unwrap();
    fs::copy(file, directory.path().join("ledger.db")).unwrap();
    total(&Ledger::open(directory.path()).unwrap())
}

#[test]
fn a_backup_takes_the_place() {
    let (Place { directory, ledger }, backup) = with_backup();
    let id = ledger.id();
    drop(ledger);
    Ledger::restore(&backup, directory.path()).unwrap();
    assert_eq!(names(directory.path()), ["ledger.db", "ledger.db.before-restore"]);
    let mut restored = Ledger::open(directory.path()).unwrap();
    assert_eq!(total(&restored), 1000);
    let first = restored.id();
    assert_ne!(first, id);
    assert_eq!(restored.book(&reading(at("10:50:00"), 4000), &HOURLY).unwrap().bytes, 3000);
    drop(restored);
    let kept = directory.path().join("ledger.db.before-restore");
    assert_eq!(total_of(&kept), 3000);

    // Again: another life. And what was there before is a backup, too.
    Ledger::restore(&backup, directory.path()).unwrap();
    assert_ne!(Ledger::open(directory.path()).unwrap().id(), first);
    assert_eq!(total_of(&kept), 4000);
    Ledger::restore(&kept, directory.path()).unwrap();
    assert_eq!(total(&Ledger::open(directory.path()).unwrap()), 4000);
    assert_eq!(total_of(&kept), 1000);

    let elsewhere = directory.path().join("new/state");
    Ledger::restore(&backup, &elsewhere).unwrap();
    assert_eq!(total(&Ledger::open(&elsewhere).unwrap()), 1000);
    assert_eq!(names(&elsewhere), ["ledger.db"]);
}

/// As of a daemon that was killed.
#[test]
fn a_log_that_was_left_is_the_old_ledgers() {
    for is_damaged in [false, true] {
        let (place, backup) = with_backup();
        let state = TempDir::new().unwrap();
        for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
            fs::copy(place.directory.path().join(name), state.path().join(name)).unwrap();
        }
        assert_ne!(fs::metadata(state.path().join("ledger.db-wal")).unwrap().len(), 0);
        if is_damaged {
            // With a whole log, `SQLite` would repair it.
            for name in ["ledger.db", "ledger.db-wal"] {
                fs::write(state.path().join(name), vec![0x5a; 64 << 10]).unwrap();
            }
        }
        Ledger::restore(&backup, state.path()).unwrap();
        assert!(!state.path().join("ledger.db-wal").exists());
        assert_eq!(total(&Ledger::open(state.path()).unwrap()), 1000);
        let kept = state.path().join("ledger.db.before-restore");
        if is_damaged {
            assert_eq!(fs::read(kept).unwrap(), vec![0x5a; 64 << 10]);
        } else {
            assert_eq!(total_of(&kept), 3000, "the log is in it");
        }
    }
}

#[test]
fn what_is_no_sound_backup_changes_nothing() {
    let (place, backup) = with_backup();
    let state_dir = place.directory.path();
    let before = names(state_dir);
    let refused = |file: &Path| {
        let error = Ledger::restore(file, state_dir).unwrap_err();
        assert_eq!(names(state_dir), before, "{error}");
        assert_eq!(total(&place.ledger), 3000);
        assert!(place.ledger.is_current());
        error
    };
    let error = refused(&state_dir.join("nowhere"));
    assert!(error.to_string().contains("there is no backup here"), "{error}");
    let text = state_dir.join("text");
    fs::write(&text, "x".repeat(5000)).unwrap();
    let error = refused(&text);
    assert!(matches!(&error, LedgerError::Refused { path, .. } if *path == text), "{error}");
    assert!(error.to_string().contains("restore another backup"), "{error}");

    let held = lock(state_dir).unwrap();
    let error = refused(&backup);
    assert!(matches!(error, LedgerError::Held { .. }), "{error}");
    drop(held);

    let change = |sql: &str| {
        let connection = Connection::open(&backup).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    change("UPDATE usage SET bytes = bytes + 1");
    let error = refused(&backup).to_string();
    assert!(error.starts_with(&*backup.to_string_lossy()), "{error}");
    assert!(error.contains("restore another backup: series 1"), "{error}");
    change("PRAGMA user_version = 99");
    let error = refused(&backup);
    assert!(matches!(error, LedgerError::TooNew { found: 99, .. }), "{error}");
}
