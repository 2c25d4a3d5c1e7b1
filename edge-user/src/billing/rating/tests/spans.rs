//! Terms that change within the month, and records beside them.

use super::{GB, GBPS, bill, money, month, record, row, rows, span, terms, time};
use crate::{
    billing::{ledger::UsageRecord, rating::Input},
    model::{Billing, Sku, Terms},
};

#[test]
fn from_metered_to_unlimited_within_the_month() {
    let january = month("2026-01");
    let at = "2026-01-11T00:00:00.123456Z";
    let spans = [
        span(terms(Billing::Unlimited, Sku::Standard), at, None),
        span(terms(Billing::Metered, Sku::Standard), "2025-01-01T00:00:00Z", Some(at)),
    ];
    // Each record by its own billing, the one that ends after the change too.
    let records = [
        record("outbound", "metered", january, 10, 40 * GB),
        record("outbound", "metered", january, 11, 40 * GB),
        record("outbound", "unlimited", january, 11, 7 * GB),
    ];
    let invoice = bill(january, &spans, &records);
    assert_eq!(
        rows(&invoice),
        [
            row("1 Gbps metered", "436.00", "140.65"),
            row("1 Gbps unlimited", "5700.00", "3861.29"),
            row("outbound, metered", "0.025", "2.00"),
            row("outbound, included (unlimited)", "0", "0.00"),
        ]
    );
}

#[test]
fn a_day_is_another_part_of_each_month() {
    for (text, amount) in
        [("2026-01", "14.06"), ("2026-04", "14.53"), ("2026-02", "15.57"), ("2024-02", "15.03")]
    {
        let day = [span(
            terms(Billing::Metered, Sku::Standard),
            &format!("{text}-05T12:00:00Z"),
            Some(&format!("{text}-06T12:00:00Z")),
        )];
        let invoice = bill(month(text), &day, &[]);
        assert_eq!(rows(&invoice), [row("1 Gbps metered", "436.00", amount)], "{text}");
    }
}

#[test]
fn terms_of_other_months_are_not_billed() {
    let january = month("2026-01");
    let metered = terms(Billing::Metered, Sku::Standard);
    let others = [
        span(metered.clone(), "2025-12-01T00:00:00Z", Some("2026-01-01T00:00:00Z")),
        span(metered, "2026-02-01T00:00:00Z", None),
    ];
    assert_eq!(bill(january, &others, &[]).circuits, []);
    let mut other = record("outbound", "metered", january, 1, GB);
    other.start = january.end();
    assert_eq!(bill(january, &others, &[other]).circuits, []);
}

#[test]
fn equal_terms_in_a_row_are_one_line_and_overlaps_are_billed_once() {
    let metered = terms(Billing::Metered, Sku::Standard);
    let renamed = Terms { edge: "f".into(), ..metered.clone() };
    let (third, fourth) = ("2026-01-10T00:00:00Z", "2026-01-20T03:04:05.5Z");
    let spans = [
        span(metered.clone(), "2025-01-01T00:00:00Z", Some(third)),
        span(metered.clone(), third, None),
        span(renamed, fourth, None),
    ];
    let invoice = bill(month("2026-01"), &spans, &[]);
    assert_eq!(rows(&invoice), [row("1 Gbps metered", "436.00", "436.00")]);

    let other_rate = Terms { bandwidth_bps: 2 * GBPS, ..metered.clone() };
    let spans = [span(metered, "2025-01-01T00:00:00Z", None), span(other_rate, fourth, None)];
    let [first, second] = &bill(month("2026-01"), &spans, &[]).circuits[0].lines[..] else {
        panic!("two lines")
    };
    let (first, second) = (first.quantity.fraction(), second.quantity.fraction());
    assert_eq!(first.0 + second.0, first.1);
}

#[test]
fn a_days_usage_has_the_price_of_the_zone_and_offer_at_its_end() {
    let january = month("2026-01");
    let metered = terms(Billing::Metered, Sku::Standard);
    let zone_2 = Terms { zone: Some("zone-2".into()), ..metered.clone() };
    let local = terms(Billing::Metered, Sku::Local);
    let spans = [
        span(metered, "2025-01-01T00:00:00Z", Some("2026-01-10T00:00:00Z")),
        span(zone_2, "2026-01-10T00:00:00Z", Some("2026-01-20T00:00:00Z")),
        span(local, "2026-01-20T00:00:00Z", None),
    ];
    let outbound = |day, gb| record("outbound", "metered", january, day, gb * GB);
    let invoice = bill(january, &spans, &[outbound(9, 100), outbound(10, 200), outbound(20, 400)]);
    let volumes: Vec<_> = rows(&invoice).into_iter().filter(|row| row.0.contains("out")).collect();
    assert_eq!(
        volumes,
        [
            row("outbound, metered", "0.025", "2.50"),
            row("outbound, metered", "0.05", "10.00"),
            row("outbound, egress included (local)", "0", "0.00")
        ]
    );
    // A record of the whole month has what holds last.
    let whole = UsageRecord { end: january.end(), ..outbound(1, 700) };
    let invoice = bill(january, &spans, &[whole]);
    assert_eq!(rows(&invoice).last().expect("a line").0, "outbound, egress included (local)");
}

#[test]
fn a_name_with_another_service_key_is_another_account() {
    let january = month("2026-01");
    let metered = terms(Billing::Metered, Sku::Standard);
    let keyed = Terms { service_key: Some("k".into()), ..metered.clone() };
    let spans =
        [span(metered, "2025-01-01T00:00:00Z", None), span(keyed, "2026-01-17T00:00:00Z", None)];
    let mut records = [1, 31].map(|day| record("outbound", "metered", january, day, 40 * GB));
    records[1].service_key = Some("k".into());
    let invoice = bill(january, &spans, &records);
    let [first, second] = invoice.circuits.as_slice() else { panic!("two accounts") };
    assert_eq!((&first.service_key, second.service_key.as_deref()), (&None, Some("k")));
    // 16 and 15 of 31 days, and a gigabyte's price times 40 each.
    assert_eq!((first.total, second.total), (Some(money("226.03")), Some(money("211.97"))));
}

/// The last frames under the old name are counted after the change: what came before has the old price.
#[test]
fn usage_is_cut_where_any_name_of_a_circuit_has_another_price() {
    let old = Terms { service_key: Some("k".into()), ..terms(Billing::Metered, Sku::Standard) };
    let faster = Terms { bandwidth_bps: 2 * GBPS, ..old.clone() };
    let new = Terms { circuit: "d".into(), zone: Some("zone-2".into()), ..faster.clone() };
    let other = Terms { circuit: "e".into(), ..terms(Billing::Metered, Sku::Standard) };
    let [first, second] = ["2026-01-10T00:00:00Z", "2026-01-20T00:00:00Z"];
    let spans = vec![
        span(new, second, None),
        span(faster, first, Some(second)),
        span(old, "2025-01-01T00:00:00Z", Some(first)),
        span(other, "2025-01-01T00:00:00Z", None),
    ];
    let changes = Input { records: Vec::new(), spans, ..Input::default() }.changes_of_price();
    let at_second = vec![time(second)];
    let expected = [("c", at_second.clone()), ("d", at_second), ("e", Vec::new())];
    assert_eq!(changes, expected.map(|(name, at)| (name.to_owned(), at)).into());
}
