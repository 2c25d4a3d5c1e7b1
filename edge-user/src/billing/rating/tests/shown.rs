//! The invoice as programs and people read it.

use super::{GB, month, prices, record, span, terms};
use crate::{
    billing::rating::{Input, Invoice, invoice},
    model::{Billing, Gigabyte, Sku, Terms},
    view,
};

/// 140.645… and 23283064.365… are 23283205.010…, once: the lines are shown as what adds up to that.
#[test]
fn in_json_numbers_are_exact() {
    let january = month("2026-01");
    let mut prices = prices();
    prices.gb = Gigabyte::Binary;
    let input = Input {
        records: vec![record("outbound", "metered", january, 1, 1_000_000_000_000_000_001)],
        spans: vec![span(terms(Billing::Metered, Sku::Standard), "2026-01-22T00:00:00Z", None)],
        ..Input::default()
    };
    let invoice = invoice("e", january, &prices, &input).expect("it adds up");
    let found = serde_json::to_value(&invoice).expect("JSON");
    let expected = serde_json::json!({
        "edge": "e", "month": "2026-01", "currency": "EUR",
        "circuits": [{
            "circuit": "c", "service_key": null, "zone": "zone-1",
            "lines": [
                {
                    "what": "1 Gbps metered", "zone": "zone-1", "quantity": "0.322581",
                    "unit": "month", "bytes": null, "seconds": "864000", "parts": 1,
                    "from": "2026-01-22T00:00:00Z", "to": "2026-02-01T00:00:00Z",
                    "unit_price": "436.00", "amount": "140.64",
                },
                {
                    "what": "outbound, metered", "zone": "zone-1",
                    "quantity": "931322574.615478516556322574615478515625", "unit": "GiB",
                    "bytes": 1_000_000_000_000_000_001u64, "seconds": null, "parts": null,
                    "from": null, "to": null,
                    "unit_price": "0.025", "amount": "23283064.37",
                },
            ],
            "total": "23283205.01",
        }],
        "total": "23283205.01",
    });
    assert_eq!(found, expected);
}

pub(super) fn table(invoice: &Invoice) -> String {
    let mut text = Vec::new();
    view::bill::print(invoice, &mut text).expect("printed");
    let lines = String::from_utf8(text).expect("text");
    lines.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

#[test]
fn a_table_says_what_is_not_the_circuits_zone_or_the_whole_month() {
    let january = month("2026-01");
    let at = "2026-01-11T00:00:00Z";
    let keyed = Terms { service_key: Some("k".into()), ..terms(Billing::Metered, Sku::Standard) };
    let moved = Terms { zone: Some("zone-2".into()), ..keyed.clone() };
    let mut records = [2, 12].map(|day| record("outbound", "metered", january, day, 1_234 * GB));
    for record in &mut records {
        record.service_key = Some("k".into());
    }
    let spans = vec![span(keyed, "2025-01-01T00:00:00Z", Some(at)), span(moved, at, None)];
    let input = Input { records: records.into(), spans, ..Input::default() };
    let text = table(&invoice("e", january, &prices(), &input).expect("it adds up"));
    let expected = "\
e, 2026-01 (UTC), amounts in EUR

c, service key k, zone zone-2
                                                                            quantity  unit               bytes  unit price  amount
 1 Gbps metered, zone zone-1, 2026-01-01T00:00:00Z to 2026-01-11T00:00:00Z  0.322581  month                         436.00  140.65
 1 Gbps metered, 2026-01-11T00:00:00Z to 2026-02-01T00:00:00Z               0.677419  month                              ?       ?
 outbound, metered, zone zone-1                                             1234.000  GB     1,234,000,000,000       0.025   30.85
 outbound, metered                                                          1234.000  GB     1,234,000,000,000        0.05   61.70
 total                                                                                                                           ?

total ? EUR
";
    assert_eq!(text, expected, "{text}");
}

/// A quantity that costs something is never shown as nothing.
#[test]
fn a_table_shows_the_quantity_of_what_is_charged() {
    let january = month("2026-01");
    let mut prices = prices();
    prices.zones.get_mut("zone-1").expect("given").outbound_gb = Some(super::money("100000"));
    let records = vec![record("outbound", "metered", january, 1, 226_512)];
    let mut lived = span(terms(Billing::Metered, Sku::Standard), "2026-01-07T12:00:00Z", None);
    lived.to = Some(super::time("2026-01-07T12:00:00.5Z"));
    let input = Input { records, spans: vec![lived], ..Input::default() };
    let text = table(&invoice("e", january, &prices, &input).expect("it adds up"));
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let lines: Vec<_> = text.lines().map(words).collect();
    let of = |what: &str| lines.iter().find(|line| line.iter().any(|word| word == what));
    let volume = of("outbound,").expect("a volume");
    assert_eq!(volume[2..], ["0.00022651", "GB", "226,512", "100000", "22.65"], "{text}");
    let fee = of("Gbps").expect("a fee");
    assert_eq!(fee[fee.len() - 4..], ["0.0000002", "month", "436.00", "0.00"], "{text}");
}

/// The yen has no smaller unit, the dinar a thousand.
#[test]
fn amounts_have_the_currencys_decimals() {
    for (currency, total) in [("JPY", "141"), ("KWD", "140.645"), ("CHF", "140.65")] {
        let mut prices = prices();
        prices.currency = currency.into();
        let spans =
            vec![span(terms(Billing::Metered, Sku::Standard), "2026-01-22T00:00:00Z", None)];
        let input = Input { records: Vec::new(), spans, ..Input::default() };
        let invoice = invoice("e", month("2026-01"), &prices, &input).expect("it adds up");
        assert_eq!(invoice.total.expect("a total").to_string(), total);
        assert!(table(&invoice).contains(&format!("total {total} {currency}")));
    }
}
