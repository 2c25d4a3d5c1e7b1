//! Effects on usage and terms of clocks that are wrong, step or were never set.

use super::{
    super::belief::SECOND_US,
    terms::{change, spans, terms},
    *,
};

const DAY: Duration = Duration::from_hours(24);

/// One boot, whose clock is off by some time.
struct Host {
    place: Place,
    boot: u128,
    /// When it booted, in truth.
    booted: Timestamp,
    off_s: i64,
    is_synchronized: bool,
}

impl Host {
    fn new(booted: Timestamp) -> Self {
        Self { place: Place::new(), boot: 1, booted, off_s: 0, is_synchronized: false }
    }

    fn reboot(&mut self, booted: Timestamp) {
        self.boot += 1;
        self.booted = booted;
    }

    /// The clock says `wall` at the moment `now`.
    fn set(&mut self, now: Timestamp, wall: &str) {
        self.off_s = time(wall).as_second() - now.as_second();
    }

    fn moment(&self, now: Timestamp) -> Moment {
        Moment {
            wall: later(now, self.off_s),
            boot_id: Uuid::from_u128(self.boot),
            boot_us: now.as_microsecond() - self.booted.as_microsecond(),
            is_synchronized: self.is_synchronized,
        }
    }

    /// The tables of this boot, made when it booted, have counted so much in all.
    fn book(&mut self, now: Timestamp, bytes: u64) {
        let (taken, slots) = (self.moment(now), reading(now, bytes).slots);
        let mut epoch = epoch(self.boot);
        epoch.boot_id = taken.boot_id;
        epoch.created = self.moment(self.booted).wall;
        self.place.book(&Reading { epoch, taken, slots, is_final: false });
    }

    /// Time goes on to `until`, with a reading every minute.
    fn pass(&mut self, from: Timestamp, until: Timestamp) {
        let mut now = from;
        while now < until {
            now = later(now, 60);
            let moment = self.moment(now);
            self.place.ledger.observe(&moment).unwrap();
        }
    }

    fn note(&mut self, now: Timestamp, bandwidth_bps: u64) {
        let change = change("edge-1", self.moment(now), &[terms("a", bandwidth_bps)]);
        self.place.ledger.note_terms(&change, None).unwrap();
    }

    fn usage(&self) -> Vec<(String, u64, bool)> {
        assert_eq!(self.place.ledger.check().unwrap(), [""; 0]);
        self.place.usage(Grain::Period)
    }

    fn doubts(&self, now: Timestamp) -> Vec<Doubt> {
        self.place.ledger.doubts(now).unwrap()
    }

    fn notice(&self) -> Option<String> {
        self.place.ledger.clock_notice().unwrap()
    }
}

fn at_day(day: u8, clock: &str) -> Timestamp {
    time(&format!("2026-09-{day:02}T{clock}Z"))
}

fn row_at(start: Timestamp, bytes: u64, is_estimated: bool) -> (String, u64, bool) {
    (start.to_string(), bytes, is_estimated)
}

#[test]
fn usage_before_the_clock_is_set_is_kept_and_dated_when_it_is() {
    for wrong in ["1970-01-01T00:00:05Z", "2000-01-01T00:00:00Z", "2025-12-01T00:00:00Z"] {
        let booted = at_day(15, "10:00:00");
        let mut host = Host::new(booted);
        host.set(booted, wrong);
        host.book(at_day(15, "10:20:00"), 100);
        host.note(at_day(15, "10:21:00"), 1);
        assert_eq!(host.usage(), []);
        let undated = Doubt::Undated { frames: 1, bytes: 100, terms: 1 };
        assert_eq!(host.doubts(at_day(15, "10:30:00")), [undated]);
        assert!(undated.to_string().contains("in no period yet"), "{undated}");
        let notice = host.notice().unwrap();
        assert!(notice.contains("not believed"), "{notice}");
        assert_eq!(host.place.ledger.seal_what_is_over().unwrap(), 0);
        let none = Duration::ZERO;
        assert_eq!(host.place.ledger.expire(none, none, &[]).unwrap(), Expired::default());
        // However long it stays so.
        host.book(at_day(17, "10:00:00"), 300);
        assert_eq!(host.usage(), []);

        host.off_s = 0;
        host.book(at_day(17, "10:30:00"), 400);
        let usage = host.usage();
        assert_eq!(usage[0], row_at(booted, 102, true), "the first, and 40 minutes' part");
        assert_eq!(usage.iter().map(|row| row.1).sum::<u64>(), 400);
        assert_eq!(usage.last(), Some(&row_at(at_day(17, "10:00:00"), 100, false)));
        assert_eq!(spans(&host.place.ledger)[0].2, at_day(15, "10:21:00"));
        assert_eq!((host.doubts(at_day(17, "11:00:00")), host.notice()), (vec![], None));
    }
}

#[test]
fn usage_of_a_boot_whose_clock_was_never_set_lies_between_two_that_were() {
    let mut host = Host::new(at_day(15, "10:00:00"));
    host.is_synchronized = true;
    host.book(at_day(15, "10:05:00"), 100);
    host.pass(at_day(15, "10:05:00"), at_day(15, "10:30:00"));
    host.reboot(at_day(15, "10:40:00"));
    (host.off_s, host.is_synchronized) = (-50 * 365 * 86400, false);
    host.book(at_day(15, "11:00:00"), 600);
    host.note(at_day(15, "11:05:00"), 7);
    host.book(at_day(15, "12:00:00"), 900);
    host.reboot(at_day(15, "12:30:00"));
    host.off_s = 0;
    host.book(at_day(15, "12:35:00"), 50);
    // As if the second had ended when the third began: from 11:10 to 12:30.
    let expected = [
        row_at(at_day(15, "10:00:00"), 100, false),
        row_at(at_day(15, "11:00:00"), 750, true),
        row_at(at_day(15, "12:00:00"), 200, true),
    ];
    assert_eq!(host.usage(), expected);
    assert_eq!(spans(&host.place.ledger)[0].2, at_day(15, "11:35:00"));
    host.pass(at_day(15, "12:35:00"), at_day(15, "12:50:00"));
    assert_eq!(host.usage(), expected);
    let (from, to) = (Some(at_day(15, "10:30:00")), at_day(15, "12:30:00"));
    let between = Doubt::Between { from, to, frames: 9, bytes: 900, terms: 1 };
    assert_eq!(host.doubts(at_day(15, "13:00:00")), [between]);
    assert!(between.to_string().contains("between 2026-09-15T10:30:00Z and"), "{between}");
    assert!(between.concerns(at_day(1, "00:00:00"), at_day(30, "00:00:00")));
    assert!(!between.concerns(at_day(16, "00:00:00"), at_day(30, "00:00:00")));
}

#[test]
fn a_first_start_with_a_clock_ahead_is_dated_anew_when_it_steps_back() {
    let booted = at_day(15, "10:00:00");
    for wrong in ["2033-05-01T00:00:00Z", "2038-01-19T03:14:00Z", "2026-09-15T12:00:00Z"] {
        let mut host = Host::new(booted);
        host.set(booted, wrong);
        host.note(at_day(15, "10:00:01"), 5);
        host.book(at_day(15, "10:10:00"), 100);
        // No other clock contradicts it.
        assert_eq!(host.usage()[0].1, 100);
        let doubts = host.doubts(at_day(15, "10:10:00"));
        assert!(matches!(doubts[..], [Doubt::Ahead { frames: 1, terms: 1, .. }]), "{doubts:?}");
        host.off_s = 0;
        host.book(at_day(15, "10:20:00"), 300);
        assert_eq!(host.usage(), [row_at(booted, 300, false)]);
        let expected = [("a".to_owned(), 5, at_day(15, "10:00:01"), None)];
        assert_eq!(spans(&host.place.ledger), expected);
        assert_eq!(host.doubts(at_day(15, "10:30:00")), []);
    }
}

/// A ledger with months of history, and then a clock that is years ahead for a while.
#[test]
fn a_clock_ahead_deletes_nothing_and_seals_nothing() {
    let booted = time("2026-06-01T00:00:00Z");
    for is_rebooted in [false, true] {
        let mut host = Host::new(booted);
        host.book(time("2026-06-01T10:30:00Z"), 1000);
        host.place.ledger.observe(&host.moment(time("2026-06-01T12:00:00Z"))).unwrap();
        assert_eq!(host.place.ledger.seal_what_is_over().unwrap(), 11);
        let now = time("2026-09-15T10:30:00Z");
        host.place.ledger.observe(&host.moment(later(now, -600))).unwrap();
        if is_rebooted {
            host.reboot(now);
        }
        host.set(now, "2029-09-15T10:30:00Z");
        let keep = DAY * 62;
        let mut bytes = if is_rebooted { 0 } else { 1000 };
        for second in 1..=4 {
            bytes += 100;
            host.book(later(now, second), bytes);
            assert_eq!(host.place.ledger.seal_what_is_over().unwrap(), 0);
            let expired = host.place.ledger.expire(keep, DAY * 31, &[]).unwrap();
            assert_eq!(expired, Expired::default());
        }
        let june = host.usage().iter().map(|row| row.1).sum::<u64>();
        assert_eq!(june, if is_rebooted { 1000 } else { 1400 });
        host.off_s = 0;
        host.book(later(now, 6), bytes);
        assert_eq!(host.usage().iter().map(|row| row.1).sum::<u64>(), 1400);
        assert!(host.usage().iter().all(|row| row.0.starts_with("2026-")), "{:?}", host.usage());
        assert_eq!(host.doubts(now), []);
    }
}

/// Usage expires only when its date is old and the time has passed.
#[test]
fn books_are_as_old_as_the_time_that_has_passed() {
    let mut host = Host::new(at_day(1, "00:00:00"));
    host.is_synchronized = true;
    host.book(at_day(1, "00:30:00"), 1000);
    host.pass(at_day(1, "00:30:00"), at_day(1, "01:30:00"));
    assert_eq!(host.place.ledger.seal_what_is_over().unwrap(), 1);
    let keep = Duration::from_hours(10);
    // A clock that NTP itself has put years ahead, for so long that it is believed.
    host.set(at_day(1, "01:30:00"), "2030-01-01T00:00:00Z");
    host.pass(at_day(1, "01:30:00"), at_day(1, "03:00:00"));
    assert_eq!(host.notice(), None);
    assert_eq!(host.place.ledger.expire(keep, keep, &[]).unwrap(), Expired::default());
    // No reading attests more than an hour: whatever passes meanwhile.
    let moment = host.moment(at_day(9, "00:00:00"));
    host.place.ledger.observe(&moment).unwrap();
    assert_eq!(host.place.ledger.expire(keep, keep, &[]).unwrap(), Expired::default());
    host.pass(at_day(9, "00:00:00"), at_day(9, "11:00:00"));
    let expired = host.place.ledger.expire(keep, keep, &[]).unwrap();
    assert_eq!((expired.usage, expired.samples), (1, 6));
}

#[test]
fn a_clock_that_steps_while_it_is_believed_has_to_stay_so() {
    let start = at_day(15, "10:00:00");
    let settled = || {
        let mut host = Host::new(start);
        host.is_synchronized = true;
        host.book(later(start, 60), 100);
        host.pass(later(start, 60), later(start, 1200));
        host.is_synchronized = false;
        host
    };
    // Two hours back for a moment.
    let mut host = settled();
    host.off_s = -7200;
    host.book(later(start, 1260), 200);
    assert!(host.notice().unwrap().contains("has jumped"));
    host.off_s = 0;
    host.book(later(start, 1320), 300);
    assert_eq!((host.usage(), host.notice()), (vec![row_at(start, 300, false)], None));

    // For good: what came since is of the new time.
    let mut host = settled();
    host.off_s = 7200;
    host.book(later(start, 1260), 100);
    host.book(later(start, 1320), 200);
    assert_eq!(host.usage(), [row_at(start, 200, false)]);
    host.pass(later(start, 1320), later(start, 1920));
    let expected = [row_at(start, 100, false), row_at(later(start, 7200), 100, false)];
    assert_eq!((host.usage(), host.notice()), (expected.to_vec(), None));
}

#[test]
fn a_leap_second_and_a_clock_that_is_slewed_are_no_steps() {
    let start = time("2026-12-31T23:00:00Z");
    let mut host = Host::new(start);
    host.is_synchronized = true;
    host.pass(start, later(start, 3540));
    host.off_s = -1;
    host.book(later(start, 3660), 100);
    assert_eq!(host.notice(), None);
    let settled = |host: &Host| boots::last(&host.place.ledger.connection).unwrap().unwrap().belief;
    assert!(settled(&host).is_settled && settled(&host).is_followed());
    // A day with nobody there, and 40 s of slew.
    host.off_s = -41;
    host.book(later(start, 3660 + 86_400), 200);
    assert!(settled(&host).is_settled && settled(&host).is_followed());
    assert_eq!(settled(&host).since_us, 60 * SECOND_US);
}

/// Usage and terms that a clock ahead has dated for good are brought back, but for what has gone
/// out.
#[test]
fn what_a_clock_ahead_has_dated_for_good_comes_back() {
    let start = at_day(15, "10:00:00");
    let mut host = Host::new(start);
    host.set(start, "2033-01-01T10:00:00Z");
    host.note(later(start, 1), 5);
    host.book(later(start, 1800), 1000);
    host.pass(later(start, 1800), later(start, 7000));
    // The hour from 10:00 to 11:00 goes out, and the terms are dated for good.
    assert_eq!(host.place.ledger.seal_what_is_over().unwrap(), 1);
    host.book(later(start, 7100), 2000);
    host.is_synchronized = true;
    host.off_s = 0;
    host.book(later(start, 7200), 2100);
    host.note(later(start, 7210), 6);
    let now = later(start, 8000);
    host.pass(later(start, 7210), now);
    let sealed = ("2033-01-01T10:00:00Z".to_owned(), 1000, false);
    let usage = host.usage();
    assert_eq!(usage.last(), Some(&sealed));
    assert_eq!(usage.iter().map(|row| row.1).sum::<u64>(), 2100);
    let own = &usage[..usage.len() - 1];
    assert!(own.iter().all(|row| row.0.starts_with("2026-09-15T1")), "{own:?}");
    let doubts = host.doubts(now);
    let [misdated @ Doubt::Misdated { .. }, Doubt::Ahead { frames: 10, sealed_frames: 10, .. }] =
        doubts[..]
    else {
        panic!("{doubts:?}")
    };
    let told = misdated.to_string();
    assert!(told.contains("from 2033-01-01T10:00:00Z to 2033-01-01T12:00:00Z"), "{told}");
    assert!(misdated.concerns(at_day(1, "00:00:00"), at_day(30, "00:00:00")));
    assert!(!misdated.concerns(time("2026-10-01T00:00:00Z"), time("2026-11-01T00:00:00Z")));
    let told: Vec<_> = spans(&host.place.ledger).into_iter().map(|s| (s.1, s.2, s.3)).collect();
    let changed = later(start, 7210);
    assert_eq!(told, [(5, later(start, 1), Some(changed)), (6, changed, None)]);
}

/// A floor in 2033 would push all that comes there.
#[test]
fn what_a_clock_ahead_has_let_expire_holds_nothing_up() {
    let start = at_day(15, "10:00:00");
    let mut host = Host::new(start);
    host.set(start, "2033-01-01T10:00:00Z");
    host.book(later(start, 1800), 1000);
    host.pass(later(start, 1800), later(start, 3700));
    assert_eq!(host.place.ledger.seal_what_is_over().unwrap(), 1);
    host.pass(later(start, 3700), later(start, 9000));
    let none = Duration::ZERO;
    assert_eq!(host.place.ledger.expire(none, none, &[]).unwrap().usage, 1);
    (host.off_s, host.is_synchronized) = (0, true);
    host.pass(later(start, 9000), later(start, 10_800));
    host.book(later(start, 10_860), 1600);
    let usage = host.usage();
    assert_eq!(usage.iter().map(|row| row.1).sum::<u64>(), 600);
    assert!(usage.iter().all(|row| row.0.starts_with("2026-09-15T1")), "{usage:?}");
}

/// A host whose clock has the date of its firmware until NTP is there.
#[test]
fn what_a_clock_months_behind_has_dated_for_good_comes_forth() {
    let start = at_day(15, "10:00:00");
    let mut host = Host::new(start);
    host.set(start, "2026-03-01T10:10:00Z");
    host.note(later(start, 1), 5);
    host.book(later(start, 1800), 1000);
    host.pass(later(start, 1800), later(start, 7000));
    assert_eq!(host.place.ledger.seal_what_is_over().unwrap(), 1);
    host.book(later(start, 7100), 2000);
    (host.off_s, host.is_synchronized) = (0, true);
    host.book(later(start, 7200), 2100);
    host.pass(later(start, 7200), later(start, 8000));
    let usage = host.usage();
    assert_eq!(usage[0], ("2026-03-01T10:00:00Z".to_owned(), 1000, false));
    assert_eq!(usage.iter().map(|row| row.1).sum::<u64>(), 2100);
    assert!(usage[1..].iter().all(|row| row.0.starts_with("2026-09-15T1")), "{usage:?}");
    let doubts = host.doubts(later(start, 8000));
    assert!(matches!(doubts[..], [Doubt::Misdated { frames: 10, .. }]), "{doubts:?}");
    let expected = [("a".to_owned(), 5, later(start, 1), None)];
    assert_eq!(spans(&host.place.ledger), expected);
}

#[test]
fn a_boot_behind_what_is_known_waits() {
    let start = at_day(15, "10:00:00");
    let mut host = Host::new(start);
    host.is_synchronized = true;
    host.book(later(start, 60), 100);
    host.pass(later(start, 60), later(start, 1200));
    host.reboot(later(start, 1800));
    host.is_synchronized = false;
    // The battery is empty, and the clock says when its firmware was made.
    host.set(later(start, 1800), "2026-03-01T00:00:00Z");
    host.book(later(start, 1860), 50);
    assert_eq!(host.usage(), [row_at(start, 100, false)]);
    assert!(matches!(host.doubts(start)[0], Doubt::Undated { bytes: 50, .. }));
    host.off_s = 0;
    host.book(later(start, 1920), 70);
    assert_eq!(host.usage(), [row_at(start, 170, false)]);

    // Where it stays so, the date before was wrong.
    let mut other = Host::new(start);
    other.is_synchronized = true;
    other.set(start, "2026-10-01T10:00:00Z");
    other.book(later(start, 60), 100);
    other.pass(later(start, 60), later(start, 1200));
    other.reboot(later(start, 1800));
    (other.is_synchronized, other.off_s) = (false, 0);
    other.book(later(start, 1860), 50);
    other.pass(later(start, 1860), later(start, 5400));
    assert_eq!(other.usage().len(), 1, "{:?}", other.usage());
    other.pass(later(start, 5400), later(start, 5520));
    let usage = other.usage();
    assert_eq!(usage.iter().map(|row| row.1).sum::<u64>(), 150);
    assert!(usage.iter().all(|row| row.0.starts_with("2026-09-15")), "{usage:?}");
}

#[test]
fn a_period_is_sealed_by_a_clock_that_has_said_the_same_for_a_minute() {
    let start = at_day(15, "10:59:00");
    let mut host = Host::new(start);
    host.book(later(start, 30), 100);
    host.book(later(start, 59), 200);
    assert_eq!(host.place.ledger.seal_what_is_over().unwrap(), 0, "not over");
    host.book(later(start, 70), 200);
    assert_eq!(host.place.ledger.seal_what_is_over().unwrap(), 0, "too new");
    host.book(later(start, 91), 200);
    assert_eq!(host.place.ledger.seal_what_is_over().unwrap(), 1);
    host.book(later(start, 95), 300);
    let expected =
        [row_at(at_day(15, "10:00:00"), 200, false), row_at(at_day(15, "11:00:00"), 100, false)];
    assert_eq!(host.usage(), expected);
}

/// Terms end now by what is believed, whatever the clock says.
#[test]
fn terms_end_by_both_clocks() {
    let (began, ended) = (at_day(15, "10:05:00"), at_day(16, "12:00:00"));
    for wrong in ["1970-01-01T00:00:05Z", "2026-09-16T03:00:00Z", "2033-09-16T12:00:00Z"] {
        let mut host = Host::new(at_day(15, "10:00:00"));
        host.book(began, 100);
        host.note(began, 7);
        host.pass(began, at_day(16, "10:00:00"));
        host.set(ended, wrong);
        let now = host.moment(ended);
        assert_eq!(host.place.ledger.date(&now).unwrap(), Some(ended), "{wrong}");
        let spans_ended = host.place.ledger.end_terms(&[], None, &now).unwrap();
        assert_eq!(spans_ended[0].to, Some(ended), "{wrong}");
        host.off_s = 0;
        host.pass(ended, at_day(16, "15:00:00"));
        let spans = spans(&host.place.ledger);
        assert_eq!((spans.len(), spans[0].3), (1, Some(ended)), "{wrong}: {spans:?}");
    }
}
