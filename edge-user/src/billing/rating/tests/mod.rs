//! Whole invoices.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::{BillError, Input, Invoice, Line, Month, Quantity, TermsSpan, invoice};
use crate::{
    billing::ledger::UsageRecord,
    model::{Billing, Gigabyte, MonthlyFees, Prices, Sku, Terms, ZonePrices},
};

mod any;
mod credits;
mod ends;
mod explaining;
mod missing;
mod often;
mod shown;
mod spans;

const GBPS: u64 = 1_000_000_000;
const GB: u64 = 1_000_000_000;

fn money(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect(text)
}

fn month(text: &str) -> Month {
    text.parse().expect(text)
}

fn time(text: &str) -> Timestamp {
    text.parse().expect(text)
}

/// 1 and 2 Gbps in `zone-1`, which is the default; `zone-2` has only the price of a gigabyte.
fn prices() -> Prices {
    let fees = |metered: &str| MonthlyFees {
        metered: Some(money(metered)),
        unlimited: Some(money("5700.00")),
        local: Some(money("1200.00")),
        premium: Some(money("500.00")),
    };
    let zone_1 = ZonePrices {
        outbound_gb: Some(money("0.025")),
        monthly: BTreeMap::from([(GBPS, fees("436.00")), (2 * GBPS, fees("872.00"))]),
    };
    let zone_2 = ZonePrices { outbound_gb: Some(money("0.05")), monthly: BTreeMap::new() };
    Prices {
        currency: "EUR".into(),
        gb: Gigabyte::Decimal,
        zone: Some("zone-1".into()),
        zones: BTreeMap::from([("zone-1".into(), zone_1), ("zone-2".into(), zone_2)]),
        sla_credits: Vec::new(),
    }
}

fn terms(billing: Billing, sku: Sku) -> Terms {
    Terms {
        edge: "e".into(),
        circuit: "c".into(),
        service_key: None,
        bandwidth_bps: GBPS,
        billing,
        sku,
        zone: Some("zone-1".into()),
    }
}

fn span(terms: Terms, from: &str, to: Option<&str>) -> TermsSpan {
    TermsSpan { terms, from: time(from), to: to.map(time) }
}

/// Since long before.
fn always(billing: Billing, sku: Sku) -> TermsSpan {
    span(terms(billing, sku), "2020-05-05T05:05:05Z", None)
}

/// A day of a month, from 1.
fn record(direction: &str, billing: &str, month: Month, day: i64, bytes: u64) -> UsageRecord {
    let start = month.start() + SignedDuration::from_hours(24 * (day - 1));
    UsageRecord {
        edge: "e".into(),
        circuit: "c".into(),
        service_key: None,
        peering: "private".into(),
        link: "primary".into(),
        direction: direction.into(),
        class: "default".into(),
        billing: billing.into(),
        accounting: "l2".into(),
        start,
        end: start + SignedDuration::from_hours(24),
        frames: 1,
        bytes,
        billed_bytes: 0,
        estimated: false,
    }
}

fn bill(month: Month, spans: &[TermsSpan], records: &[UsageRecord]) -> Invoice {
    let input = Input { records: records.into(), spans: spans.into(), ..Input::default() };
    invoice("e", month, &prices(), &input).expect("it adds up")
}

/// Text, unit price and amount of the lines of the only circuit.
fn rows(invoice: &Invoice) -> Vec<(&str, String, String)> {
    let shown = |number: Option<Decimal>| number.map_or("-".into(), |number| number.to_string());
    let [circuit] = invoice.circuits.as_slice() else { panic!("one circuit: {invoice:?}") };
    let row = |line: &'_ Line| (shown(line.unit_price), shown(line.amount));
    circuit.lines.iter().map(|line| (line.what.as_str(), row(line).0, row(line).1)).collect()
}

fn row<'a>(what: &'a str, price: &str, amount: &str) -> (&'a str, String, String) {
    (what, price.into(), amount.into())
}

#[test]
fn a_metered_circuit() {
    let january = month("2026-01");
    let records = [
        record("outbound", "metered", january, 1, 1_000 * GB),
        record("outbound", "metered", january, 31, 234 * GB + 400_000_000),
        record("inbound", "metered", january, 7, 99 * GB),
    ];
    let invoice = bill(january, &[always(Billing::Metered, Sku::Standard)], &records);
    let expected = [
        row("1 Gbps metered", "436.00", "436.00"),
        row("outbound, metered", "0.025", "30.86"),
        row("inbound, free", "0", "0.00"),
    ];
    assert_eq!(rows(&invoice), expected);
    let circuit = &invoice.circuits[0];
    assert_eq!((circuit.total, invoice.total), (Some(money("466.86")), Some(money("466.86"))));
    assert_eq!(circuit.zone.as_deref(), Some("zone-1"));
    assert_eq!(
        circuit.lines[1].quantity,
        Quantity::Volume { bytes: 1_234_400_000_000, gb: Gigabyte::Decimal }
    );
    assert!(invoice.missing.is_empty());
}

#[test]
fn what_is_not_billed_by_volume_is_shown() {
    let january = month("2026-01");
    let outbound = |billing| [record("outbound", billing, january, 2, 5_000 * GB)];
    let unlimited =
        bill(january, &[always(Billing::Unlimited, Sku::Standard)], &outbound("unlimited"));
    assert_eq!(
        rows(&unlimited),
        [
            row("1 Gbps unlimited", "5700.00", "5700.00"),
            row("outbound, included (unlimited)", "0", "0.00")
        ]
    );
    // Local includes its egress whatever the billing.
    for billing in [Billing::Metered, Billing::Unlimited] {
        let local = bill(january, &[always(billing, Sku::Local)], &outbound(billing.as_str()));
        assert_eq!(
            rows(&local),
            [
                row("1 Gbps local", "1200.00", "1200.00"),
                row("outbound, egress included (local)", "0", "0.00")
            ]
        );
    }
}

#[test]
fn premium_is_on_top() {
    for (billing, base) in [(Billing::Metered, "436.00"), (Billing::Unlimited, "5700.00")] {
        let span = span(terms(billing, Sku::Premium), "2026-04-16T00:00:00Z", None);
        let invoice = bill(month("2026-04"), &[span], &[]);
        let half = (money(base) / money("2")).round_dp(2);
        let what = format!("1 Gbps {}", billing.as_str());
        assert_eq!(
            rows(&invoice),
            [
                row(&what, base, &format!("{half:.2}")),
                row("1 Gbps premium add-on", "500.00", "250.00")
            ]
        );
        assert_eq!(invoice.total, Some(half + money("250.00")));
    }
}

#[test]
fn usage_without_terms_is_billed_by_the_default_zone() {
    let january = month("2026-01");
    let invoice = bill(january, &[], &[record("outbound", "metered", january, 3, 1_000 * GB)]);
    assert_eq!(rows(&invoice), [row("outbound, metered", "0.025", "25.00")]);
    assert_eq!(invoice.circuits[0].zone.as_deref(), Some("zone-1"));
    // From before its first terms: their zone is the best that is known.
    let zone_2 = Terms { zone: Some("zone-2".into()), ..terms(Billing::Metered, Sku::Standard) };
    let spans = [span(zone_2, "2026-01-20T00:00:00Z", None)];
    let invoice = bill(january, &spans, &[record("outbound", "metered", january, 3, 1_000 * GB)]);
    assert_eq!(rows(&invoice)[1], row("outbound, metered", "0.05", "50.00"));
}

#[test]
fn what_is_not_known_or_too_large_is_no_invoice() {
    let january = month("2026-01");
    let told = |records: &[UsageRecord]| {
        let input = Input { records: records.into(), spans: Vec::new(), ..Input::default() };
        invoice("e", january, &prices(), &input).expect_err("not billable")
    };
    for (direction, billing, key) in
        [("sideways", "metered", "direction"), ("outbound", "95th", "billing")]
    {
        let error = told(&[record(direction, billing, january, 1, 1)]);
        assert!(matches!(error, BillError::UnknownRecord { key: found, .. } if found == key));
    }
    let large = record("outbound", "metered", january, 1, u64::MAX);
    let error = told(&[large.clone(), large]);
    assert_eq!(error, BillError::TooLarge { circuit: "c".into() });
}
