//! Readings become usage.

use super::*;

#[test]
fn what_is_more_counts_between_the_readings() {
    let mut place = Place::new();
    let booked = place.book(&reading(at("10:01:00"), 1000));
    assert_eq!(booked, BookedReading { checkpoint: 1, frames: 10, bytes: 1000 });
    let booked = place.book(&reading(at("10:02:00"), 1500));
    assert_eq!(booked, BookedReading { checkpoint: 2, frames: 5, bytes: 500 });
    assert_eq!(place.usage(Grain::Period), [row("10:00:00", 1500, false)]);
    // A minute before and two after the hour.
    place.book(&reading(at("10:59:00"), 1500));
    place.book(&reading(at("11:02:00"), 4501));
    assert_eq!(
        place.usage(Grain::Period),
        [row("10:00:00", 2500, false), row("11:00:00", 2001, false)]
    );
    assert_eq!(place.usage(Grain::Day), [row("00:00:00", 4501, false)]);
    assert_eq!(place.usage(Grain::Total), [row("10:00:00", 4501, false)]);
}

#[test]
fn usage_of_a_long_time_is_estimated() {
    let mut place = Place::new();
    place.book(&reading(at("10:30:00"), 0));
    place.book(&reading(at("13:00:00"), 2500));
    assert_eq!(
        place.usage(Grain::Period),
        [row("10:00:00", 500, true), row("11:00:00", 1000, true), row("12:00:00", 1000, true)]
    );
    place.book(&reading(at("13:50:00"), 2600));
    assert_eq!(place.usage(Grain::Period)[3], row("13:00:00", 100, false));
}

#[test]
fn what_is_not_new_changes_nothing() {
    let mut place = Place::new();
    place.book(&reading(at("10:01:00"), 1000));
    let last = reading(at("10:02:00"), 2000);
    let checkpoint = place.book(&last).checkpoint;
    assert_eq!(place.book(&last), BookedReading { checkpoint, frames: 0, bytes: 0 });
    assert_eq!(place.book(&reading(at("10:01:00"), 1000)).checkpoint, checkpoint);
    assert_eq!(place.ledger.checkpoint().unwrap(), checkpoint);
    // A dip is not booked, nor what only makes up for it.
    let booked = place.book(&reading(at("10:03:00"), 1900));
    assert_eq!((booked.checkpoint, booked.bytes), (checkpoint + 1, 0));
    assert_eq!(place.book(&reading(at("10:04:00"), 2100)).bytes, 100);
    let expected = [class("default", 21, 2100)].to_vec();
    assert_eq!(place.ledger.booked(epoch(1).id).unwrap(), [((1, 1), expected)].into());
}

#[test]
fn another_generation_begins_at_0() {
    let mut place = Place::new();
    place.book(&reading(at("10:01:00"), 1000));
    let mut next = reading(at("11:01:00"), 600);
    next.slots[0].generation = 2;
    next.slots[0].owner = owner(2);
    assert_eq!(place.book(&next).bytes, 600);
    let totals: Vec<_> = place.usage(Grain::Total).into_iter().map(|row| row.1).collect();
    assert_eq!(totals, [1000, 600]);
    // The last bytes that the first owner had counted come late.
    assert_eq!(place.book(&reading(at("11:02:00"), 1300)).bytes, 300);
}

#[test]
fn an_owner_is_for_life() {
    let mut place = Place::new();
    place.book(&reading(at("10:01:00"), 1000));
    let mut other = reading(at("10:02:00"), 2000);
    other.slots[0].owner = owner(3);
    let error = place.ledger.book(&other, &HOURLY).unwrap_err();
    assert!(matches!(error, LedgerError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("slot 1") && error.to_string().contains("circuit-1"));
    assert_eq!(place.usage(Grain::Total), [row("10:00:00", 1000, false)]);
    // The failed booking has left nothing that the next one trips over.
    other.slots[0].slot = 3;
    assert_eq!(place.book(&other).bytes, 2000);
}

#[test]
fn nothing_is_added_to_what_is_sealed() {
    let mut place = Place::new();
    place.book(&reading(at("10:30:00"), 1000));
    place.ledger.seal(at("11:05:00")).unwrap();
    // An hour, of which half is sealed.
    place.book(&reading(at("11:30:00"), 2000));
    assert_eq!(
        place.usage(Grain::Period),
        [row("10:00:00", 1000, false), row("11:00:00", 1000, true)]
    );
    place.ledger.seal(at("12:00:00")).unwrap();
    place.book(&reading(at("10:40:00"), 2100));
    assert_eq!(place.usage(Grain::Period)[2], row("12:00:00", 100, false));
}

/// The rows that are passed over may have any length.
#[test]
fn what_comes_late_goes_behind_all_that_is_sealed() {
    let mut place = Place::new();
    let short = Policy { period: Duration::from_mins(5), ..HOURLY };
    for (clock, bytes) in [("10:05:00", 100), ("10:10:00", 200), ("10:15:00", 300)] {
        place.ledger.book(&reading(at(clock), bytes), &short).unwrap();
    }
    place.ledger.seal(at("10:15:00")).unwrap();
    place.book(&reading(at("10:02:00"), 400));
    let late = place.ledger.usage(&UsageQuery::default()).unwrap().pop().unwrap();
    assert_eq!((late.start, late.end, late.bytes), (at("10:15:00"), at("11:00:00"), 100));
}

#[test]
fn another_period_takes_what_rows_leave() {
    let mut place = Place::new();
    let short = Policy { period: Duration::from_mins(5), ..HOURLY };
    place.ledger.book(&reading(at("10:05:00"), 100), &short).unwrap();
    place.ledger.book(&reading(at("10:10:00"), 200), &short).unwrap();
    place.book(&reading(at("10:20:00"), 300));
    let query = UsageQuery::default();
    let spans: Vec<_> = place
        .ledger
        .usage(&query)
        .unwrap()
        .into_iter()
        .map(|record| (record.start, record.end, record.bytes))
        .collect();
    assert_eq!(
        spans,
        [
            (at("10:00:00"), at("10:05:00"), 100),
            (at("10:05:00"), at("10:10:00"), 100),
            (at("10:10:00"), at("11:00:00"), 100),
        ]
    );
    place.ledger.book(&reading(at("10:25:00"), 400), &short).unwrap();
    assert_eq!(place.usage(Grain::Hour), [row("10:00:00", 400, false)]);
    assert_eq!(place.usage(Grain::Period).len(), 3, "an open row takes what is of its time");
    for period in [0, 1, 299, 7 * 300, 2 * 86400] {
        let policy = Policy { period: Duration::from_secs(period), ..HOURLY };
        let error = place.ledger.book(&reading(at("10:30:00"), 500), &policy).unwrap_err();
        assert!(matches!(error, LedgerError::Refused { .. }), "{period}: {error}");
    }
}

#[test]
fn records_are_sorted_selected_and_billed() {
    let mut place = Place::new();
    let slots = (0..8)
        .map(|n| slot(n, 1, vec![class("voice", 1, u64::from(n) + 10), class("default", 1, 5)]));
    let all = Reading { slots: slots.collect(), ..reading(at("10:10:00"), 0) };
    place.book(&all);
    let records = place.ledger.usage(&UsageQuery::default()).unwrap();
    assert_eq!(records.len(), 16);
    let key = |r: &UsageRecord| {
        [&r.edge, &r.circuit, &r.peering, &r.link, &r.direction, &r.class, &r.billing]
            .map(String::clone)
    };
    assert!(records.is_sorted_by_key(key));
    for record in &records {
        let is_billed = record.direction == "outbound" && record.billing == "metered";
        assert_eq!(record.billed_bytes, if is_billed { record.bytes } else { 0 });
    }
    assert!(records.iter().any(|record| record.billed_bytes != 0));
    let one = UsageQuery { circuit: Some("circuit-2".to_owned()), ..UsageQuery::default() };
    assert_eq!(place.ledger.usage(&one).unwrap().len(), 4);
    let none = UsageQuery { edge: Some("edge-2".to_owned()), ..UsageQuery::default() };
    assert_eq!(place.ledger.usage(&none).unwrap(), []);
    for (from, to, count) in
        [("10:00:00", "10:00:00.5", 16), ("10:00:00.5", "11:00:00", 0), ("09:00:00", "10:00:00", 0)]
    {
        let query = UsageQuery { from: Some(at(from)), to: Some(at(to)), ..UsageQuery::default() };
        assert_eq!(place.ledger.usage(&query).unwrap().len(), count, "{from} {to}");
    }
    let json = serde_json::to_value(&records[0]).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "edge": "edge-1", "circuit": "circuit-0", "service_key": null, "peering": "private",
            "link": "primary", "direction": "inbound", "class": "default", "billing": "metered",
            "accounting": "l1", "start": "2026-01-01T10:00:00Z", "end": "2026-01-01T11:00:00Z",
            "frames": 1, "bytes": 5, "billed_bytes": 0, "estimated": false,
        })
    );
}

#[test]
fn percentiles_are_over_all_of_a_circuit() {
    let mut place = Place::new();
    // 100 samples from 10:00 on; in six of them, two slots of one circuit and direction count.
    let mut bytes = 0;
    for sample in 1..=6 {
        bytes += 300 * 1_000_000;
        let mut both = reading(later(at("10:00:00"), 300 * sample), bytes);
        both.slots.push(SlotReading { slot: 2, ..both.slots[0].clone() });
        both.slots[1].owner.link = Link::Secondary;
        place.book(&both);
    }
    let query = PercentileQuery {
        from: Some(at("10:00:00")),
        to: Some(later(at("10:00:00"), 100 * 300)),
        ..PercentileQuery::default()
    };
    let now = at("23:00:00");
    let found = place.ledger.percentiles(&query, now).unwrap();
    let told: Vec<_> = found.iter().map(|p| (&*p.direction, p.samples, p.p95_bps)).collect();
    assert_eq!(
        told,
        [("inbound", 100, 0), ("outbound", 100, 16_000_000), ("greater", 100, 16_000_000)]
    );
    let other = PercentileQuery { circuit: Some("other".to_owned()), ..query };
    assert_eq!(place.ledger.percentiles(&other, now).unwrap(), []);
}
