//! What programs and people read.

use super::{GB, month, prices, record, span, terms};
use crate::{
    bill::{Input, Invoice, invoice},
    config::{Billing, Gigabyte, Sku},
    ledger::Terms,
};

#[test]
fn in_json_numbers_are_exact() {
    let january = month("2026-01");
    let mut prices = prices();
    prices.gb = Gigabyte::Binary;
    let input = Input {
        records: vec![record("outbound", "metered", january, 1, 1_000_000_000_000_000_001)],
        spans: vec![span(terms(Billing::Metered, Sku::Standard), "2026-01-22T00:00:00Z", None)],
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
                    "unit": "month", "bytes": null, "from": "2026-01-22T00:00:00Z",
                    "to": "2026-02-01T00:00:00Z", "unit_price": "436.00", "amount": "140.65",
                },
                {
                    "what": "outbound, metered", "zone": "zone-1",
                    "quantity": "931322574.615478516556322574615478515625", "unit": "GiB",
                    "bytes": 1_000_000_000_000_000_001u64, "from": null, "to": null,
                    "unit_price": "0.025", "amount": "23283064.37",
                },
            ],
            "total": "23283205.02",
        }],
        "total": "23283205.02",
    });
    assert_eq!(found, expected);
}

fn table(invoice: &Invoice) -> String {
    let mut text = Vec::new();
    invoice.print(&mut text).expect("printed");
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
    let input = Input { records: records.into(), spans };
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
