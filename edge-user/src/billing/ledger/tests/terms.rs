//! Terms that circuits were sold at.

use super::*;
use crate::model::Sku;

pub(super) fn terms(circuit: &str, bandwidth_bps: u64) -> Terms {
    Terms {
        edge: "edge-1".to_owned(),
        circuit: circuit.to_owned(),
        service_key: None,
        bandwidth_bps,
        billing: Billing::Metered,
        sku: Sku::Premium,
        zone: Some("zone 1".to_owned()),
    }
}

/// All circuits have these terms from then on.
pub(super) fn change(edge: &str, at: Moment, terms: &[Terms]) -> TermsChange {
    let (edge, terms) = (edge.to_owned(), terms.to_vec());
    TermsChange { at, edge, is_all: true, terms, ended: Vec::new() }
}

fn note(ledger: &mut Ledger, edge: &str, now: Timestamp, terms: &[Terms]) -> bool {
    ledger.note_terms(&change(edge, moment(now), terms), None).is_ok()
}

/// Circuit, bandwidth, from and to.
pub(super) type Span = (String, u64, Timestamp, Option<Timestamp>);

pub(super) fn spans(ledger: &Ledger) -> Vec<Span> {
    let spans = ledger.terms(Timestamp::MIN, Timestamp::MAX).unwrap();
    let told = |s: TermsSpan| (s.terms.circuit, s.terms.bandwidth_bps, s.from, s.to);
    spans.into_iter().map(told).collect()
}

pub(super) fn span(circuit: &str, bandwidth_bps: u64, from: &str, to: Option<&str>) -> Span {
    (circuit.to_owned(), bandwidth_bps, at(from), to.map(at))
}

#[test]
fn terms_change_and_end() {
    let mut place = Place::settled();
    let mut noted = |clock: &str, list: &[Terms]| {
        assert!(note(&mut place.ledger, "edge-1", at(clock), list));
        spans(&place.ledger)
    };
    let first = [span("a", 1, "10:00:00", None), span("b", 1, "10:00:00", None)];
    assert_eq!(noted("10:00:00", &[terms("b", 1), terms("a", 1)]), first);
    assert_eq!(noted("10:30:00", &[terms("b", 1), terms("a", 1)]), first);
    let mut expected = vec![
        span("a", 1, "10:00:00", Some("11:00:00")),
        span("a", 2, "11:00:00", None),
        span("b", 1, "10:00:00", Some("11:00:00")),
    ];
    assert_eq!(noted("11:00:00", &[terms("a", 2)]), expected);
    expected.push(span("b", 1, "12:00:00", None));
    assert_eq!(noted("12:00:00", &[terms("a", 2), terms("b", 1)]), expected);

    assert!(!note(&mut place.ledger, "edge-2", at("13:00:00"), &[terms("a", 1)]));
    let twice = [terms("a", 1), terms("a", 1)];
    assert!(!note(&mut place.ledger, "edge-1", at("13:00:00"), &twice));
    assert_eq!(spans(&place.ledger), expected);

    let within = place.ledger.terms(at("11:00:00"), at("12:00:00")).unwrap();
    assert_eq!(within.len(), 1, "{within:?}");
    assert_eq!(within[0].terms, terms("a", 2));
}

#[test]
fn an_edge_of_another_name_is_the_same_edge() {
    let mut place = Place::settled();
    let all = [terms("a", 1), terms("b", 1)];
    assert!(note(&mut place.ledger, "edge-1", at("10:00:00"), &all));
    let renamed = Terms { edge: "edge-2".to_owned(), ..terms("a", 1) };
    assert!(note(&mut place.ledger, "edge-2", at("11:00:00"), std::slice::from_ref(&renamed)));
    let expected = [
        span("a", 1, "10:00:00", Some("11:00:00")),
        span("b", 1, "10:00:00", Some("11:00:00")),
        span("a", 1, "11:00:00", None),
    ];
    assert_eq!(spans(&place.ledger), expected);
    let now = place.ledger.terms(at("11:00:00"), at("12:00:00")).unwrap();
    assert_eq!(now, [TermsSpan { terms: renamed, from: at("11:00:00"), to: None }]);
    assert!(note(&mut place.ledger, "edge-3", at("12:00:00"), &[]));
    assert_eq!(place.ledger.terms(at("12:00:00"), Timestamp::MAX).unwrap(), []);
}

#[test]
fn terms_that_a_clock_ahead_has_noted_are_taken_back() {
    let mut place = Place::settled();
    let mut noted = |clock: &str, bandwidths_bps: &[u64]| {
        let list: Vec<_> = bandwidths_bps.iter().map(|bps| terms("a", *bps)).collect();
        assert!(note(&mut place.ledger, "edge-1", at(clock), &list));
        spans(&place.ledger)
    };
    noted("10:00:00", &[1]);
    noted("11:00:00", &[2]);
    let before = span("a", 1, "10:00:00", Some("11:00:00"));
    // Ahead, with one change and then another.
    noted("20:00:00", &[3]);
    noted("21:00:00", &[4]);
    let after = |bps, from: &str| {
        vec![before.clone(), span("a", 2, "11:00:00", Some(from)), span("a", bps, from, None)]
    };
    assert_eq!(noted("12:00:00", &[4]), after(4, "12:00:00"));
    // Terms that held before go on where they still hold.
    noted("20:00:00", &[]);
    assert_eq!(noted("13:00:00", &[4]), after(4, "12:00:00"));
    // The moment of a change comes again.
    assert_eq!(noted("12:00:00", &[5]), after(5, "12:00:00"));
    assert_eq!(noted("12:00:00", &[2]), [before.clone(), span("a", 2, "11:00:00", None)]);
    let sql = "SELECT count(*) FROM terms_undone";
    let undone: i64 = place.ledger.connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(undone, 4, "two spans, and two ends");
}

/// Changes that could not be noted when they happened.
#[test]
fn changes_may_be_noted_late() {
    let mut place = Place::settled();
    assert!(note(&mut place.ledger, "edge-1", at("10:00:00"), &[terms("a", 1)]));
    assert!(note(&mut place.ledger, "edge-1", at("11:00:00"), &[terms("a", 2), terms("b", 1)]));
    assert!(note(&mut place.ledger, "edge-1", at("12:00:00"), &[terms("b", 1)]));
    let expected = [
        span("a", 1, "10:00:00", Some("11:00:00")),
        span("a", 2, "11:00:00", Some("12:00:00")),
        span("b", 1, "11:00:00", None),
    ];
    assert_eq!(spans(&place.ledger), expected);
}

mod noted {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The last list holds, whatever the clock does. Its time splits all, and what was before
        /// stays as it was.
        #[test]
        fn spans_never_overlap(
            notes in prop::collection::vec(
                (0..20i64, 0..2usize, prop::collection::btree_map(0..3u8, 1..3u64, 0..3)),
                1..12,
            ),
        ) {
            let mut place = Place::settled();
            for (second, edge, list) in notes {
                let now = later(at("10:00:00"), second);
                let edge = format!("edge-{edge}");
                let list: Vec<_> = list
                    .iter()
                    .map(|(name, bps)| Terms { edge: edge.clone(), ..terms(&name.to_string(), *bps) })
                    .collect();
                let until_now = |ledger: &Ledger| {
                    let mut spans = ledger.terms(Timestamp::MIN, now).unwrap();
                    for span in &mut spans {
                        span.to = Some(span.to.unwrap_or(now).min(now));
                    }
                    spans
                };
                let before = until_now(&place.ledger);
                assert!(note(&mut place.ledger, &edge, now, &list));
                prop_assert_eq!(until_now(&place.ledger), before);

                let mut all = place.ledger.terms(Timestamp::MIN, Timestamp::MAX).unwrap();
                let mut open: Vec<_> = all.iter().filter(|span| span.to.is_none()).collect();
                open.sort_by(|a, b| a.terms.circuit.cmp(&b.terms.circuit));
                prop_assert_eq!(open.iter().map(|s| s.terms.clone()).collect::<Vec<_>>(), list);
                prop_assert!(all.iter().all(|span| span.from <= now));
                all.sort_by(|a, b| (&a.terms.circuit, a.from).cmp(&(&b.terms.circuit, b.from)));
                for pair in all.windows(2) {
                    let is_same = pair[0].terms.circuit == pair[1].terms.circuit;
                    prop_assert!(!is_same || pair[0].to.is_some_and(|to| to <= pair[1].from));
                    prop_assert!(pair[0].to.is_none_or(|to| pair[0].from < to));
                }
            }
        }
    }
}
