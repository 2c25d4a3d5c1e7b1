//! Links that come and go, and daemons that are away meanwhile. Times are in seconds since boot.

use super::*;
use crate::{
    billing::ledger::OpenPeeringLink,
    model::{Link, PeeringKind},
};

const SECOND_US: i64 = 1_000_000;

fn boot() -> Uuid {
    Uuid::from_u128(7)
}

fn name(link: Link) -> PeeringLinkName {
    PeeringLinkName {
        edge: "edge-1".to_owned(),
        circuit: "contoso".to_owned(),
        peering: PeeringKind::Private,
        link,
    }
}

/// A state that was seen, and its begin.
fn seen_as(state: LinkState, at_s: i64, since_s: Option<i64>) -> SeenState {
    let reason = match state {
        LinkState::Up => LinkReason::Up,
        LinkState::Planned => LinkReason::Drained,
        LinkState::Down | LinkState::Unknown | LinkState::Absent => LinkReason::Session,
    };
    let begin_us = since_s.map(|since_s| since_s * SECOND_US);
    SeenState { state, reason, at_us: at_s * SECOND_US, begin_us, may_hide: false }
}

fn seen(state: Option<SeenState>) -> BTreeMap<PeeringLinkName, SeenPeeringLink> {
    let seen = SeenPeeringLink { state, has_neighbour: true, has_session: None };
    BTreeMap::from([(name(Link::Primary), seen)])
}

fn told(changes: Vec<PeeringLinkChange>) -> Vec<(i64, LinkState)> {
    let told = |change: PeeringLinkChange| (change.at.boot_us / SECOND_US, change.state);
    changes.into_iter().map(told).collect()
}

/// A follower that goes on from a state which is known up to a second.
fn after(state: LinkState, known_s: i64, boot_id: Uuid) -> (LinkFollower, Vec<PeeringLinkChange>) {
    let link = OpenPeeringLink { name: name(Link::Primary), state, reason: LinkReason::Unseen };
    let known = BootTime { boot_id, boot_us: known_s * SECOND_US };
    LinkFollower::new(boot(), OpenPeeringLinks { known: Some(known), links: vec![link] })
}

#[test]
fn a_time_without_a_daemon_is_told_by_the_speakers_own_times() {
    use LinkState::{Down, Planned, Unknown, Up};
    // Known up to 100, seen at 200.
    for (before, now, begin_s, may_hide, expected) in [
        (Up, Up, Some(40), false, vec![]),
        (Up, Up, Some(150), false, vec![(100, Unknown), (150, Up)]),
        (Up, Up, None, false, vec![(100, Unknown), (200, Up)]),
        (Up, Down, Some(150), false, vec![(150, Down)]),
        (Up, Down, Some(99), false, vec![(100, Down)]),
        // Each try after a NOTIFICATION begins the state anew.
        (Up, Down, Some(150), true, vec![(100, Unknown), (150, Down)]),
        (Up, Down, Some(103), true, vec![(103, Down)]),
        (Up, Down, None, false, vec![(100, Unknown), (200, Down)]),
        (Down, Up, Some(150), false, vec![(150, Up)]),
        (Down, Up, Some(40), false, vec![(200, Up)]),
        (Down, Up, None, false, vec![(100, Unknown), (200, Up)]),
        (Down, Down, Some(150), true, vec![]),
        (Down, Down, None, false, vec![(100, Unknown), (200, Down)]),
        (Unknown, Up, Some(40), false, vec![(100, Up)]),
        (Unknown, Down, Some(150), false, vec![(150, Down)]),
        (Planned, Planned, None, false, vec![]),
        (Planned, Up, Some(150), false, vec![(150, Up)]),
        (Planned, Down, Some(40), false, vec![(200, Down)]),
        (Up, Planned, None, false, vec![(100, Unknown), (200, Planned)]),
    ] {
        let (mut follower, begun) = after(before, 100, boot());
        assert_eq!(begun, []);
        let now = SeenState { may_hide, ..seen_as(now, 200, begin_s) };
        let changes = follower.look(200 * SECOND_US, seen(Some(now)));
        assert_eq!(told(changes), expected, "{before:?} {now:?}");
        assert_eq!(follower.known_us(201 * SECOND_US), 200 * SECOND_US);
    }
}

#[test]
fn another_boot_leaves_an_end_that_nobody_knows() {
    let earlier = Uuid::from_u128(6);
    let (mut follower, begun) = after(LinkState::Up, 100, earlier);
    let at = BootTime { boot_id: earlier, boot_us: 100 * SECOND_US };
    let [change] = &begun[..] else { panic!("{begun:?}") };
    assert_eq!((change.at, change.state), (at, LinkState::Unknown));
    let changes = follower.look(30 * SECOND_US, seen(Some(seen_as(LinkState::Up, 30, Some(20)))));
    assert_eq!(told(changes), [(20, LinkState::Up)]);
    let (_, begun) = after(LinkState::Planned, 100, earlier);
    assert_eq!(begun, []);
}

#[test]
fn a_daemon_that_looks_every_second_tells_each_change_once() {
    use LinkState::{Absent, Down, Planned, Unknown, Up};
    let (mut follower, _) = LinkFollower::new(boot(), OpenPeeringLinks::default());
    assert!(follower.is_empty());
    let mut all = Vec::new();
    let mut look = |at_s: i64, now: Option<SeenState>| {
        all.extend(told(follower.look(at_s * SECOND_US, seen(now))));
        follower.known_us(at_s * SECOND_US) / SECOND_US
    };
    // Until the speaker has answered, nobody knows, and it tells of the time before.
    assert_eq!(look(10, None), 10);
    assert_eq!(look(11, Some(seen_as(Down, 11, Some(2)))), 11);
    assert_eq!(look(12, Some(seen_as(Down, 12, Some(2)))), 12);
    assert_eq!(look(13, Some(seen_as(Up, 13, Some(13)))), 13);
    // The answer is of a moment before.
    assert_eq!(look(15, Some(seen_as(Up, 14, Some(13)))), 14);
    // A neighbour has no begin.
    assert_eq!(look(60, Some(seen_as(Up, 60, Some(13)))), 60);
    assert_eq!(look(61, Some(seen_as(Down, 61, None))), 61);
    assert_eq!(look(62, Some(seen_as(Up, 62, Some(13)))), 62);
    // A session that was down for two seconds while the machine was busy.
    assert_eq!(look(65, Some(seen_as(Up, 65, Some(64)))), 65);
    // The speaker is silent, and then tells that all was well.
    assert_eq!(look(125, Some(seen_as(Up, 125, Some(64)))), 125);
    assert_eq!(look(130, None), 125);
    assert_eq!(look(136, None), 136);
    assert_eq!(look(140, Some(seen_as(Up, 140, Some(64)))), 140);
    assert_eq!(look(141, Some(seen_as(Planned, 141, None))), 141);
    all.extend(told(follower.look(145 * SECOND_US, BTreeMap::new())));
    assert!(follower.is_empty());
    assert_eq!(
        all,
        [
            (10, Unknown),
            (10, Down),
            (13, Up),
            (61, Down),
            (62, Up),
            (62, Down),
            (64, Up),
            (125, Unknown),
            (125, Up),
            (141, Planned),
            (145, Absent),
        ]
    );
}

#[test]
fn a_link_that_goes_after_a_time_without_a_look_is_unknown_in_between() {
    let (mut follower, _) = after(LinkState::Up, 100, boot());
    let changes = follower.look(200 * SECOND_US, BTreeMap::new());
    assert_eq!(told(changes), [(100, LinkState::Unknown), (200, LinkState::Absent)]);
}

#[test]
fn what_waits_for_the_end_of_a_minute_is_not_told_as_known() {
    let (mut follower, _) = after(LinkState::Up, 60, boot());
    let mut all = Vec::new();
    for at_s in 61..=75 {
        let now = if at_s % 2 == 1 { LinkState::Down } else { LinkState::Up };
        let now = seen_as(now, at_s, Some(at_s));
        all.extend(told(follower.look(at_s * SECOND_US, seen(Some(now)))));
    }
    assert_eq!(all.len(), 4);
    assert_eq!(follower.known_us(75 * SECOND_US), 65 * SECOND_US);
    let now = seen_as(LinkState::Down, 120, Some(75));
    all.extend(told(follower.look(120 * SECOND_US, seen(Some(now)))));
    // Down at 65, 67, 69, 71, 73 for a second each, and from 75 on.
    assert_eq!(all[4..], [(70, LinkState::Down)][..]);
    assert_eq!(follower.known_us(120 * SECOND_US), 120 * SECOND_US);
}
