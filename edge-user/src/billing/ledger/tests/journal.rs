//! Changes of terms that the ledger doesn't have yet.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{FileExt as _, MetadataExt as _},
};

use super::{
    terms::{change, spans, terms},
    *,
};

fn changed(bandwidth_bps: u64) -> TermsChange {
    change("edge-1", moment(at("10:00:00")), &[terms("a", bandwidth_bps)])
}

/// The changes that a process finds which starts now.
fn found(directory: &TempDir) -> Vec<TermsChange> {
    let (_journal, changes) = TermsJournal::open(directory.path()).unwrap();
    changes.into_iter().map(|(_, change)| change).collect()
}

#[test]
fn what_was_noted_is_there_until_the_ledger_has_it() {
    let directory = TempDir::new().unwrap();
    let (mut journal, none) = TermsJournal::open(directory.path()).unwrap();
    assert_eq!(none, []);
    let held = TermsJournal::open(directory.path()).unwrap_err();
    assert!(matches!(held, LedgerError::Held { .. }), "{held}");
    journal.note(&changed(1)).unwrap();
    let (id, number) = journal.note(&changed(2)).unwrap();
    assert_eq!((id, number), (journal.id(), 2));
    drop(journal);
    assert_eq!(found(&directory), [changed(1), changed(2)]);

    let (mut journal, _) = TermsJournal::open(directory.path()).unwrap();
    journal.has_drained(1).unwrap();
    journal.note(&changed(3)).unwrap();
    // Not the last: all stay.
    journal.has_drained(2).unwrap();
    drop(journal);
    assert_eq!(found(&directory), [changed(1), changed(2), changed(3)]);
    let (mut journal, _) = TermsJournal::open(directory.path()).unwrap();
    journal.has_drained(3).unwrap();
    // As long as the one that was there: what follows it is old.
    assert_eq!(journal.note(&changed(4)).unwrap().1, 4);
    drop(journal);
    assert_eq!(found(&directory), [changed(4)]);
}

/// The ledger takes a number once: those of another process are others.
#[test]
fn an_empty_journal_begins_anew() {
    let mut place = Place::settled();
    for bandwidth_bps in 1..=3u64 {
        let (mut journal, none) = TermsJournal::open(place.directory.path()).unwrap();
        assert_eq!(none, []);
        let noted = TermsChange {
            at: moment(later(at("10:00:00"), bandwidth_bps.cast_signed())),
            ..changed(bandwidth_bps)
        };
        let source = journal.note(&noted).unwrap();
        assert_eq!(source.1, 1);
        place.ledger.note_terms(&noted, Some(source)).unwrap();
        journal.has_drained(1).unwrap();
        assert_eq!(spans(&place.ledger).last().map(|span| span.1), Some(bandwidth_bps));
    }
}

#[test]
fn what_is_retracted_was_never_noted() {
    let directory = TempDir::new().unwrap();
    let (mut journal, _) = TermsJournal::open(directory.path()).unwrap();
    journal.note(&changed(1)).unwrap();
    journal.note(&changed(2)).unwrap();
    journal.retract().unwrap();
    journal.retract().unwrap();
    drop(journal);
    assert_eq!(found(&directory), [changed(1)]);
    let (mut journal, _) = TermsJournal::open(directory.path()).unwrap();
    journal.note(&changed(3)).unwrap();
    drop(journal);
    assert_eq!(found(&directory), [changed(1), changed(3)]);
}

/// A power cut may leave any part of the last record.
#[test]
fn half_a_record_is_none() {
    let directory = TempDir::new().unwrap();
    let (mut journal, _) = TermsJournal::open(directory.path()).unwrap();
    journal.note(&changed(1)).unwrap();
    drop(journal);
    let path = directory.path().join("terms.journal");
    let one = fs::read(&path).unwrap();
    let (mut journal, _) = TermsJournal::open(directory.path()).unwrap();
    journal.note(&changed(2)).unwrap();
    drop(journal);
    let both = fs::read(&path).unwrap();
    let differ = (0..one.len()).filter(|at| one[*at] != both[*at]).collect::<Vec<_>>();
    let (first, last) = (differ[0], differ[differ.len() - 1]);
    for torn in (first..=last).step_by(7) {
        let mut bytes = both.clone();
        bytes[torn..=last].copy_from_slice(&one[torn..=last]);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(found(&directory), [changed(1)], "{torn}");
    }
    // Pages may also come the other way round.
    let mut bytes = both.clone();
    bytes[first..first + 4].fill(0);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(found(&directory), [changed(1)]);
    // Cut off, as by somebody's copy.
    fs::write(&path, &both[..last]).unwrap();
    assert_eq!(found(&directory), [changed(1)]);
}

#[test]
fn a_journal_that_was_half_made_is_made_anew_and_a_foreign_file_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("terms.journal");
    for left in [&[][..], &[0; 10], &[0; 5000]] {
        fs::write(&path, left).unwrap();
        assert_eq!(found(&directory), []);
    }
    fs::write(&path, [7; 5000]).unwrap();
    let error = TermsJournal::open(directory.path()).unwrap_err();
    assert!(matches!(error, LedgerError::Io { .. }), "{error}");
    assert_eq!(fs::read(&path).unwrap(), [7; 5000]);
}

/// Its room is there before it is needed.
#[test]
fn a_change_fits_that_the_disk_has_no_room_for() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("terms.journal");
    let (mut journal, _) = TermsJournal::open(directory.path()).unwrap();
    let before = fs::metadata(&path).unwrap();
    for bandwidth_bps in 0..500 {
        journal.note(&changed(bandwidth_bps)).unwrap();
    }
    let after = fs::metadata(&path).unwrap();
    assert_eq!((before.len(), before.blocks()), (after.len(), after.blocks()));
    // Many circuits at once take more, once.
    let all: Vec<_> = (0..3000).map(|number| terms(&format!("circuit-{number}"), 1)).collect();
    journal.note(&change("edge-1", moment(at("11:00:00")), &all)).unwrap();
    assert!(fs::metadata(&path).unwrap().len() > after.len());
    drop(journal);
    assert_eq!(found(&directory).len(), 501);
}

#[test]
fn the_ledger_takes_each_change_once_and_dates_it_by_when_it_was_noted() {
    let mut place = Place::settled();
    let (mut journal, _) = TermsJournal::open(place.directory.path()).unwrap();
    let first = journal.note(&changed(1)).unwrap();
    let then = change("edge-1", moment(at("10:30:00")), &[terms("a", 2)]);
    let second = journal.note(&then).unwrap();
    place.ledger.note_terms(&changed(1), Some(first)).unwrap();
    place.ledger.observe(&moment(at("12:00:00"))).unwrap();
    place.ledger.note_terms(&then, Some(second)).unwrap();
    // Killed before the journal was emptied: it comes again, after a restart that has changed more.
    let now = change("edge-1", moment(at("12:30:00")), &[terms("a", 3)]);
    place.ledger.note_terms(&now, None).unwrap();
    for (change, source) in [(changed(1), first), (then, second)] {
        place.ledger.note_terms(&change, Some(source)).unwrap();
    }
    let told: Vec<_> = spans(&place.ledger).into_iter().map(|span| (span.1, span.2)).collect();
    assert_eq!(told, [(1, at("10:00:00")), (2, at("10:30:00")), (3, at("12:30:00"))]);
}

/// Only what is named changes.
#[test]
fn a_change_of_one_circuit_leaves_the_others_alone() {
    let mut place = Place::settled();
    let all = [terms("a", 1), terms("b", 1), terms("c", 1)];
    let noted = change("edge-1", moment(at("10:00:00")), &all);
    place.ledger.note_terms(&noted, None).unwrap();
    let one = change("edge-1", moment(at("11:00:00")), &[terms("b", 2)]);
    let ended = vec!["c".to_owned()];
    place.ledger.note_terms(&TermsChange { is_all: false, ended, ..one }, None).unwrap();
    let told: Vec<_> =
        spans(&place.ledger).into_iter().map(|span| (span.0, span.1, span.3)).collect();
    let eleven = Some(at("11:00:00"));
    let expected = [("a", 1, None), ("b", 1, eleven), ("b", 2, None), ("c", 1, eleven)];
    assert_eq!(told, expected.map(|(name, bps, to)| (name.to_owned(), bps, to)));
}

#[test]
fn a_journal_that_was_replaced_is_noticed() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("terms.journal");
    let (journal, _) = TermsJournal::open(directory.path()).unwrap();
    assert!(journal.is_current());
    fs::remove_file(&path).unwrap();
    assert!(!journal.is_current());
    let other = OpenOptions::new().write(true).create_new(true).open(&path).unwrap();
    other.write_all_at(b"other", 0).unwrap();
    assert!(!journal.is_current());
}
