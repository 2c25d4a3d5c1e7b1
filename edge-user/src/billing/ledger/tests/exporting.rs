//! Export records: each receiver gets each record once.

use super::{super::export::BATCH_RECORDS, *};

#[test]
fn batches_go_out_in_order() {
    let mut place = Place::new();
    place.book(&reading(at("10:30:00"), 1000));
    assert_eq!(place.ledger.seal(at("10:59:59.999")).unwrap(), 0, "the hour is not over");
    assert_eq!(place.ledger.next_batch("a").unwrap(), None);
    assert_eq!(place.ledger.seal(at("11:00:00")).unwrap(), 1);
    place.book(&reading(at("11:30:00"), 2000));
    assert_eq!(place.ledger.seal(at("12:00:00")).unwrap(), 1);
    assert_eq!(place.ledger.seal(at("12:00:00")).unwrap(), 0);

    assert_eq!(place.ledger.pending("a").unwrap(), 2);
    let first = place.ledger.next_batch("a").unwrap().unwrap();
    let id = place.ledger.id();
    assert_eq!((first.number, first.ledger, first.records.len()), (1, id, 1));
    assert_eq!((&*first.records[0].id, first.records[0].seq), (&*format!("{id}-1"), 1));
    assert_eq!(place.ledger.next_batch("a").unwrap().as_ref(), Some(&first), "until it is told");

    let error = place.ledger.acknowledge("a", 2).unwrap_err();
    assert!(error.to_string().contains("batch 1 is next"), "{error}");
    place.ledger.acknowledge("a", 1).unwrap();
    place.ledger.acknowledge("a", 1).unwrap();
    assert_eq!(place.ledger.next_batch("a").unwrap().unwrap().records[0].seq, 2);
    assert_eq!(place.ledger.next_batch("b").unwrap(), Some(first));
    place.ledger.acknowledge("a", 2).unwrap();
    assert_eq!(place.ledger.next_batch("a").unwrap(), None);
    assert!(place.ledger.acknowledge("a", 3).is_err());
    assert_eq!((place.ledger.pending("a").unwrap(), place.ledger.pending("b").unwrap()), (0, 2));
    assert_eq!(place.ledger.check().unwrap(), [""; 0]);
}

#[test]
fn a_batch_has_so_many_records_at_most() {
    let mut place = Place::new();
    let count = u32::try_from(BATCH_RECORDS).unwrap() + 1;
    let slots = (0..count).map(|number| slot(number, 1, vec![class("default", 1, 100)]));
    place.book(&Reading { slots: slots.collect(), ..reading(at("10:10:00"), 0) });
    assert_eq!(place.ledger.seal(at("11:00:00")).unwrap(), u64::from(count));
    assert_eq!(place.ledger.next_batch("a").unwrap().unwrap().records.len(), BATCH_RECORDS);
    place.ledger.acknowledge("a", 1).unwrap();
    let last = place.ledger.next_batch("a").unwrap().unwrap();
    assert_eq!((last.number, last.records.len()), (2, 1));
    assert_eq!(last.records[0].seq, u64::from(count));
    assert_eq!(place.ledger.check().unwrap(), [""; 0]);
}

#[test]
fn another_life_has_other_ids_and_goes_on() {
    let mut place = Place::new();
    let first = place.ledger.id();
    place.book(&reading(at("10:30:00"), 1000));
    place.ledger.seal(at("11:00:00")).unwrap();
    let second = place.ledger.reincarnate().unwrap();
    assert_ne!(first, second);
    assert_eq!(place.ledger.id(), second);
    place.book(&reading(at("11:30:00"), 2000));
    place.ledger.seal(at("12:00:00")).unwrap();
    let before = place.ledger.next_batch("a").unwrap().unwrap();
    assert_eq!((before.ledger, before.records[0].ledger), (first, first));
    place.ledger.acknowledge("a", 1).unwrap();
    let after = place.ledger.next_batch("a").unwrap().unwrap();
    assert_eq!((after.ledger, after.number), (second, 2));
    assert_eq!(after.records[0].id, format!("{second}-2"));
    assert_eq!(Ledger::open(place.directory.path()).unwrap().id(), second);
}

#[test]
fn only_what_everybody_has_expires() {
    let mut place = Place::new();
    for hour in 0..4 {
        let taken = later(at("10:30:00"), 3600 * hour);
        place.book(&reading(taken, 1000 * (hour.unsigned_abs() + 1)));
        if hour < 3 {
            place.ledger.seal(later(taken, 1800)).unwrap();
        }
    }
    assert_eq!(place.ledger.expired_until().unwrap(), None);
    assert_eq!(place.ledger.samples_expired_until().unwrap(), None);
    place.pass(at("20:30:00"));
    let mut expire = |sinks: &[&str], acknowledged: Option<(&str, u64)>| {
        if let Some((sink, number)) = acknowledged {
            place.ledger.acknowledge(sink, number).unwrap();
        }
        let expired = place.ledger.expire(HOUR * 2, HOUR * 2, sinks).unwrap();
        assert_eq!(place.ledger.check().unwrap(), [""; 0]);
        expired
    };
    let first = expire(&["a", "b"], None);
    assert_eq!((first.usage, first.samples), (0, 42));
    assert_eq!(expire(&["a", "b"], Some(("a", 1))).usage, 0);
    assert_eq!(expire(&["a", "b"], Some(("b", 1))).usage, 1);
    assert_eq!(expire(&["a"], Some(("a", 2))).usage, 1);
    assert_eq!(expire(&[], None), Expired { usage: 1, samples: 0 });
    assert_eq!(place.usage(Grain::Period), [row("13:00:00", 1000, true)]);
    assert_eq!(place.ledger.expired_until().unwrap(), Some(at("13:00:00")));
    assert_eq!(place.ledger.samples_expired_until().unwrap(), Some(at("13:30:00")));
    // A receiver that is late goes on with what there is.
    assert_eq!(place.ledger.pending("b").unwrap(), 0);
    place.ledger.seal(at("14:00:00")).unwrap();
    assert_eq!(place.ledger.pending("b").unwrap(), 1);
    assert_eq!(place.ledger.next_batch("b").unwrap().unwrap().number, 4);
    place.ledger.acknowledge("b", 4).unwrap();
    // A period that has expired does not come again, whatever the clock says.
    place.book(&reading(at("10:40:00"), 5000));
    assert_eq!(place.usage(Grain::Period)[1], row("14:00:00", 1000, false));
    assert_eq!(place.ledger.seal(at("15:00:00")).unwrap(), 1);
    assert_eq!(place.ledger.next_batch("b").unwrap().unwrap().records[0].seq, 5);
}

#[test]
fn what_is_not_over_stays() {
    let mut place = Place::new();
    place.book(&reading(at("10:30:00"), 1000));
    place.pass(at("20:30:00"));
    let none = Duration::ZERO;
    let expired = place.ledger.expire(none, none, &[]).unwrap();
    assert_eq!((expired.usage, expired.samples), (0, 6));
    assert_eq!(place.usage(Grain::Period), [row("10:00:00", 1000, false)]);
}
