//! Terms that circuits are sold at, and the terms and usage that a bill takes.

use std::collections::BTreeMap;

use super::{terms::change, *};
use crate::model::Sku;

fn terms(circuit: &str, key: Option<&str>) -> Terms {
    Terms {
        edge: "edge-1".to_owned(),
        circuit: circuit.to_owned(),
        service_key: key.map(Into::into),
        bandwidth_bps: 1,
        billing: Billing::Metered,
        sku: Sku::Standard,
        zone: None,
    }
}

fn note(ledger: &mut Ledger, clock: &str, list: &[Terms]) {
    ledger.note_terms(&change("edge-1", moment(at(clock)), list), None).unwrap();
}

#[test]
fn terms_that_nobody_ends_any_more_can_be_ended() {
    let mut place = Place::new();
    note(&mut place.ledger, "10:00:00", &[terms("a", None), terms("b", None), terms("c", None)]);
    note(&mut place.ledger, "11:00:00", &[terms("a", None), terms("b", None)]);
    let open = |ledger: &Ledger| -> Vec<String> {
        ledger.open_terms().unwrap().into_iter().map(|span| span.terms.circuit).collect()
    };
    assert_eq!(open(&place.ledger), ["a", "b"]);
    let now = moment(at("13:00:00"));
    for (circuits, clock) in
        [(vec!["c"], "12:00:00"), (vec!["a", "d"], "12:00:00"), (vec![], "10:00:00")]
    {
        let circuits: Vec<_> = circuits.into_iter().map(str::to_owned).collect();
        let error = place.ledger.end_terms(&circuits, Some(at(clock)), &now).unwrap_err();
        assert!(matches!(error, LedgerError::Refused { .. }), "{error}");
        assert_eq!(open(&place.ledger), ["a", "b"], "nothing was ended");
    }
    let ended = place.ledger.end_terms(&["b".to_owned()], Some(at("10:30:00")), &now).unwrap();
    assert_eq!((ended.len(), ended[0].to), (1, Some(at("10:30:00"))));
    assert_eq!(open(&place.ledger), ["a"]);
    place.ledger.end_terms(&[], Some(at("12:00:00")), &now).unwrap();
    assert_eq!(open(&place.ledger), [""; 0]);
    assert_eq!(place.ledger.end_terms(&[], Some(at("12:00:00")), &now).unwrap(), []);
    // A daemon that runs again sells anew.
    note(&mut place.ledger, "13:00:00", &[terms("a", None)]);
    assert_eq!(place.ledger.open_terms().unwrap()[0].from, at("13:00:00"));
}

#[test]
fn a_month_has_the_terms_around_it_too() {
    let mut place = Place::new();
    note(&mut place.ledger, "01:00:00", &[terms("a", None), terms("gone", None)]);
    note(&mut place.ledger, "02:00:00", &[terms("a", Some("1")), terms("gone", None)]);
    note(&mut place.ledger, "03:00:00", &[terms("a", Some("2"))]);
    note(&mut place.ledger, "07:00:00", &[terms("a", Some("2")), terms("new", None)]);
    note(&mut place.ledger, "08:00:00", &[terms("a", Some("2"))]);
    note(&mut place.ledger, "09:00:00", &[terms("a", Some("2")), terms("new", None)]);
    let found = place.ledger.terms_around(at("04:00:00"), at("05:00:00")).unwrap();
    let told: Vec<_> = found
        .iter()
        .map(|span| (&*span.terms.circuit, span.terms.service_key.as_deref(), span.from))
        .collect();
    let expected = [
        ("a", None, at("01:00:00")),
        ("a", Some("1"), at("02:00:00")),
        ("a", Some("2"), at("03:00:00")),
        ("gone", None, at("01:00:00")),
        ("new", None, at("07:00:00")),
    ];
    assert_eq!(told, expected);
    assert_eq!(place.ledger.beginning().unwrap(), Some(at("01:00:00")));
    assert_eq!(Place::new().ledger.beginning().unwrap(), None);
}

#[test]
fn a_months_usage_is_cut_where_prices_change() {
    let mut place = Place::new();
    for (hour, bytes) in [(1, 100), (2, 300), (3, 700), (4, 1500)] {
        place.book(&reading(later(at("10:00:00"), hour * 3600), bytes));
    }
    let name = owner(1).circuit;
    let parts = |moments: &[&str]| {
        let moments = moments.iter().map(|clock| at(clock)).collect();
        let moments =
            BTreeMap::from([(name.clone(), moments), ("other".to_owned(), vec![at("11:30:00")])]);
        let found = place.ledger.usage_in_parts(at("10:00:00"), at("13:00:00"), &moments).unwrap();
        found.into_iter().map(|r| (r.start, r.end, r.bytes, r.billed_bytes)).collect::<Vec<_>>()
    };
    let all = |from: &str, to: &str, bytes| (at(from), at(to), bytes, bytes);
    // 13:00 is the next month's.
    assert_eq!(parts(&[]), [all("10:00:00", "13:00:00", 700)]);
    // A period is of the terms that hold when it ends.
    let two = [all("10:00:00", "11:00:00", 100), all("11:00:00", "13:00:00", 600)];
    assert_eq!(parts(&["11:00:00"]), two);
    assert_eq!(parts(&["11:30:00"]), two);
    assert_eq!(parts(&["11:30:00", "11:40:00"]), two);
    assert_eq!(parts(&["09:00:00", "14:00:00"]), [all("10:00:00", "13:00:00", 700)]);
}

mod percentiles {
    use super::*;

    const QUERY: PercentileQuery =
        PercentileQuery { edge: None, circuit: None, from: None, to: None };

    /// Circuit, samples and the greater percentile.
    fn told(ledger: &Ledger, query: &PercentileQuery) -> Vec<(String, u64, u64)> {
        let found = ledger.percentiles(query, at("23:00:00")).unwrap();
        let greater = found.into_iter().filter(|found| found.direction == "greater");
        greater.map(|found| (found.circuit, found.samples, found.p95_bps)).collect()
    }

    /// 8 kbps for an hour.
    fn busy(ledger: &mut Ledger, circuit: &str, slot: u32, from: &str) {
        let start = at(from);
        for sample in 1..=12u64 {
            let taken = later(start, 300 * i64::try_from(sample).unwrap());
            let mut reading = reading(taken, 300_000 * sample);
            reading.epoch = EpochInfo { created: start, ..epoch(slot.into()) };
            reading.slots[0].owner.circuit = circuit.to_owned();
            reading.slots[0].owner.service_key = None;
            ledger.book(&reading, &HOURLY).unwrap();
        }
    }

    fn between(from: &str, to: &str) -> PercentileQuery {
        PercentileQuery { from: Some(at(from)), to: Some(at(to)), ..QUERY }
    }

    /// Neither the time before it existed counts, nor that after it.
    #[test]
    fn a_percentile_is_of_the_time_that_a_circuit_existed() {
        let mut place = Place::new();
        note(&mut place.ledger, "10:02:00", &[terms("a", None)]);
        busy(&mut place.ledger, "a", 1, "10:05:00");
        note(&mut place.ledger, "11:10:00", &[]);
        let day = between("00:00:00", "20:00:00");
        // From 10:00 to 11:10: two samples without anything.
        assert_eq!(told(&place.ledger, &day), [("a".to_owned(), 14, 8000)]);
        let found = &place.ledger.percentiles(&day, at("23:00:00")).unwrap()[0];
        assert_eq!((found.start, found.end), (at("10:00:00"), at("11:10:00")));
        assert_eq!(told(&place.ledger, &between("12:00:00", "20:00:00")), []);
        assert_eq!(
            told(&place.ledger, &between("10:30:00", "10:40:00")),
            [("a".to_owned(), 2, 8000)]
        );
        // The usage that was counted last, after the circuit's end, is the circuit's own, too.
        let mut late = reading(at("11:19:00"), 300_000 * 13);
        late.epoch = EpochInfo { created: at("10:05:00"), ..epoch(1) };
        late.slots[0].owner.circuit = "a".to_owned();
        late.slots[0].owner.service_key = None;
        place.ledger.book(&late, &HOURLY).unwrap();
        assert_eq!(told(&place.ledger, &day)[0].1, 16);
        // Sold again.
        note(&mut place.ledger, "12:00:00", &[terms("a", None)]);
        assert_eq!(told(&place.ledger, &day), [("a".to_owned(), 16 + 8 * 12, 8000)]);
    }

    #[test]
    fn a_circuit_without_terms_exists_since_its_first_sample() {
        let mut place = Place::new();
        busy(&mut place.ledger, "a", 1, "10:00:00");
        let found = told(&place.ledger, &between("00:00:00", "11:00:00"));
        assert_eq!(found, [("a".to_owned(), 12, 8000)]);
        let found = told(&place.ledger, &between("10:30:00", "12:00:00"));
        assert_eq!(found, [("a".to_owned(), 18, 8000)]);
    }

    #[test]
    fn a_circuit_that_is_renamed_is_one_row() {
        let mut place = Place::new();
        note(&mut place.ledger, "10:00:00", &[terms("old", Some("k"))]);
        busy(&mut place.ledger, "old", 1, "10:00:00");
        note(&mut place.ledger, "11:00:00", &[terms("new", Some("k"))]);
        busy(&mut place.ledger, "new", 3, "11:00:00");
        let row = ("new".to_owned(), 24, 8000);
        let query = between("00:00:00", "12:00:00");
        assert_eq!(told(&place.ledger, &query), std::slice::from_ref(&row));
        for name in ["old", "new"] {
            let named = PercentileQuery { circuit: Some(name.to_owned()), ..query.clone() };
            assert_eq!(told(&place.ledger, &named), std::slice::from_ref(&row));
        }
        let other = PercentileQuery { circuit: Some("other".to_owned()), ..query };
        assert_eq!(told(&place.ledger, &other), []);
    }

    #[test]
    fn a_name_that_another_customer_gets_is_another_row() {
        let mut place = Place::new();
        note(&mut place.ledger, "10:00:00", &[terms("a", Some("1"))]);
        busy(&mut place.ledger, "a", 1, "10:00:00");
        note(&mut place.ledger, "11:00:00", &[terms("a", Some("2"))]);
        let found = told(&place.ledger, &between("00:00:00", "12:00:00"));
        assert_eq!(found, [("a".to_owned(), 12, 8000), ("a".to_owned(), 12, 0)]);
    }

    #[test]
    fn an_edge_that_is_renamed_has_the_same_circuits() {
        let mut place = Place::new();
        note(&mut place.ledger, "10:00:00", &[terms("a", None)]);
        busy(&mut place.ledger, "a", 1, "10:00:00");
        let renamed = Terms { edge: "edge-2".to_owned(), ..terms("a", None) };
        let change = change("edge-2", moment(at("11:00:00")), &[renamed]);
        place.ledger.note_terms(&change, None).unwrap();
        let mut next = reading(at("11:05:00"), 300_000);
        next.epoch = EpochInfo { created: at("11:00:00"), ..epoch(2) };
        next.slots[0].owner.circuit = "a".to_owned();
        next.slots[0].owner.edge = "edge-2".to_owned();
        place.ledger.book(&next, &HOURLY).unwrap();
        let day = between("00:00:00", "11:05:00");
        let found = place.ledger.percentiles(&day, at("23:00:00")).unwrap();
        assert_eq!((found.len(), found[0].samples, &*found[0].edge), (3, 13, "edge-2"));
        let first = PercentileQuery { edge: Some("edge-1".to_owned()), ..day };
        let found = place.ledger.percentiles(&first, at("23:00:00")).unwrap();
        assert_eq!((found.len(), found[0].samples, &*found[0].edge), (3, 12, "edge-1"));
    }
}
