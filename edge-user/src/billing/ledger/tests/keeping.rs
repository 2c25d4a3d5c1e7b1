//! Epochs and backups.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::*;

#[test]
fn epochs_that_end_unseen_are_told_once() {
    let mut place = Place::new();
    let of = |number, change: &dyn Fn(&mut EpochInfo)| {
        let mut reading = reading(later(at("10:00:00"), 60), 100);
        reading.epoch = epoch(number);
        change(&mut reading.epoch);
        reading
    };
    let other_boot = |epoch: &mut EpochInfo| epoch.boot_id = Uuid::from_u128(6);
    place.book(&of(1, &other_boot));
    place.book(&of(2, &|_| ()));
    place.book(&of(3, &|epoch| epoch.pin_dir = PathBuf::from("/sys/fs/bpf/other")));
    place.book(&of(4, &|epoch| epoch.layout_version = 2));
    place.book(&Reading { is_final: true, ..of(5, &other_boot) });
    place.book(&of(6, &|_| ()));

    let now = at("12:00:00");
    let id = place.ledger.id();
    let present = [of(4, &|epoch| epoch.layout_version = 2).epoch, epoch(6)];
    let present: Vec<&EpochInfo> = present.iter().collect();
    let lost = place.ledger.mark_lost(&present, &moment(now)).unwrap();
    let other = place.ledger.id();
    assert_ne!(other, id);
    assert_eq!(Ledger::open(place.directory.path()).unwrap().id(), other);
    let told: Vec<_> = lost.iter().map(|gap| gap.epoch.as_u128()).collect();
    assert_eq!(told, [1, 2]);
    assert_eq!((lost[0].last_read, lost[0].found), (at("10:01:00"), now));
    assert_eq!(lost[1].pin_dir, PathBuf::from("/sys/fs/bpf/edge"));
    assert_eq!(place.ledger.mark_lost(&present, &moment(at("13:00:00"))).unwrap(), []);
    assert_eq!(place.ledger.id(), other, "nothing was lost");
    assert_eq!(place.ledger.gaps().unwrap(), lost);
    // One that is read again was not lost.
    let mut again = of(2, &|_| ());
    again.slots[0].classes[0].bytes = 300;
    assert_eq!(place.book(&again).bytes, 200);
    assert_eq!(place.ledger.gaps().unwrap(), lost[..1]);
}

#[test]
fn a_closed_epoch_still_takes_what_is_more() {
    let mut place = Place::new();
    let last = Reading { is_final: true, ..reading(at("10:10:00"), 1000) };
    let checkpoint = place.book(&last).checkpoint;
    assert_eq!(place.book(&last).checkpoint, checkpoint);
    let mut next = epoch(2);
    next.boot_id = Uuid::from_u128(8);
    for older in [reading(at("10:09:00"), 1000), reading(at("10:10:00"), 1000)] {
        assert_eq!(place.book(&older).checkpoint, checkpoint);
    }
    assert_eq!(place.ledger.mark_lost(&[&next], &moment(at("11:00:00"))).unwrap(), []);
    let more = Reading { is_final: true, ..reading(at("10:11:00"), 1100) };
    assert_eq!(place.book(&more).bytes, 100);
    assert_eq!(place.ledger.mark_lost(&[&next], &moment(at("11:00:00"))).unwrap(), []);
}

#[test]
fn an_epoch_that_goes_on_after_its_last_reading_is_open() {
    let mut place = Place::new();
    place.book(&Reading { is_final: true, ..reading(at("10:10:00"), 1000) });
    place.book(&reading(at("10:11:00"), 1000));
    let mut next = epoch(2);
    next.boot_id = Uuid::from_u128(8);
    let lost = place.ledger.mark_lost(&[&next], &moment(at("11:00:00"))).unwrap();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].last_read, at("10:11:00"));
}

#[test]
fn a_backup_is_a_ledger() {
    let mut place = Place::new();
    place.book(&reading(at("10:30:00"), 1000));
    let copy = TempDir::new().unwrap();
    let file = copy.path().join("ledger.db");
    place.ledger.backup(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(copy.path()).unwrap().count(), 1, "one file has it all");
    place.book(&reading(at("11:30:00"), 2000));

    let error = place.ledger.backup(&file).unwrap_err();
    assert!(matches!(error, LedgerError::Refused { .. }), "{error}");
    let missing = place.ledger.backup(&copy.path().join("nowhere/ledger.db")).unwrap_err();
    assert!(matches!(missing, LedgerError::Io { .. }), "{missing}");
    let mut restored = Ledger::open(copy.path()).unwrap();
    assert_eq!(restored.check().unwrap(), [""; 0]);
    assert_eq!(restored.checkpoint().unwrap(), 1);
    assert_eq!(restored.book(&reading(at("11:30:00"), 2000), &HOURLY).unwrap().bytes, 1000);
}

/// Numbers of records.
fn sealed(ledger: &mut Ledger, now: Timestamp) -> Vec<String> {
    ledger.seal(now).unwrap();
    let mut ids = Vec::new();
    while let Some(batch) = ledger.next_batch("a").unwrap() {
        ids.extend(batch.records.into_iter().map(|record| record.id));
        ledger.acknowledge("a", batch.number).unwrap();
    }
    ids
}

/// After a reboot no tables tell how far the ledger had come.
#[test]
fn a_copy_never_uses_an_id_that_the_ledger_uses() {
    let mut place = Place::new();
    place.book(&reading(at("10:30:00"), 1000));
    let first = sealed(&mut place.ledger, at("11:00:00"));
    let (backup, plain) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    place.ledger.backup(&backup.path().join("ledger.db")).unwrap();
    place.ledger.connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(())).unwrap();
    fs::copy(place.database(), plain.path().join("ledger.db")).unwrap();
    place.book(&reading(at("11:30:00"), 3000));
    let mut used = sealed(&mut place.ledger, at("12:00:00"));
    assert_eq!((first.len(), used.len()), (1, 1));

    let mut next = epoch(2);
    next.boot_id = Uuid::from_u128(8);
    next.created = at("13:00:00");
    for copy in [backup, plain] {
        let mut restored = Ledger::open(copy.path()).unwrap();
        restored.mark_lost(&[&next], &moment(at("13:00:00"))).unwrap();
        let after = Reading { epoch: next.clone(), ..reading(at("13:30:00"), 7000) };
        restored.book(&after, &HOURLY).unwrap();
        let ids = sealed(&mut restored, at("14:00:00"));
        assert_eq!(ids.len(), 1);
        assert!(ids.iter().all(|id| !used.contains(id)), "{ids:?} {used:?}");
        used.extend(ids);
    }
}

#[test]
fn info_counts_what_there_is() {
    let mut place = Place::new();
    place.book(&reading(at("10:30:00"), 1000));
    place.ledger.seal(at("11:00:00")).unwrap();
    place.book(&reading(at("11:30:00"), 2000));
    place.ledger.acknowledge("a", 1).unwrap();
    let info = place.ledger.info().unwrap();
    // The meters were not read since.
    let whole = Some(at("10:00:00"));
    let sink = SinkInfo { name: "a".to_owned(), acknowledged: 1, pending: 0, sealed_until: whole };
    let expected = LedgerInfo {
        id: place.ledger.id(),
        layout: u32::try_from(open::LAYOUTS.len()).unwrap(),
        bytes: info.bytes,
        checkpoint: 2,
        epochs: 1,
        series: 1,
        open_usage: 1,
        records: 1,
        last_seq: 1,
        sealed_until: whole,
        samples: 18,
        sinks: vec![sink],
    };
    assert_eq!(info, expected);
    assert_eq!(info.bytes % 4096, 0);
}
