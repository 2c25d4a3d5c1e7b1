//! Fees and volumes without a price.

use super::{GB, GBPS, bill, money, month, prices, record, row, rows, span, terms};
use crate::{
    billing::rating::{Input, TermsSpan, invoice},
    model::{Billing, Prices, Sku, Terms},
};

#[test]
fn missing_prices_are_told_and_leave_no_total() {
    let january = month("2026-01");
    let bare = Terms {
        bandwidth_bps: 5 * GBPS,
        zone: Some("zone-2".into()),
        ..terms(Billing::Unlimited, Sku::Premium)
    };
    let gone = Terms { circuit: "d".into(), zone: Some("zone-9".into()), ..bare.clone() };
    let spans = [bare, gone].map(|terms| span(terms, "2025-01-01T00:00:00Z", None));
    let fine = TermsSpan {
        terms: Terms { circuit: "b".into(), ..terms(Billing::Metered, Sku::Standard) },
        ..spans[0].clone()
    };
    let invoice = bill(january, &[fine, spans[0].clone(), spans[1].clone()], &[]);
    let totals: Vec<_> = invoice.circuits.iter().map(|circuit| circuit.total).collect();
    assert_eq!(totals, [Some(money("436.00")), None, None]);
    assert_eq!(invoice.total, None);
    let line = &invoice.circuits[1].lines[0];
    assert_eq!((line.unit_price, line.amount), (None, None));
    assert_eq!(
        invoice.missing,
        [
            "circuit \"d\" was in zone \"zone-9\", which has no prices; add [prices.zones.zone-9]",
            "zone \"zone-2\" has no `premium` price for 5 Gbps; add a \
             [[prices.zones.zone-2.monthly]] with `bandwidth = \"5 Gbps\"` and `premium`",
            "zone \"zone-2\" has no `unlimited` price for 5 Gbps; add a \
             [[prices.zones.zone-2.monthly]] with `bandwidth = \"5 Gbps\"` and `unlimited`",
        ]
    );
}

#[test]
fn a_gigabyte_and_a_zone_without_a_price() {
    let january = month("2026-01");
    let records = [record("outbound", "metered", january, 1, GB)];
    let input = Input { records: records.to_vec(), spans: Vec::new(), ..Input::default() };
    let mut prices = prices();
    prices.zones.get_mut("zone-1").expect("given").outbound_gb = None;
    let told = |prices: &Prices| {
        let invoice = invoice("e", january, prices, &input).expect("it adds up");
        assert_eq!(
            (rows(&invoice), invoice.total),
            (vec![row("outbound, metered", "-", "-")], None)
        );
        invoice.missing.join("\n")
    };
    assert!(told(&prices).contains("add `outbound_gb` to [prices.zones.zone-1]"));
    prices.zone = None;
    assert!(told(&prices).contains("circuit \"c\" has no price zone"));
}
