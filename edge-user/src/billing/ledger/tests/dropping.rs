//! Drops, delivered frames and peaks in samples of five minutes.

use edge_api::{CircuitHistory, DirectionTraffic, DropSum, HistoryPoint};

use super::*;
use crate::model::SlotReading;

/// The circuit of slot 1, outbound on the primary link.
const CIRCUIT: &str = "circuit-0";

/// A reading of slot 1 that has delivered and dropped so many frames of 100 bytes.
fn counted(taken: Timestamp, delivered: u64, drops: &[(Reason, Option<&str>, u64)]) -> Reading {
    let mut reading = reading(taken, 100 * delivered);
    reading.slots[0].drops =
        drops.iter().map(|(reason, class, frames)| dropped(*reason, *class, *frames)).collect();
    reading
}

fn peak(taken: Timestamp, peaks_bps: [u64; 2]) -> PeakReading {
    let Owner { edge, circuit, direction, link, .. } = owner(1);
    PeakReading { taken: moment(taken), edge, circuit, direction, link, peaks_bps }
}

fn history(ledger: &Ledger, from: &str, to: &str, step_s: u32) -> Option<CircuitHistory> {
    let (from, to) = (at(from), at(to));
    let (edge, circuit) = ("edge-1".to_owned(), CIRCUIT.to_owned());
    ledger.history(&HistoryQuery { edge, circuit, from, to, step_s }).unwrap()
}

/// Start, covered seconds, delivered and dropped frames, and peak within 1 ms of what is outbound.
fn told(points: &[HistoryPoint]) -> Vec<(String, u64, u64, u64, u64)> {
    let told = |HistoryPoint { start, covered_s, outbound: way, .. }: &HistoryPoint| {
        let start = start.to_string()[11..16].to_owned();
        (start, *covered_s, way.delivered_frames, way.dropped_frames, way.peak_1ms_bps)
    };
    points.iter().map(told).collect()
}

fn sums(ledger: &Ledger, circuit: Option<&str>) -> Vec<(String, Option<String>, u64)> {
    let query = DropsQuery { circuit: circuit.map(str::to_owned), ..DropsQuery::default() };
    let drops = ledger.drops(&query).unwrap().drops;
    drops.into_iter().map(|DropSum { reason, class, frames, .. }| (reason, class, frames)).collect()
}

/// The terms of a circuit of that name, with a key, since then.
fn sold(circuit: &str, at: Timestamp) -> TermsChange {
    let terms = Terms {
        edge: "edge-1".to_owned(),
        circuit: circuit.to_owned(),
        service_key: Some("key-1".to_owned()),
        bandwidth_bps: 1_000_000_000,
        billing: Billing::Metered,
        sku: crate::model::Sku::Standard,
        zone: None,
    };
    let (at, edge) = (moment(at), "edge-1".to_owned());
    TermsChange { at, edge, is_all: true, terms: vec![terms], ended: Vec::new() }
}

const OVER_RATE: (Reason, Option<&str>) = (Reason::OverRate, Some("voice"));

#[test]
fn drops_are_where_and_when_they_were() {
    let mut place = Place::settled();
    place.ledger.note_terms(&sold(CIRCUIT, at("09:30:00")), None).unwrap();
    let (reason, class) = OVER_RATE;
    place.book(&counted(at("10:04:00"), 10, &[(reason, class, 3)]));
    let malformed = (Reason::Malformed, None, 7);
    place.book(&counted(at("10:06:00"), 10, &[(reason, class, 13), malformed]));
    // Nothing but drops is news, too, and what comes again is none.
    place.book(&counted(at("10:07:00"), 10, &[(reason, class, 14), malformed]));
    place.book(&counted(at("10:07:00"), 10, &[(reason, class, 14), malformed]));
    place.book(&counted(at("10:06:30"), 10, &[(reason, class, 13), malformed]));
    place.ledger.book_peaks(&[peak(at("10:03:00"), [5, 2]), peak(at("10:07:00"), [4, 3])]).unwrap();
    place.ledger.book_peaks(&[peak(at("10:04:00"), [1, 9])]).unwrap();

    let voice = Some("voice".to_owned());
    let expected = [("malformed".to_owned(), None, 7), ("over-rate".to_owned(), voice, 14)];
    assert_eq!(sums(&place.ledger, None), expected);
    assert_eq!(sums(&place.ledger, Some(CIRCUIT)), expected);
    assert_eq!(sums(&place.ledger, Some("nobody")), []);

    let five = history(&place.ledger, "09:50:00", "10:20:00", 300).unwrap();
    let row = |start: &str, rest: (u64, u64, u64, u64)| {
        (start.to_owned(), rest.0, rest.1, rest.2, rest.3)
    };
    // Of the ten and seven frames more in the second time, half are in each sample.
    let expected = [row("10:00", (300, 10, 11, 5)), row("10:05", (120, 0, 10, 4))];
    assert_eq!(told(&five.points), expected);
    assert_eq!(five.points[0].outbound.peak_100ms_bps, 9);
    let by_reason = &five.points[1].outbound.drops;
    assert_eq!(by_reason.iter().map(|drop| drop.frames).collect::<Vec<_>>(), [4, 6]);
    assert_eq!(five.points[0].inbound, DirectionTraffic::default());
    let hour = history(&place.ledger, "09:50:00", "10:20:00", 3600).unwrap();
    assert_eq!(told(&hour.points), [row("10:00", (420, 10, 21, 5))]);
    assert_eq!((hour.from, hour.to), (at("09:00:00"), at("11:00:00")));

    let query = DropsQuery { circuit: Some(CIRCUIT.to_owned()), ..DropsQuery::default() };
    let intervals = place.ledger.drops(&query).unwrap().intervals;
    let peaks: Vec<_> = intervals.iter().map(|interval| interval.peak_1ms_bps).collect();
    assert_eq!(peaks, [Some(5), Some(4)]);
    let query = DropsQuery { to: Some(at("10:05:00")), ..DropsQuery::default() };
    let first = place.ledger.drops(&query).unwrap();
    assert_eq!(first.drops.iter().map(|sum| sum.frames).sum::<u64>(), 11);
    assert_eq!(first.intervals.len(), 1);
}

#[test]
fn a_time_without_readings_is_a_gap_and_what_it_brings_is_spread() {
    let mut place = Place::settled();
    place.ledger.note_terms(&sold(CIRCUIT, at("09:30:00")), None).unwrap();
    place.book(&counted(at("10:05:00"), 0, &[]));
    // Without traffic, a time that was looked at is one of zeros.
    place.book(&counted(at("10:10:00"), 0, &[]));
    assert_eq!(
        told(&history(&place.ledger, "09:50:00", "11:30:00", 300).unwrap().points),
        [("10:00".to_owned(), 300, 0, 0, 0), ("10:05".to_owned(), 300, 0, 0, 0),]
    );
    // No daemon for half an hour, and then one that finds nothing new.
    place.book(&counted(at("10:40:00"), 0, &[]));
    place.book(&counted(at("10:45:00"), 0, &[]));
    // And once more, with frames in between.
    let (reason, class) = OVER_RATE;
    place.book(&counted(at("11:05:00"), 8, &[(reason, class, 4)]));
    let points = history(&place.ledger, "09:50:00", "11:30:00", 300).unwrap().points;
    let starts: Vec<_> = told(&points).into_iter().skip(2).collect();
    assert_eq!(
        starts,
        [
            ("10:40".to_owned(), 300, 0, 0, 0),
            ("10:45".to_owned(), 0, 2, 1, 0),
            ("10:50".to_owned(), 0, 2, 1, 0),
            ("10:55".to_owned(), 0, 2, 1, 0),
            ("11:00".to_owned(), 0, 2, 1, 0),
        ]
    );
}

#[test]
fn drops_before_the_clock_is_believed_move_with_its_date() {
    let mut place = Place::new();
    let (reason, class) = OVER_RATE;
    let off = |taken: Timestamp, off_s: i64| {
        let wall = later(taken, off_s);
        Moment { wall, is_synchronized: false, ..moment(taken) }
    };
    let reading = |taken: Timestamp, off_s: i64, frames: u64| Reading {
        taken: off(taken, off_s),
        epoch: EpochInfo { created: later(at("10:00:00"), off_s), ..epoch(1) },
        ..counted(taken, frames, &[(reason, class, frames)])
    };
    // Two hours ahead, and then right.
    place.book(&reading(at("10:01:00"), 7200, 1));
    place.book(&reading(at("10:04:00"), 7200, 6));
    place
        .ledger
        .book_peaks(&[PeakReading {
            taken: off(at("10:04:00"), 7200),
            ..peak(at("10:04:00"), [8, 8])
        }])
        .unwrap();
    let drops = place.ledger.drops(&DropsQuery::default()).unwrap();
    assert_eq!(drops.intervals[0].start, at("12:00:00"));
    assert_eq!(drops.drops[0].frames, 6);
    for minute in 0..80 {
        place.book(&reading(later(at("10:05:00"), 60 * minute), 0, 7));
    }
    let held: i64 = place
        .ledger
        .connection
        .query_row("SELECT count(*) FROM held_outcome", [], |row| row.get(0))
        .unwrap();
    assert_eq!(held, 0);
    let query = DropsQuery { circuit: Some(CIRCUIT.to_owned()), ..DropsQuery::default() };
    let drops = place.ledger.drops(&query).unwrap();
    assert_eq!(drops.intervals[0].start, at("10:00:00"));
    assert_eq!(drops.intervals[0].peak_1ms_bps, Some(8));
    assert_eq!(drops.drops[0].frames, 7);
    assert!(drops.intervals.iter().all(|interval| interval.start < at("11:00:00")));
}

#[test]
fn a_circuit_that_is_renamed_keeps_its_history() {
    let mut place = Place::settled();
    let (reason, class) = OVER_RATE;
    place.ledger.note_terms(&sold("before", at("10:00:00")), None).unwrap();
    let mut reading = counted(at("10:05:00"), 0, &[(reason, class, 5)]);
    reading.slots[0].owner.circuit = "before".to_owned();
    place.book(&reading);
    place.ledger.note_terms(&sold(CIRCUIT, at("10:05:00")), None).unwrap();
    let SlotReading { slot, generation, .. } = reading.slots[0];
    let next = counted(at("10:10:00"), 0, &[(reason, class, 2)]);
    let next_slot = SlotReading { slot, generation: generation + 1, ..next.slots[0].clone() };
    place.book(&Reading { slots: vec![reading.slots[0].clone(), next_slot], ..next });
    for name in ["before", CIRCUIT] {
        assert_eq!(
            sums(&place.ledger, Some(name)).iter().map(|sum| sum.2).sum::<u64>(),
            7,
            "{name}"
        );
    }
    let points = history(&place.ledger, "10:00:00", "10:10:00", 300).unwrap().points;
    assert_eq!(
        points.iter().map(|point| point.outbound.dropped_frames).collect::<Vec<_>>(),
        [5, 2]
    );
}

/// A daemon of before has read these tables, and left their drops in no ledger.
#[test]
fn what_was_dropped_before_an_upgrade_has_no_date() {
    let mut place = Place::settled();
    place.book(&counted(at("10:01:00"), 1, &[]));
    place.ledger.connection.execute("UPDATE epoch SET has_drops = FALSE", []).unwrap();
    let (reason, class) = OVER_RATE;
    place.book(&counted(at("10:02:00"), 1, &[(reason, class, 1_000)]));
    assert_eq!(sums(&place.ledger, None), []);
    place.book(&counted(at("10:03:00"), 1, &[(reason, class, 1_001)]));
    assert_eq!(sums(&place.ledger, None), [("over-rate".to_owned(), Some("voice".to_owned()), 1)]);
}

#[test]
fn drops_expire_with_samples() {
    let mut place = Place::settled();
    let (reason, class) = OVER_RATE;
    place.book(&counted(at("10:01:00"), 1, &[(reason, class, 5)]));
    place.pass(at("15:00:00"));
    place.book(&counted(at("15:00:00"), 1, &[(reason, class, 5)]));
    place.book(&counted(at("15:01:00"), 1, &[(reason, class, 6)]));
    place.ledger.expire(HOUR * 24, HOUR * 2, &[]).unwrap();
    assert_eq!(place.ledger.check().unwrap(), [""; 0]);
    assert_eq!(sums(&place.ledger, None)[0].2, 1);
    let history = history(&place.ledger, "09:00:00", "16:00:00", 300).unwrap();
    assert_eq!(history.expired_until, Some(at("10:05:00")));
    assert_eq!(told(&history.points), [("15:00".to_owned(), 60, 0, 1, 0)]);
}

#[test]
fn drops_that_are_in_no_sample_are_found() {
    let mut place = Place::settled();
    let (reason, class) = OVER_RATE;
    place.book(&counted(at("10:01:00"), 1, &[(reason, class, 5)]));
    let sql = "UPDATE outcome_sample SET frames = 4 WHERE frames = 5";
    place.ledger.connection.execute(sql, []).unwrap();
    let problems = place.ledger.check().unwrap();
    assert!(problems[0].contains("drops of edge-1 circuit-0 outbound"), "{problems:?}");
}

/// `cargo test -p edge-user --lib -- a_day_of_20_000_circuits --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn a_day_of_20_000_circuits_is_so_large() {
    const SLOTS: u32 = 40_000;
    const SAMPLES: u64 = 6;
    for (what, has_drops, has_peaks) in
        [("bytes alone", false, false), ("with drops", true, false), ("with both", true, true)]
    {
        let mut place = Place::settled();
        let pages = |ledger: &Ledger| -> i64 {
            ledger.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap()
        };
        let (mut before, mut begun) = (0, std::time::Instant::now());
        for number in 0..=SAMPLES {
            let taken = later(at("10:05:00"), 300 * number.cast_signed());
            let slots = (0..SLOTS).map(|index| {
                let (frames, bytes) = (1_000 * (number + 1), 700_000 * (number + 1));
                let mut slot = slot(index, 1, vec![class("default", frames, bytes)]);
                slot.owner.circuit = format!("circuit-{}", index / 2);
                if has_drops && index % 2 == 0 {
                    slot.drops =
                        vec![dropped(Reason::OverRate, Some("default"), 100 * (number + 1))];
                }
                slot
            });
            let reading =
                Reading { taken: moment(taken), slots: slots.collect(), ..reading(taken, 0) };
            place.ledger.book(&reading, &HOURLY).unwrap();
            if has_peaks {
                let peaks = reading.slots.iter().map(|slot| PeakReading {
                    circuit: slot.owner.circuit.clone(),
                    direction: slot.owner.direction,
                    link: slot.owner.link,
                    ..peak(taken, [900_000_000, 100_000_000])
                });
                place.ledger.book_peaks(&peaks.collect::<Vec<_>>()).unwrap();
            }
            if number == 0 {
                (before, begun) = (pages(&place.ledger), std::time::Instant::now());
            }
        }
        let each = begun.elapsed() / u32::try_from(SAMPLES).unwrap();
        let bytes = (pages(&place.ledger) - before) * 4096 / SAMPLES.cast_signed();
        println!("{what}: {each:?} a booking, {} MB a day", bytes * 288 / 1_000_000);
        let asked = std::time::Instant::now();
        assert!(history(&place.ledger, "00:00:00", "23:00:00", 300).is_some());
        println!("  a history: {:?}", asked.elapsed());
    }
}
