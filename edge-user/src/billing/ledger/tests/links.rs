//! States of routed links: they are noted once, dated by the boot's date, and deleted as usage is.

use super::*;
use crate::model::{LinkReason, LinkState, PeeringLinkName};

fn name(circuit: &str, link: Link) -> PeeringLinkName {
    let (edge, circuit) = ("edge-1".to_owned(), circuit.to_owned());
    PeeringLinkName { edge, circuit, peering: PeeringKind::Private, link }
}

fn boot_time(moment: Moment) -> BootTime {
    BootTime { boot_id: moment.boot_id, boot_us: moment.boot_us }
}

fn change(name: &PeeringLinkName, at: Moment, state: LinkState) -> PeeringLinkChange {
    let reason = if state == LinkState::Up { LinkReason::Up } else { LinkReason::Session };
    PeeringLinkChange { name: name.clone(), at: boot_time(at), state, reason }
}

impl Place {
    /// Notes changes after the last note.
    fn note_links(&mut self, now: Moment, changes: Vec<PeeringLinkChange>) {
        let after = self.ledger.open_links().unwrap().known;
        let note = LinkNote { now, known_us: now.boot_us, after, changes };
        assert!(self.ledger.note_links(&note).unwrap());
        assert_eq!(self.ledger.check().unwrap(), [""; 0]);
    }

    /// The states of the one link.
    fn spans(&self) -> Vec<(Timestamp, LinkState)> {
        let mut found = self.ledger.link_histories().unwrap().links;
        let link = found.pop().unwrap();
        assert_eq!(found, []);
        link.spans.into_iter().map(|span| (span.from, span.state)).collect()
    }
}

#[test]
fn a_note_follows_the_one_before_or_is_refused() {
    use LinkState::{Absent, Down, Up};
    let mut place = Place::settled();
    let primary = name("contoso", Link::Primary);
    let other = name("fabrikam", Link::Secondary);
    assert_eq!(place.ledger.open_links().unwrap(), OpenPeeringLinks::default());
    let first = moment(at("10:00:00"));
    place.note_links(first, vec![change(&primary, first, Up), change(&other, first, Up)]);
    let then = moment(at("10:05:00"));
    place.note_links(
        then,
        vec![
            change(&primary, moment(at("10:02:00")), Down),
            change(&other, moment(at("10:03:00")), Absent),
        ],
    );
    let open = place.ledger.open_links().unwrap();
    assert_eq!(open.known, Some(boot_time(then)));
    let [link] = &open.links[..] else { panic!("{open:?}") };
    assert_eq!((&link.name, link.state), (&primary, Down));

    // A note that goes on from another one: the ledger is a copy from before.
    let stale = LinkNote {
        now: moment(at("10:06:00")),
        known_us: moment(at("10:06:00")).boot_us,
        after: Some(boot_time(first)),
        changes: vec![change(&primary, then, Up)],
    };
    assert!(!place.ledger.note_links(&stale).unwrap());
    assert_eq!(place.ledger.open_links().unwrap(), open);
    let histories = place.ledger.link_histories().unwrap();
    assert_eq!(histories.known_until, Some(at("10:05:00")));
    let spans: Vec<_> = histories.links[0].spans.iter().map(|it| (it.from, it.state)).collect();
    assert_eq!(spans, [(at("10:00:00"), Up), (at("10:02:00"), Down)]);
}

#[test]
fn a_row_takes_the_place_of_what_was_said_of_the_time_after_it() {
    use LinkState::{Down, Unknown, Up};
    let mut place = Place::settled();
    let link = name("contoso", Link::Primary);
    let mut note = |clock: &str, from: &str, state| {
        place.note_links(moment(at(clock)), vec![change(&link, moment(at(from)), state)]);
    };
    note("10:00:00", "10:00:00", Up);
    note("10:10:00", "10:08:00", Unknown);
    note("10:11:00", "10:08:00", Down);
    note("10:12:00", "10:12:00", Up);
    let expected = [(at("10:00:00"), Up), (at("10:08:00"), Down), (at("10:12:00"), Up)];
    assert_eq!(place.spans(), expected);
}

/// The clock says another day for a while, and is put right: minutes are neither lost nor made.
#[test]
fn a_clock_that_steps_moves_all_of_a_boot() {
    use LinkState::{Down, Up};
    let mut place = Place::new();
    let link = name("contoso", Link::Primary);
    let day_s = 24 * 3600;
    let wrong = |clock: &str| {
        let right = moment(at(clock));
        Moment { wall: later(right.wall, day_s), is_synchronized: false, ..right }
    };
    place.note_links(wrong("10:00:00"), vec![change(&link, wrong("10:00:00"), Up)]);
    place.note_links(wrong("10:01:00"), vec![change(&link, wrong("10:00:30"), Down)]);
    assert_eq!(place.spans()[0].0, later(at("10:00:00"), day_s));
    place.note_links(moment(at("10:02:00")), vec![change(&link, moment(at("10:01:30")), Up)]);
    let expected = [(at("10:00:00"), Up), (at("10:00:30"), Down), (at("10:01:30"), Up)];
    assert_eq!(place.spans(), expected);
}

#[test]
fn states_are_deleted_as_usage_is_and_the_last_one_stays() {
    use LinkState::{Absent, Down, Up};
    let mut place = Place::settled();
    let link = name("contoso", Link::Primary);
    let gone = name("gone", Link::Primary);
    let moments = ["10:00:00", "11:00:00", "12:00:00"].map(|clock| moment(at(clock)));
    let [first, second, third] = moments;
    place.note_links(first, vec![change(&link, first, Up), change(&gone, first, Up)]);
    place.note_links(second, vec![change(&link, second, Down), change(&gone, second, Absent)]);
    place.note_links(third, vec![change(&link, third, Up)]);
    let keep = Duration::from_hours(24 * 62);
    place.ledger.expire(keep, keep, &[]).unwrap();
    assert_eq!(place.ledger.link_histories().unwrap().links.len(), 2);
    place.pass(time("2026-06-01T00:00:00Z"));
    place.ledger.expire(keep, keep, &[]).unwrap();
    let histories = place.ledger.link_histories().unwrap();
    assert_eq!(histories.expired_until, Some(third.wall));
    assert_eq!(place.spans(), [(third.wall, Up)]);
    assert_eq!(place.ledger.check().unwrap(), [""; 0]);
    let open = place.ledger.open_links().unwrap();
    assert_eq!(open.links.len(), 1);
}
