//! The schedule by examples, and against a plain account of what happened.

use proptest::prelude::*;

use super::*;

const PACING: Pacing =
    Pacing { shortest: Duration::from_millis(100), longest: Duration::from_secs(1), share: 4 };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn schedule() -> Schedule {
    Schedule::new(PACING)
}

/// The times of rebuilds up to `until_ms`, of a table that changes every so often and takes no time to rebuild.
fn rebuilds(every_ms: u64, until_ms: u64) -> Vec<u64> {
    let mut schedule = schedule();
    let mut times = Vec::new();
    for now in 0..until_ms {
        if now % every_ms == 0 {
            schedule.mark(1, ms(now));
        }
        while let Some(table) = schedule.take(ms(now)) {
            times.push(now);
            schedule.end(table, ms(now), RebuildEnd::Rebuilt);
        }
    }
    times
}

#[test]
fn the_first_change_is_served_at_once_and_a_flapping_table_ever_later() {
    assert_eq!(rebuilds(1, 5000), [0, 100, 300, 700, 1500, 2500, 3500, 4500]);
    assert_eq!(rebuilds(150, 1000), [0, 150, 350, 750]);
}

#[test]
fn a_second_change_that_is_not_close_is_served_at_once() {
    assert_eq!(rebuilds(500, 1500), [0, 500, 1000]);
    assert_eq!(rebuilds(1000, 3001), [0, 1000, 2000, 3000], "quiet for a second each time");
}

#[test]
fn a_table_that_was_quiet_begins_anew() {
    let mut schedule = schedule();
    for now in [0, 1, 101, 301] {
        schedule.mark(1, ms(now));
        while schedule.take(ms(now)).is_some() {}
    }
    schedule.mark(1, ms(5000));
    assert_eq!(schedule.next(), Some(ms(5000)));
    assert_eq!(schedule.take(ms(5000)), Some(1));
    schedule.mark(1, ms(5001));
    assert_eq!(schedule.next(), Some(ms(5100)));
}

#[test]
fn a_change_during_a_rebuild_has_another_one_follow() {
    let mut schedule = schedule();
    schedule.mark(1, ms(0));
    assert_eq!(schedule.take(ms(0)), Some(1));
    schedule.mark(1, ms(1));
    schedule.end(1, ms(2), RebuildEnd::Rebuilt);
    assert_eq!((schedule.waiting(), schedule.next()), (1, Some(ms(100))));
}

#[test]
fn a_failed_rebuild_is_tried_again_and_ever_later() {
    let mut schedule = schedule();
    schedule.mark(1, ms(0));
    let mut tries = Vec::new();
    while let Some(due) = schedule.next().filter(|due| *due < ms(4000)) {
        assert_eq!(schedule.take(due), Some(1));
        tries.push(due.as_millis());
        schedule.end(1, due, RebuildEnd::Failed);
    }
    assert_eq!(tries, [0, 100, 300, 700, 1500, 2500, 3500]);
}

#[test]
fn flapping_tables_leave_time_for_others() {
    let mut schedule = schedule();
    for table in 0..50 {
        schedule.mark(table, ms(0));
        assert_eq!(schedule.take(ms(0)), Some(table));
        schedule.mark(table, ms(1));
    }
    // Each of them takes 20 ms.
    assert_eq!(schedule.take(ms(200)), Some(0));
    schedule.end(0, ms(220), RebuildEnd::Rebuilt);
    assert_eq!(schedule.take(ms(220)), None);
    assert_eq!(schedule.next(), Some(ms(280)));
    schedule.mark(99, ms(221));
    assert_eq!(schedule.take(ms(221)), Some(99), "a change elsewhere is served at once");
    schedule.end(99, ms(241), RebuildEnd::Rebuilt);
    assert_eq!(schedule.take(ms(280)), Some(1));
}

#[test]
fn the_oldest_is_served_first() {
    let mut schedule = schedule();
    for (table, now) in [(5, 0), (3, 1), (9, 2), (1, 3)] {
        schedule.mark(table, ms(now));
        schedule.mark(5, ms(now));
    }
    let order: Vec<u32> = std::iter::from_fn(|| schedule.take(ms(10))).collect();
    assert_eq!(order, [5, 3, 9, 1]);
}

#[test]
fn a_forgotten_table_is_not_rebuilt() {
    let mut schedule = schedule();
    schedule.mark(1, ms(0));
    assert_eq!(schedule.take(ms(0)), Some(1));
    schedule.mark(1, ms(1));
    schedule.mark(2, ms(1));
    schedule.forget(1);
    schedule.forget(2);
    schedule.end(1, ms(2), RebuildEnd::Failed);
    assert_eq!((schedule.waiting(), schedule.next()), (0, None));
}

/// Something that happens to a schedule.
#[derive(Clone, Debug)]
enum Event {
    Mark(u32),
    MarkAll,
    Forget(u32),
    /// So many milliseconds pass.
    Pass(u64),
    /// A table is rebuilt, if one is due, in so many milliseconds, with or without success.
    Rebuild(u64, bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0u32..6).prop_map(Event::Mark),
        1 => Just(Event::MarkAll),
        1 => (0u32..6).prop_map(Event::Forget),
        4 => prop_oneof![0u64..20, 50u64..2000].prop_map(Event::Pass),
        6 => (0u64..30, proptest::bool::weighted(0.8)).prop_map(|(ms, ok)| Event::Rebuild(ms, ok)),
    ]
}

/// An account of one table, without any queue.
#[derive(Clone, Debug, Default)]
struct Account {
    /// The first mark that no rebuild has served.
    marked: Option<Duration>,
    rebuilt: Option<Duration>,
    wait: Duration,
}

impl Account {
    /// When it may be rebuilt, and whether it is flapping.
    fn due(&self, share_over: Duration) -> Option<(Duration, bool)> {
        let marked = self.marked?;
        match self.rebuilt {
            Some(rebuilt) if marked < rebuilt + PACING.longest => {
                Some((marked.max(rebuilt + self.wait).max(share_over), true))
            }
            _ => Some((marked, false)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_course_of_events_keeps_the_rules(events in proptest::collection::vec(event(), 1..200)) {
        let mut schedule = schedule();
        let mut accounts: BTreeMap<u32, Account> = BTreeMap::new();
        let mut starts: BTreeMap<u32, Vec<Duration>> = BTreeMap::new();
        let (mut now, mut share_over) = (Duration::ZERO, Duration::ZERO);
        for event in events {
            match event {
                Event::Mark(table) => {
                    schedule.mark(table, now);
                    accounts.entry(table).or_default().marked.get_or_insert(now);
                }
                Event::MarkAll => for table in 0..6 {
                    schedule.mark(table, now);
                    accounts.entry(table).or_default().marked.get_or_insert(now);
                },
                Event::Forget(table) => {
                    schedule.forget(table);
                    accounts.remove(&table);
                    starts.remove(&table);
                }
                Event::Pass(by) => now += ms(by),
                Event::Rebuild(took, is_success) => {
                    let due: Vec<(u32, bool)> = accounts
                        .iter()
                        .filter_map(|(table, it)| it.due(share_over).map(|due| (*table, due)))
                        .filter(|(_, (due, _))| *due <= now)
                        .map(|(table, (_, is_flapping))| (table, is_flapping))
                        .collect();
                    let Some(table) = schedule.take(now) else {
                        prop_assert!(due.is_empty(), "{due:?} are due at {now:?}");
                        continue;
                    };
                    let taken = due.iter().find(|(it, _)| *it == table);
                    prop_assert!(taken.is_some(), "{table} is not due at {now:?}");
                    let is_flapping = taken.is_some_and(|(_, is_flapping)| *is_flapping);
                    let first_due = |table: u32| accounts[&table].due(Duration::ZERO).map(|it| it.0);
                    for (other, _) in &due {
                        prop_assert!(first_due(table) <= first_due(*other), "{other} is older");
                    }
                    let began = now;
                    let account = accounts.get_mut(&table).unwrap();
                    let wait = if is_flapping { account.wait * 2 } else { PACING.shortest };
                    *account = Account {
                        marked: (!is_success).then_some(began),
                        rebuilt: Some(began),
                        wait: wait.min(PACING.longest),
                    };
                    starts.entry(table).or_default().push(began);
                    now += ms(took);
                    let end = if is_success { RebuildEnd::Rebuilt } else { RebuildEnd::Failed };
                    schedule.end(table, now, end);
                    if is_flapping {
                        share_over = share_over.max(now + ms(took) * 3);
                    }
                }
            }
            let next = accounts.values().filter_map(|it| it.due(share_over)).map(|(due, _)| due).min();
            prop_assert_eq!(schedule.next(), next);
            let waiting = accounts.values().filter(|it| it.marked.is_some()).count();
            prop_assert_eq!(schedule.waiting(), waiting);
        }
        // No table is rebuilt twice within 100 ms.
        for times in starts.values() {
            prop_assert!(times.windows(2).all(|pair| pair[0] + PACING.shortest <= pair[1]), "{times:?}");
        }
        // All that waits is served in the end, within what waits and shares allow.
        let mut left = schedule.waiting();
        while let Some(due) = schedule.next() {
            now = now.max(due);
            let table = schedule.take(now);
            prop_assert!(table.is_some());
            schedule.end(table.unwrap(), now, RebuildEnd::Rebuilt);
            left -= 1;
        }
        prop_assert_eq!(left, 0);
    }
}
