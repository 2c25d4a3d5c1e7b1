//! Watermarks: the time of which a receiver has every record.

use super::*;

impl Place {
    fn seal_now(&mut self) {
        self.ledger.seal_what_is_over().unwrap();
        assert_eq!(self.ledger.check().unwrap(), [""; 0]);
    }

    /// The watermarks of the ledger and of a receiver, and the last record that it has.
    fn whole(&self, sink: &str) -> (Option<Timestamp>, Option<(Timestamp, u64)>) {
        let of_sink = self.ledger.watermark(sink).unwrap();
        (
            self.ledger.sealed_until().unwrap(),
            of_sink.map(|mark| (mark.sealed_until, mark.last_seq)),
        )
    }
}

#[test]
fn silence_is_told_from_absence() {
    let mut place = Place::settled();
    assert_eq!(place.whole("a"), (None, None));
    place.book(&reading(at("10:30:00"), 1000));
    place.seal_now();
    assert_eq!(place.whole("a"), (Some(at("10:00:00")), Some((at("10:00:00"), 0))));
    place.book(&reading(at("11:00:00"), 1000));
    place.seal_now();
    // The hour's record waits for its receiver.
    assert_eq!(place.whole("a"), (Some(at("11:00:00")), Some((at("10:00:00"), 0))));
    place.ledger.acknowledge("a", 1).unwrap();
    assert_eq!(place.whole("a"), (Some(at("11:00:00")), Some((at("11:00:00"), 1))));
    // An hour without a frame has no record.
    place.book(&reading(at("12:00:30"), 1000));
    place.seal_now();
    assert_eq!(place.whole("a").1, Some((at("12:00:00"), 1)));
    assert_eq!(place.whole("b").1, Some((at("10:00:00"), 0)), "it has nothing yet");
    let reopened = Ledger::open(place.directory.path()).unwrap();
    assert_eq!(reopened.sealed_until().unwrap(), Some(at("12:00:00")));
}

/// Nothing is whole while somebody's counts of it may be missing.
#[test]
fn a_meter_that_is_not_read_holds_the_watermark_up() {
    let mut place = Place::settled();
    let other = |taken, bytes| Reading { epoch: epoch(2), ..reading(taken, bytes) };
    place.book(&other(at("10:10:00"), 500));
    place.book(&reading(at("10:10:00"), 1000));
    for hour in 11..14 {
        place.book(&reading(at(&format!("{hour}:00:00")), 2000));
        place.seal_now();
        assert_eq!(place.whole("a").0, Some(at("10:00:00")));
    }
    let late = Reading { is_final: true, ..other(at("13:00:00"), 500) };
    place.book(&late);
    place.seal_now();
    assert_eq!(place.whole("a").0, Some(at("13:00:00")));
    // One that is closed, or lost, has no more to tell.
    place.book(&Reading { epoch: epoch(3), ..reading(at("13:10:00"), 10) });
    place.ledger.mark_lost(&[&epoch(1)], &moment(at("13:20:00"))).unwrap();
    place.book(&reading(at("15:00:00"), 2000));
    place.seal_now();
    assert_eq!(place.whole("a").0, Some(at("15:00:00")));
}

#[test]
fn counts_that_come_late_are_of_the_time_that_is_still_open() {
    let mut place = Place::settled();
    place.book(&reading(at("10:30:00"), 1000));
    place.book(&reading(at("12:00:00"), 1000));
    place.seal_now();
    assert_eq!(place.whole("a").0, Some(at("12:00:00")));
    // Tables that nobody knew have counted since 09:00; their series has no record of any hour.
    let unknown = EpochInfo { created: at("09:00:00"), ..epoch(5) };
    let slots = vec![slot(9, 1, vec![class("default", 5, 5000)])];
    place.book(&Reading { epoch: unknown, slots, ..reading(at("12:30:00"), 0) });
    let rows = place.usage(Grain::Period);
    assert_eq!(rows.last(), Some(&row("12:00:00", 5000, true)), "{rows:?}");
    place.book(&reading(at("13:00:00"), 1000));
    place.book(&Reading { epoch: epoch(5), ..reading(at("13:00:00"), 0) });
    place.seal_now();
    assert_eq!(place.whole("a").0, Some(at("13:00:00")));
}

/// Half of a long period is not whole before the rest is.
#[test]
fn a_shorter_period_waits_for_the_longer_one_before() {
    let mut place = Place::settled();
    place.book(&reading(at("10:10:00"), 1000));
    let short = Policy { period: Duration::from_mins(5), ..HOURLY };
    for (clock, whole) in [("10:40:00", "10:00:00"), ("11:05:00", "11:05:00")] {
        place.ledger.book(&reading(at(clock), 1000), &short).unwrap();
        place.seal_now();
        assert_eq!(place.whole("a").0, Some(at(whole)));
    }
}

#[test]
fn a_clock_that_was_ahead_takes_its_watermark_back() {
    let mut place = Place::settled();
    place.book(&reading(at("10:30:00"), 1000));
    place.seal_now();
    let day_s = 24 * 3600;
    let ahead = |clock: &str, bytes| {
        let right = reading(at(clock), bytes);
        let wall = later(at(clock), 5 * day_s);
        Reading { taken: Moment { wall, ..right.taken }, ..right }
    };
    for (clock, bytes) in [("10:40:00", 2000), ("10:55:00", 2000), ("12:10:00", 2000)] {
        place.book(&ahead(clock, bytes));
        place.seal_now();
    }
    let wrong = later(at("12:00:00"), 5 * day_s);
    assert_eq!(place.whole("a").0, Some(wrong));
    for (clock, bytes) in [("12:20:00", 2000), ("12:40:00", 3000), ("13:05:00", 3000)] {
        place.book(&reading(at(clock), bytes));
        place.seal_now();
    }
    let (whole, _) = place.whole("a");
    assert_eq!(whole, Some(at("13:00:00")));
}
