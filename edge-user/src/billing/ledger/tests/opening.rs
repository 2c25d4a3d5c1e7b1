//! Opening the ledger: its place and its layout.

use std::{fs, os::unix::fs::PermissionsExt as _};

use rusqlite_migration::M;

use super::{super::open::LAYOUTS, *};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_ledger_is_made_where_there_is_none() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("state/edge");
    let mut ledger = Ledger::open(&directory).unwrap();
    ledger.book(&reading(at("10:01:00"), 100), &HOURLY).unwrap();
    assert_eq!(mode(&directory), 0o700);
    for file in fs::read_dir(&directory).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    let pragma = |name: &str| {
        let pragma = format!("PRAGMA {name}");
        ledger
            .connection
            .query_row(&pragma, [], |row| row.get::<_, rusqlite::types::Value>(0))
            .unwrap()
    };
    assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
    assert_eq!(pragma("synchronous"), 2.into());
    assert_eq!(pragma("foreign_keys"), 1.into());
    assert_eq!(pragma("auto_vacuum"), 2.into());
    assert_eq!(pragma("busy_timeout"), 5000.into());
    let again = Ledger::open(&directory).unwrap();
    assert_eq!(again.id(), ledger.id());
    assert_eq!(again.path(), directory.join("ledger.db"));
}

#[test]
fn looking_changes_nothing_and_needs_a_ledger() {
    let place = Place::new();
    let nowhere = place.directory.path().join("nowhere");
    let error = Ledger::open_read_only(&nowhere).unwrap_err();
    assert!(matches!(error, LedgerError::NotFound { .. }), "{error}");
    assert!(error.to_string().starts_with(&*nowhere.join("ledger.db").to_string_lossy()));
    assert!(!nowhere.exists());
    fs::create_dir(&nowhere).unwrap();
    fs::write(nowhere.join("ledger.db"), b"").unwrap();
    let error = Ledger::open_read_only(&nowhere).unwrap_err();
    assert!(matches!(error, LedgerError::NotFound { .. }), "{error}");

    // While a daemon writes, too.
    let Place { directory, mut ledger } = place;
    let mut looking = Ledger::open_read_only(directory.path()).unwrap();
    ledger.book(&reading(at("10:01:00"), 100), &HOURLY).unwrap();
    assert_eq!(looking.usage(&UsageQuery::default()).unwrap().len(), 1);
    assert_eq!(looking.check().unwrap(), [""; 0]);
    let error = looking.book(&reading(at("10:02:00"), 200), &HOURLY).unwrap_err();
    assert!(matches!(error, LedgerError::ReadOnly { .. }), "{error}");
}

/// As on a file system that nobody can write.
#[test]
fn a_ledger_without_a_log_can_be_looked_at_as_it_is() {
    let mut place = Place::new();
    place.book(&reading(at("10:01:00"), 100));
    let Place { directory, ledger } = place;
    drop(ledger);
    let uri = format!("file:{}?immutable=1", directory.path().join("ledger.db").display());
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags).unwrap();
    let looking = Ledger {
        connection,
        path: PathBuf::new(),
        file: (0, 0),
        id: Uuid::nil(),
        known: owners::KnownNumbers::default(),
    };
    assert_eq!(looking.usage(&UsageQuery::default()).unwrap().len(), 1);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_file_that_is_not_there_any_more_is_noticed() {
    let place = Place::new();
    assert!(place.ledger.is_current());
    let moved = place.directory.path().join("moved.db");
    fs::rename(place.database(), &moved).unwrap();
    assert!(!place.ledger.is_current());
    fs::copy(&moved, place.database()).unwrap();
    assert!(!place.ledger.is_current(), "a copy is another file");
    fs::rename(&moved, place.database()).unwrap();
    assert!(place.ledger.is_current());
}

fn layouts_and(next: &'static str) -> Vec<M<'static>> {
    LAYOUTS.iter().cloned().chain([M::up(next)]).collect()
}

fn version(ledger: &Ledger) -> u32 {
    ledger.connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

#[test]
fn every_older_layout_is_brought_up_to_date() {
    let latest = layouts_and("ALTER TABLE sink ADD COLUMN note TEXT");
    for older in 1..latest.len() {
        let directory = TempDir::new().unwrap();
        let mut ledger = Ledger::open_with(directory.path(), &latest[..older]).unwrap();
        let id = ledger.id();
        assert_eq!(version(&ledger), u32::try_from(older).unwrap());
        if older == LAYOUTS.len() {
            ledger.book(&reading(at("10:01:00"), 100), &HOURLY).unwrap();
        }
        if older == 1 {
            ledger.connection.execute_batch(BOOKED_BY_LAYOUT_1).unwrap();
        }
        let error = Ledger::open_read_only_with(directory.path(), &latest).unwrap_err();
        let LedgerError::TooOld { found, known, .. } = error else { panic!("{error}") };
        assert_eq!((found as usize, known as usize), (older, latest.len()));

        let ledger = Ledger::open_with(directory.path(), &latest).unwrap();
        assert_eq!(version(&ledger), u32::try_from(latest.len()).unwrap());
        assert_eq!((ledger.id(), ledger.check().unwrap()), (id, Vec::new()));
        ledger.connection.prepare("SELECT note FROM sink").unwrap();
        let is_booked = older == 1 || older == LAYOUTS.len();
        let usage = ledger.usage(&UsageQuery::default()).unwrap();
        assert_eq!(usage.len(), usize::from(is_booked));
    }
}

/// A reading at 10:01, of 100 bytes, and terms since 10:00.
const BOOKED_BY_LAYOUT_1: &str = "
    INSERT INTO meter (id, edge, circuit, direction) VALUES (1, 'edge-1', 'circuit-0', 'outbound');
    INSERT INTO owner VALUES (1, 1, 'key-1', 'public', 'primary', 'metered', 'l2');
    INSERT INTO series (id, owner, class) VALUES (1, 1, 'default');
    INSERT INTO epoch VALUES (1, '00000000-0000-0000-0000-000000000001',
        '00000000-0000-0000-0000-000000000007', CAST('/sys/fs/bpf/edge' AS BLOB), 1,
        1767261600000000, 1767261660000000, FALSE, NULL);
    INSERT INTO snapshot VALUES (1, 1, 1, 1, 1, 100);
    INSERT INTO usage VALUES (1, 1767261600, 1767265200, 1, 100, FALSE, NULL);
    INSERT INTO sample VALUES (1, 1767261600, 100);
    INSERT INTO terms VALUES ('edge-1', 'circuit-0', 1767261600000000, NULL, NULL, 1, 'metered',
        'standard', NULL);
    UPDATE checkpoint SET number = 1;";

/// Its readings go on where they were, and nothing of it is deleted before its time.
#[test]
fn what_layout_1_has_booked_goes_on() {
    let directory = TempDir::new().unwrap();
    let ledger = Ledger::open_with(directory.path(), &LAYOUTS[..1]).unwrap();
    ledger.connection.execute_batch(BOOKED_BY_LAYOUT_1).unwrap();
    drop(ledger);
    let mut place = Place { ledger: Ledger::open(directory.path()).unwrap(), directory };
    // Its last reading is a witness against a clock that is years ahead.
    let ahead = moment(time("2029-01-01T10:00:00Z"));
    let ahead = Moment { boot_id: Uuid::from_u128(99), ..ahead };
    place.ledger.observe(&ahead).unwrap();
    assert!(place.ledger.clock_notice().unwrap().is_some());
    assert_eq!(place.book(&reading(at("10:03:00"), 300)).bytes, 200);
    assert_eq!(place.usage(Grain::Period), [row("10:00:00", 300, false)]);
    let spans = place.ledger.terms(at("10:00:00"), at("11:00:00")).unwrap();
    assert_eq!(spans.len(), 1);
    place.pass(at("11:30:00"));
    place.ledger.seal(at("11:00:00")).unwrap();
    let keep = Duration::from_hours(2);
    assert_eq!(place.ledger.expire(keep, keep, &[]).unwrap(), Expired::default());
    place.pass(at("14:30:00"));
    let expired = place.ledger.expire(keep, keep, &[]).unwrap();
    assert_eq!((expired.usage, expired.samples), (1, 1));
    assert_eq!(place.ledger.check().unwrap(), [""; 0]);
}

#[test]
fn a_layout_that_can_not_be_reached_leaves_the_ledger_as_it_is() {
    let mut place = Place::new();
    place.book(&reading(at("10:01:00"), 100));
    let wrong = layouts_and("CREATE TABLE other (a); ALTER TABLE nothing ADD COLUMN b");
    let error = Ledger::open_with(place.directory.path(), &wrong).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("nothing"), "{source}");
    assert_eq!(version(&place.ledger) as usize, LAYOUTS.len());
    place.ledger.connection.prepare("SELECT * FROM other").unwrap_err();
    assert_eq!(place.book(&reading(at("10:02:00"), 300)).bytes, 200);
}

#[test]
fn what_a_newer_version_has_made_is_left_alone() {
    let Place { directory, ledger } = Place::new();
    ledger.connection.pragma_update(None, "user_version", 99).unwrap();
    drop(ledger);
    let file = directory.path().join("ledger.db");
    let before = fs::read(&file).unwrap();
    for error in [
        Ledger::open(directory.path()).unwrap_err(),
        Ledger::open_read_only(directory.path()).unwrap_err(),
        Ledger::look(directory.path()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("run the newer `edge`"), "{error}");
        let LedgerError::TooNew { found, known, .. } = error else { panic!("{error}") };
        assert_eq!((found, known as usize), (99, LAYOUTS.len()));
    }
    assert_eq!(fs::read(&file).unwrap(), before);
}

/// The thread that comes first makes the ledger, and all have the same.
#[test]
fn several_may_open_a_new_ledger_at_once() {
    let directory = TempDir::new().unwrap();
    let ids: Vec<Uuid> = std::thread::scope(|scope| {
        let open = || Ledger::open(directory.path()).unwrap().id();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

/// Each edge's daemon books, seals and expires at its own pace.
#[test]
fn several_daemons_share_a_ledger() {
    let place = Place::new();
    // Nobody says that a time is whole before all are known.
    let all_known = std::sync::Barrier::new(3);
    std::thread::scope(|scope| {
        for number in 1..=3u8 {
            let all_known = &all_known;
            let mut ledger = Ledger::open(place.directory.path()).unwrap();
            scope.spawn(move || {
                for minute in 1..=40 {
                    let taken = later(at("10:40:00"), 60 * minute);
                    let mut reading = reading(taken, 100 * minute.unsigned_abs());
                    reading.epoch = epoch(number.into());
                    reading.slots[0].owner.edge = format!("edge-{number}");
                    assert_eq!(ledger.book(&reading, &HOURLY).unwrap().bytes, 100);
                    if minute == 1 {
                        all_known.wait();
                    }
                    ledger.seal(taken).unwrap();
                    ledger.expire(Duration::ZERO, Duration::ZERO, &["nobody"]).unwrap();
                }
            });
        }
    });
    assert_eq!(place.ledger.check().unwrap(), [""; 0]);
    assert_eq!(place.ledger.checkpoint().unwrap(), 120);
    let totals: Vec<u64> = place.usage(Grain::Total).into_iter().map(|row| row.1).collect();
    assert_eq!(totals, [4000; 3]);
    assert_eq!(place.ledger.pending("nobody").unwrap(), 3);
}

#[test]
fn one_at_a_time_keeps_the_books() {
    let directory = TempDir::new().unwrap();
    let state_dir = directory.path().join("state");
    let held = lock(&state_dir).unwrap();
    let file = state_dir.join("ledger.lock");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = lock(&state_dir).unwrap_err();
    assert!(matches!(&refused, LedgerError::Held { path } if *path == file), "{refused}");
    // A process that looks or exports does not need the lock.
    Ledger::open(&state_dir).unwrap();
    Ledger::open_read_only(&state_dir).unwrap();
    drop(held);
    lock(&state_dir).unwrap();
    assert!(file.exists());
}

/// An exporter's connection comes and goes while the bookkeeper's stays.
#[test]
fn another_connection_takes_no_locks_away() {
    let directory = TempDir::new().unwrap();
    let ledger = Ledger::open(directory.path()).unwrap();
    ledger.checkpoint().unwrap();
    let before = own_locks(ledger.path());
    assert!(before > 0, "a connection holds its log");
    for _ in 0..2 {
        drop(Ledger::open(directory.path()).unwrap());
        drop(Ledger::open_read_only(directory.path()).unwrap());
        assert_eq!(own_locks(ledger.path()), before);
    }
}

/// Locks that this process has on a file.
fn own_locks(path: &std::path::Path) -> usize {
    use std::os::unix::fs::MetadataExt as _;

    let inode = format!(":{}", fs::metadata(path).unwrap().ino());
    let own = std::process::id().to_string();
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let of_file = locks.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    of_file
        .filter(|words| words.get(4) == Some(&own.as_str()))
        .filter(|words| words.get(5).is_some_and(|file| file.ends_with(&inode)))
        .count()
}
