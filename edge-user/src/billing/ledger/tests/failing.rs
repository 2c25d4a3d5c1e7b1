//! An operation that fails changes nothing, and its error says what to do.

use std::{fs, os::unix::fs::FileExt as _};

use super::*;

/// Everything in the database.
pub(super) fn dump(ledger: &Ledger) -> Vec<String> {
    let connection = &ledger.connection;
    let mut tables =
        connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let mut dump = Vec::new();
    for table in tables {
        let table = table.unwrap();
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let values: Vec<rusqlite::types::Value> =
                (0..columns).map(|column| row.get(column).unwrap()).collect();
            dump.push(format!("{table} {values:?}"));
        }
    }
    dump
}

/// No page more than there is.
pub(super) fn fill(ledger: &Ledger) {
    limit(ledger, 1);
}

pub(super) fn make_room(ledger: &Ledger) {
    limit(ledger, i32::MAX);
}

fn limit(ledger: &Ledger, pages: i32) {
    let pragma = format!("PRAGMA max_page_count = {pages}");
    ledger.connection.query_row(&pragma, [], |_| Ok(())).unwrap();
}

fn many(taken: Timestamp, bytes: u64) -> Reading {
    let slots = (0..500).map(|number| slot(number, 1, vec![class("default", 1, bytes)]));
    Reading { slots: slots.collect(), ..reading(taken, 0) }
}

#[test]
fn what_does_not_fit_is_booked_when_there_is_room() {
    let mut place = Place::settled();
    place.book(&reading(at("10:01:00"), 100));
    let before = dump(&place.ledger);
    fill(&place.ledger);
    for _ in 0..2 {
        let error = place.ledger.book(&many(at("10:02:00"), 300), &HOURLY).unwrap_err();
        assert!(matches!(error, LedgerError::Full { .. }), "{error}");
        assert!(error.to_string().contains("make room"), "{error}");
        assert_eq!(dump(&place.ledger), before);
    }
    make_room(&place.ledger);
    assert_eq!(place.book(&many(at("10:03:00"), 300)).bytes, 500 * 300 - 100);

    // Without it, pages have room for the numbers of records.
    place.ledger.connection.execute_batch("VACUUM").unwrap();
    let before = dump(&place.ledger);
    fill(&place.ledger);
    let error = place.ledger.seal(at("11:00:00")).unwrap_err();
    assert!(matches!(error, LedgerError::Full { .. }), "{error}");
    assert_eq!(dump(&place.ledger), before);
    make_room(&place.ledger);
    assert_eq!(place.ledger.seal(at("11:00:00")).unwrap(), 500);
    assert_eq!(place.ledger.check().unwrap(), [""; 0]);
}

#[test]
fn what_can_not_be_written_is_booked_when_it_can() {
    let mut place = Place::new();
    place.book(&reading(at("10:01:00"), 100));
    let before = dump(&place.ledger);
    place.ledger.connection.pragma_update(None, "query_only", true).unwrap();
    let error = place.ledger.book(&many(at("10:02:00"), 300), &HOURLY).unwrap_err();
    assert!(matches!(error, LedgerError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("write access"), "{error}");
    assert_eq!(dump(&place.ledger), before);
    place.ledger.connection.pragma_update(None, "query_only", false).unwrap();
    assert_eq!(place.book(&many(at("10:03:00"), 300)).bytes, 500 * 300 - 100);
}

#[test]
fn who_is_held_up_says_so() {
    let mut place = Place::new();
    let other = Ledger::open(place.directory.path()).unwrap();
    other.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    place.ledger.connection.busy_timeout(Duration::ZERO).unwrap();
    let error = place.ledger.book(&reading(at("10:01:00"), 100), &HOURLY).unwrap_err();
    assert!(matches!(error, LedgerError::Busy { .. }), "{error}");
    // A process that only looks is not held up.
    assert_eq!(place.ledger.usage(&UsageQuery::default()).unwrap(), []);
    assert_eq!(place.ledger.next_batch("a").unwrap(), None);
    other.connection.execute_batch("ROLLBACK").unwrap();
    assert_eq!(place.book(&reading(at("10:01:00"), 100)).bytes, 100);
}

#[test]
fn more_than_can_be_counted_is_refused() {
    let mut place = Place::new();
    let error = place.ledger.book(&reading(at("10:01:00"), u64::MAX), &HOURLY).unwrap_err();
    assert!(matches!(error, LedgerError::Refused { .. }), "{error}");
    let most = i64::MAX.unsigned_abs();
    assert_eq!(place.book(&reading(at("10:05:00"), most)).bytes, most);
    place.ledger.seal(at("11:00:00")).unwrap();
    // Readings themselves go on to the end of 64 bits, over several periods.
    let both = most + most / 2;
    assert_eq!(place.book(&reading(at("11:01:00"), both)).bytes, most / 2);
    assert_eq!(place.usage(Grain::Total)[0].1, both);
}

fn closed_ledger() -> TempDir {
    let mut place = Place::new();
    place.book(&many(at("10:01:00"), 300));
    let Place { directory, ledger } = place;
    drop(ledger);
    directory
}

fn assert_is_damaged(error: &LedgerError) {
    assert!(matches!(error, LedgerError::Corrupt { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("ledger.db: the ledger is damaged"), "{message}");
    assert!(message.contains("`edge ledger restore FILE`"), "{message}");
    let source = std::error::Error::source(error).unwrap();
    assert!(source.source().is_none(), "it is told once: {source}");
}

#[test]
fn no_database_at_all_is_told() {
    let directory = closed_ledger();
    let file = fs::File::options().write(true).open(directory.path().join("ledger.db")).unwrap();
    file.write_all_at(b"Neither a database nor", 0).unwrap();
    assert_is_damaged(&Ledger::open(directory.path()).unwrap_err());
    assert_is_damaged(&Ledger::open_read_only(directory.path()).unwrap_err());
}

#[test]
fn damaged_pages_are_told_and_nothing_is_booked() {
    let directory = closed_ledger();
    let file = fs::File::options().write(true).open(directory.path().join("ledger.db")).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    let ledger = Ledger::open_read_only(directory.path()).unwrap();
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'usage'";
    let root: u64 =
        ledger.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs();
    drop(ledger);
    assert!((2..=pages).contains(&root));
    file.write_all_at(&[0xa5; 4096], (root - 1) * 4096).unwrap();

    let mut ledger = Ledger::open(directory.path()).unwrap();
    match ledger.check() {
        Ok(problems) => assert_ne!(problems, [""; 0]),
        Err(error) => assert_is_damaged(&error),
    }
    let checkpoint = ledger.checkpoint().unwrap();
    assert_is_damaged(&ledger.book(&many(at("10:02:00"), 400), &HOURLY).unwrap_err());
    assert_eq!(ledger.checkpoint().unwrap(), checkpoint);
}

#[test]
fn a_check_finds_every_kind_of_disagreement() {
    for (change, problem) in [
        ("UPDATE usage SET bytes = bytes + 1 WHERE seq IS NULL", "readings are"),
        ("UPDATE usage SET frames = frames + 1 WHERE seq = 1", "have changed since"),
        ("DELETE FROM usage WHERE seq = 1", "has 1 records instead of 2"),
        ("UPDATE snapshot SET bytes = bytes - 1", "readings are"),
        ("UPDATE sample SET bytes = bytes + 1", "samples are"),
        ("UPDATE batch SET after_s = 1767261601", "were told to be whole"),
        ("DELETE FROM batch", "2 records are sealed, and batches have 0"),
        ("UPDATE batch SET number = 3", "follows batch 0"),
        ("UPDATE batch SET first_seq = 2", "has records 2 to 2 after 0"),
        ("UPDATE usage SET end_s = end_s + 1800 WHERE seq IS NOT NULL", "overlaps another"),
        ("UPDATE laid SET start_s = start_s - 3600", "1 periods lack usage"),
        ("UPDATE laid_sample SET start_s = 0", "samples lack usage"),
        ("DELETE FROM held", "readings are"),
        ("UPDATE sink SET acknowledged = 9", "has acknowledged batch 9 of 1"),
        ("UPDATE series SET owner = 9 WHERE id = 1", "refers to one of owner"),
    ] {
        let mut place = Place::new();
        let mut both = reading(at("10:30:00"), 1000);
        both.slots.push(slot(2, 1, vec![class("default", 1, 100)]));
        place.book(&both);
        place.ledger.seal(at("11:00:00")).unwrap();
        place.ledger.acknowledge("a", 1).unwrap();
        both.taken = moment(at("11:30:00"));
        both.slots[0].classes[0].bytes = 3000;
        place.book(&both);
        // Of a clock that has jumped.
        let wall = later(both.taken.wall, 7200);
        both.taken = Moment { wall, ..moment(at("11:31:00")) };
        both.slots[0].classes[0].bytes = 3100;
        place.book(&both);
        place.ledger.connection.pragma_update(None, "foreign_keys", false).unwrap();
        place.ledger.connection.execute(change, []).unwrap();
        let problems = place.ledger.check().unwrap();
        assert!(problems.iter().any(|found| found.contains(problem)), "{change}: {problems:?}");
    }
}
