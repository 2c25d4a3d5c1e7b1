//! Against a model that has a state for each second.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    billing::ledger::LinkSpan,
    model::{LinkReason, PeeringLinkName},
};

const MINUTES: usize = 20;

fn start() -> Timestamp {
    "2026-01-31T23:50:00Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    start().saturating_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn history(link: Link, changes: &[(i64, LinkState)]) -> LinkHistory {
    let name = PeeringLinkName {
        edge: "edge-1".to_owned(),
        circuit: "contoso".to_owned(),
        peering: PeeringKind::Private,
        link,
    };
    let spans = changes.iter().map(|(at_s, state)| LinkSpan {
        from: after(*at_s),
        state: *state,
        reason: LinkReason::Unseen,
    });
    LinkHistory { name, spans: spans.collect() }
}

fn histories(links: &[&[(i64, LinkState)]], known_s: i64) -> LinkHistories {
    let links = Link::ALL.iter().zip(links).map(|(link, changes)| history(*link, changes));
    let known_until = Some(after(known_s));
    LinkHistories { links: links.collect(), known_until, expired_until: None }
}

/// The figures of the one peering, between two moments.
fn one(histories: &LinkHistories, from_s: i64, until_s: i64) -> Option<PeeringAvailability> {
    let mut found = availability(histories, after(from_s), after(until_s));
    assert!(found.len() <= 1);
    found.pop()
}

fn minutes(of: &PeeringAvailability) -> [u64; 7] {
    [
        of.minutes_up,
        of.minutes_degraded,
        of.minutes_down,
        of.minutes_unknown,
        of.minutes_planned,
        of.sla_minutes,
        of.sla_minutes_down,
    ]
}

#[test]
fn a_minute_is_down_where_no_link_was_up_for_more_than_half_of_it() {
    use LinkState::{Down, Up};
    for (down_s, second, expected) in [
        // Up, degraded, down, unknown, planned, under the SLA, down of these.
        (29, None, [3, 0, 0, 0, 0, 0, 0]),
        (30, None, [2, 0, 1, 0, 0, 0, 0]),
        (30, Some(0), [2, 1, 0, 0, 0, 3, 0]),
        (30, Some(29), [2, 1, 0, 0, 0, 3, 0]),
        (30, Some(30), [2, 0, 1, 0, 0, 3, 1]),
    ] {
        let first: &[_] = &[(0, Up), (60, Down), (60 + down_s, Up)];
        let other = second.map(|down_s| [(0, Up), (60, Down), (60 + down_s, Up)]);
        let links: Vec<&[(i64, LinkState)]> =
            [Some(first), other.as_ref().map(|it| &it[..])].into_iter().flatten().collect();
        let found = one(&histories(&links, 180), 0, 180).unwrap();
        assert_eq!(minutes(&found), expected, "{down_s} {second:?}");
        assert_eq!(found.links[0].down_s, down_s.unsigned_abs());
    }
}

#[test]
fn one_link_has_no_sla_and_planned_and_unknown_minutes_are_apart() {
    use LinkState::{Absent, Down, Planned, Unknown, Up};
    let first: &[_] = &[(0, Up), (600, Down)];
    let second: &[_] = &[(120, Up), (240, Planned), (360, Unknown), (480, Up), (720, Absent)];
    let found = one(&histories(&[first, second], 900), 0, 900).unwrap();
    // Alone for 2 minutes and then for 3, in which it is down.
    assert_eq!(minutes(&found), [6, 4, 3, 0, 2, 8, 0]);
    assert_eq!(found.availability_percent.as_deref(), Some("76.9230"));
    assert_eq!(found.sla_percent.as_deref(), Some("100.0000"));
    let alone = one(&histories(&[first], 900), 0, 900).unwrap();
    assert_eq!((alone.sla_minutes, alone.sla_percent), (0, None));
    assert_eq!(one(&histories(&[&[(901, Up)]], 900), 0, 900), None);
}

#[test]
fn time_after_the_last_look_is_unknown_and_the_present_minute_is_not_counted() {
    let known = histories(&[&[(0, LinkState::Up)]], 300);
    let found = one(&known, 0, 600).unwrap();
    assert_eq!(minutes(&found), [5, 0, 0, 5, 0, 0, 0]);
    assert_eq!((found.links[0].up_s, found.links[0].unknown_s), (300, 300));
    let span = (after(0), after(86_400));
    for (now_s, seen_s, minutes_s) in [
        (310, 300, 300),
        (359, 300, 300),
        // Nobody has looked for more than a minute.
        (500, 500, 480),
        (100_000, 86_400, 86_400),
        (-5, 0, 0),
    ] {
        let seen = seen_until(&known, span, after(now_s));
        assert_eq!(seen, after(seen_s), "{now_s}");
        assert_eq!(last_minute(after(0), seen), after(minutes_s), "{now_s}");
    }
    // Its changes are told.
    let found = one(&histories(&[&[(0, LinkState::Up), (325, LinkState::Down)]], 350), 0, 350);
    let found = found.unwrap();
    assert_eq!((minutes(&found)[0], found.links[0].changes.len()), (5, 2));
    assert_eq!(found.links[0].down_s, 0);
}

fn any_changes() -> impl Strategy<Value = Vec<(i64, LinkState)>> {
    let state = prop::sample::select(LinkState::ALL);
    let wait = prop_oneof![3 => 1..40_i64, 1 => 40..400_i64];
    prop::collection::vec((wait, state), 0..40).prop_map(|changes| {
        let mut at_s = -100;
        let step = |(wait_s, state)| {
            at_s += wait_s;
            (at_s, state)
        };
        changes.into_iter().map(step).collect()
    })
}

/// The state of each second from the start on.
fn by_second(changes: &[(i64, LinkState)], known_s: i64) -> Vec<LinkState> {
    let seconds = 0..i64::try_from(MINUTES * 60).unwrap();
    let state = |second: i64| {
        let last = changes.iter().rfind(|(at_s, _)| *at_s <= second);
        let state = last.map_or(LinkState::Absent, |(_, state)| *state);
        // A later change is of a later look.
        let is_last = changes.last().is_none_or(|(at_s, _)| *at_s <= second);
        match state {
            LinkState::Up | LinkState::Down if is_last && second >= known_s => LinkState::Unknown,
            LinkState::Up
            | LinkState::Down
            | LinkState::Planned
            | LinkState::Unknown
            | LinkState::Absent => state,
        }
    };
    seconds.map(state).collect()
}

fn naive_minute(seconds: &[LinkState]) -> LinkState {
    let of = |state| seconds.iter().filter(|second| **second == state).count();
    let (absent, planned) = (of(LinkState::Absent), of(LinkState::Planned));
    let used = 60 - absent - planned;
    match () {
        () if absent > 30 => LinkState::Absent,
        () if absent + planned > 30 => LinkState::Planned,
        () if of(LinkState::Up) * 2 > used => LinkState::Up,
        () if (of(LinkState::Up) + of(LinkState::Unknown)) * 2 > used => LinkState::Unknown,
        () => LinkState::Down,
    }
}

fn naive(links: &[Vec<LinkState>]) -> [u64; 7] {
    use LinkState::{Absent, Down, Planned, Unknown, Up};
    let mut minutes = [0; 7];
    for minute in 0..MINUTES {
        let mut states: Vec<LinkState> =
            links.iter().map(|link| naive_minute(&link[minute * 60..][..60])).collect();
        states.retain(|state| *state != Absent);
        states.sort();
        let place = match states[..] {
            [] => continue,
            [Up] | [Up, Up] => 0,
            [Up, Down | Unknown] => 1,
            [Down] | [Down, Down] => 2,
            [Unknown] | [Down | Unknown, Unknown] => 3,
            _ => 4,
        };
        assert_eq!(place == 4, states.contains(&Planned));
        minutes[place] += 1;
        if states.len() == 2 && place < 3 {
            minutes[5] += 1;
            minutes[6] += u64::from(place == 2);
        }
    }
    minutes
}

proptest! {
    #[test]
    fn minutes_are_those_of_a_model_by_seconds(
        first in any_changes(),
        second in any_changes(),
        after_last_s in 0..400_i64,
        has_second in any::<bool>(),
        cut in 0..=MINUTES,
    ) {
        let links: Vec<&[(i64, LinkState)]> =
            if has_second { vec![&first, &second] } else { vec![&first] };
        // All changes were told by then.
        let last_s = links.iter().filter_map(|link| Some(link.last()?.0)).max().unwrap_or(0);
        let known_s = last_s + after_last_s;
        let until_s = i64::try_from(MINUTES * 60).unwrap();
        let cut_s = i64::try_from(cut * 60).unwrap();
        let all = histories(&links, known_s);
        let found = one(&all, 0, until_s);
        let seconds: Vec<_> = links.iter().map(|link| by_second(link, known_s)).collect();
        let whole = found.as_ref().map_or([0; 7], minutes);
        prop_assert_eq!(whole, naive(&seconds));
        for link in found.iter().flat_map(|found| &found.links) {
            let seconds = &seconds[usize::from(link.link == "secondary")];
            let of = |state| seconds.iter().filter(|it| **it == state).count() as u64;
            prop_assert_eq!(link.up_s, of(LinkState::Up));
            prop_assert_eq!(link.down_s, of(LinkState::Down));
            prop_assert_eq!(link.unknown_s, of(LinkState::Unknown));
            prop_assert_eq!(link.planned_s, of(LinkState::Planned));
        }
        // Two months have the minutes of both together.
        let parts = [one(&all, 0, cut_s), one(&all, cut_s, until_s)];
        let parts = parts.map(|part| part.as_ref().map_or([0; 7], minutes));
        let sum: Vec<u64> = parts[0].iter().zip(parts[1]).map(|(a, b)| a + b).collect();
        prop_assert_eq!(sum, whole);
    }
}
