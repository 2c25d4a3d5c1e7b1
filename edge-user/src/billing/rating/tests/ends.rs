//! Both ends of a month, and of circuits.

use jiff::{SignedDuration, Timestamp};

use super::{GB, bill, money, month, record, row, rows, span, terms};
use crate::{
    billing::{
        ledger::UsageRecord,
        rating::{Input, Invoice, Month, TermsSpan, invoice},
    },
    model::{Billing, Prices, Sku, Terms},
};

/// A month and the one after it, with a new year and a leap day among them.
const MONTHS: [(&str, &str); 4] = [
    ("2025-12", "2026-01"),
    ("2026-01", "2026-02"),
    ("2024-02", "2024-03"),
    ("2028-01", "2028-02"),
];

fn hour(start: Timestamp, billing: &str, bytes: u64) -> UsageRecord {
    let end = start + SignedDuration::from_hours(1);
    UsageRecord { start, end, ..record("outbound", billing, month("2026-01"), 1, bytes) }
}

/// No circuit has the default's price by accident: there is no default.
fn without_default(month: Month, spans: &[TermsSpan], records: &[UsageRecord]) -> Invoice {
    let prices = Prices { zone: None, ..super::prices() };
    let input = Input { records: records.into(), spans: spans.into(), ..Input::default() };
    invoice("e", month, &prices, &input).expect("it adds up")
}

fn zone_2(billing: Billing, sku: Sku) -> Terms {
    Terms { zone: Some("zone-2".into()), ..terms(billing, sku) }
}

/// A circuit ends just before the month, with it, or within its first second; its last frames are in the
/// first record of the month.
#[test]
fn the_last_frames_of_a_circuit_have_its_last_price() {
    for (before, after) in MONTHS {
        let (before, after) = (month(before), month(after));
        let start = after.start();
        for end in [-1_000_000_000, -1, 0, 1_000, 1_000_000, 999_999_000] {
            let end = start + SignedDuration::from_nanos(end);
            for (terms, kind, amount) in [
                (zone_2(Billing::Metered, Sku::Standard), "outbound, metered", "2.00"),
                (zone_2(Billing::Metered, Sku::Local), "outbound, egress included (local)", "0.00"),
                (
                    zone_2(Billing::Unlimited, Sku::Standard),
                    "outbound, included (unlimited)",
                    "0.00",
                ),
            ] {
                let tail = hour(start, terms.billing.as_str(), 40 * GB);
                let span = TermsSpan { terms, from: before.start(), to: Some(end) };
                let prices = Prices { zone: None, ..super::prices() };
                let input = Input { records: vec![tail], spans: vec![span], ..Input::default() };
                let found = invoice("e", after, &prices, &input).expect("it adds up");
                let found = rows(&found).into_iter().find(|row| row.0.starts_with("outbound"));
                let (what, _, found) = found.expect("a volume");
                assert_eq!((what, &*found), (kind, amount), "{end}");
            }
        }
    }
}

/// Even where the month has no fee for it, and no zone for those that name none.
#[test]
fn a_tail_leaves_a_total() {
    let february = month("2026-02");
    let tail = hour(february.start(), "metered", 40 * GB);
    let end = Some(february.start());
    let ended = TermsSpan {
        terms: zone_2(Billing::Metered, Sku::Standard),
        from: Timestamp::UNIX_EPOCH,
        to: end,
    };
    let invoice = without_default(february, &[ended], &[tail]);
    assert_eq!(rows(&invoice), [row("outbound, metered", "0.05", "2.00")]);
    assert_eq!(invoice.total, Some(money("2.00")));
    assert_eq!(invoice.circuits[0].zone.as_deref(), Some("zone-2"));
    assert_eq!(invoice.missing, [""; 0]);
}

/// One that begins with the next month has had its first frames booked in this one.
#[test]
fn the_first_frames_of_a_circuit_have_its_first_price() {
    let january = month("2026-01");
    let last = hour(january.end() - SignedDuration::from_hours(1), "metered", 40 * GB);
    let begun =
        TermsSpan { terms: zone_2(Billing::Metered, Sku::Standard), from: january.end(), to: None };
    let invoice = without_default(january, &[begun], &[last]);
    assert_eq!(rows(&invoice), [row("outbound, metered", "0.05", "2.00")]);
}

#[test]
fn the_first_and_the_last_moment_of_a_month_are_in_it() {
    for (this, next) in MONTHS {
        let (this, next) = (month(this), month(next));
        let fees = |month, from: Timestamp, to: Timestamp| {
            let span =
                TermsSpan { terms: terms(Billing::Metered, Sku::Standard), from, to: Some(to) };
            let invoice = bill(month, &[span], &[]);
            invoice
                .circuits
                .iter()
                .map(|circuit| circuit.lines[0].quantity.fraction().0)
                .sum::<u64>()
        };
        let micro = SignedDuration::from_micros(1);
        let border = this.end();
        assert_eq!(
            (fees(this, border - micro, border), fees(next, border - micro, border)),
            (1, 0)
        );
        assert_eq!(
            (fees(this, border, border + micro), fees(next, border, border + micro)),
            (0, 1)
        );
        let across = (border - micro * 3, border + micro * 5);
        assert_eq!((fees(this, across.0, across.1), fees(next, across.0, across.1)), (3, 5));
        let all = (this.start() - micro, next.end() + micro);
        assert_eq!(fees(this, all.0, all.1), this.micros());
    }
}

/// Of 40,320 minutes of a February.
#[test]
fn a_circuit_that_lived_for_a_minute_pays_for_a_minute() {
    let minute = |from: &str, to: &str| {
        let mut premium = terms(Billing::Unlimited, Sku::Premium);
        premium.zone = Some("zone-1".into());
        let span = span(premium, from, Some(to));
        bill(month("2026-02"), &[span], &[]).total.expect("priced")
    };
    // (5700 + 500) / 40320 is 0.1537….
    for (from, to) in [
        ("2026-02-01T00:00:00Z", "2026-02-01T00:01:00Z"),
        ("2026-02-14T12:34:56.789Z", "2026-02-14T12:35:56.789Z"),
        ("2026-02-28T23:59:00Z", "2026-03-01T00:00:00Z"),
    ] {
        assert_eq!(minute(from, to), money("0.15"), "{from}");
    }
}

/// With its key it is the same circuit: one account, one line, and all that it used.
#[test]
fn a_circuit_that_is_renamed_is_one_account() {
    let january = month("2026-01");
    let named = |name: &str| Terms {
        circuit: name.into(),
        service_key: Some("k".into()),
        ..terms(Billing::Metered, Sku::Standard)
    };
    let used = |name: &str, day| UsageRecord {
        circuit: name.into(),
        service_key: Some("k".into()),
        ..record("outbound", "metered", january, day, 40 * GB)
    };
    for midnight in ["2026-01-17T00:00:00Z", "2026-01-16T23:59:59.999999Z"] {
        let spans = [
            span(named("old"), "2025-01-01T00:00:00Z", Some(midnight)),
            span(named("new"), midnight, None),
        ];
        let records = [used("old", 16), used("old", 17), used("new", 17)];
        let invoice = bill(january, &spans, &records);
        let expected =
            [row("1 Gbps metered", "436.00", "436.00"), row("outbound, metered", "0.025", "3.00")];
        assert_eq!(rows(&invoice), expected);
        assert_eq!(invoice.circuits[0].circuit, "new");
        for name in ["old", "new"] {
            let mut input =
                Input { records: records.to_vec(), spans: spans.to_vec(), ..Input::default() };
            input.spans.push(TermsSpan {
                terms: Terms { circuit: "other".into(), ..terms(Billing::Metered, Sku::Standard) },
                ..spans[0].clone()
            });
            input.retain_circuit(name);
            assert_eq!((input.spans.len(), input.records.len()), (2, 3), "{name}");
        }
    }
    // The old name's last frames, in the month after.
    let spans = [
        span(named("old"), "2025-01-01T00:00:00Z", Some("2026-01-01T00:00:00Z")),
        span(named("new"), "2026-01-01T00:00:00Z", None),
    ];
    let invoice = bill(january, &spans, &[used("old", 1)]);
    assert_eq!(invoice.circuits.len(), 1);
    assert_eq!(rows(&invoice)[1], row("outbound, metered", "0.025", "1.00"));
}

/// A configuration may say so, and `edge check` warns of it.
#[test]
fn two_circuits_with_one_key_pay_twice() {
    let named = |name: &str| Terms {
        circuit: name.into(),
        service_key: Some("k".into()),
        ..terms(Billing::Metered, Sku::Standard)
    };
    let spans = ["a", "b"].map(|name| span(named(name), "2025-01-01T00:00:00Z", None));
    let invoice = bill(month("2026-01"), &spans, &[]);
    let totals: Vec<_> = invoice.circuits.iter().map(|circuit| circuit.total).collect();
    assert_eq!(totals, [Some(money("436.00")); 2]);
    assert_eq!(invoice.total, Some(money("872.00")));
}
