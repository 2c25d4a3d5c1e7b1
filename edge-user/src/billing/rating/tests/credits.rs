//! Credits for months below the SLA.

use edge_api::PeeringAvailability;

use super::{GB, always, money, month, prices, record, row, rows, shown::table, span, terms};
use crate::{
    billing::rating::{Input, Invoice, Month, MonthSla, Quantity, explain, invoice},
    model::{Billing, Prices, Sku, SlaCredit, Terms},
    view,
};

/// 10 % of the fees below 99.95 %, 25 % below 99 %, and all below 95 %.
pub(super) fn with_credits() -> Prices {
    let step = |below, credit| SlaCredit { below: money(below), credit: money(credit) };
    let sla_credits = vec![step("95", "100"), step("99", "25.0"), step("99.95", "10")];
    Prices { sla_credits, ..prices() }
}

/// A peering of circuit `c` with these minutes under the SLA, and these of them down.
fn peering(peering: &str, minutes: u64, down: u64) -> PeeringAvailability {
    PeeringAvailability {
        edge: "e".into(),
        circuit: "c".into(),
        peering: peering.into(),
        // They are in no SLA.
        minutes_down: down + 1_000,
        minutes_unknown: 5_000,
        minutes_planned: 5_000,
        sla_minutes: minutes,
        sla_minutes_down: down,
        ..PeeringAvailability::default()
    }
}

fn over(peerings: &[PeeringAvailability]) -> MonthSla {
    MonthSla { peerings: peerings.to_vec(), is_over: true }
}

fn bill(month: Month, input: &Input) -> Invoice {
    invoice("e", month, &with_credits(), input).expect("it adds up")
}

/// The credit of a metered circuit of 436.00.
fn credit(sla: MonthSla) -> Option<(String, String)> {
    let spans = vec![always(Billing::Metered, Sku::Standard)];
    let invoice = bill(month("2026-01"), &Input { spans, sla, ..Input::default() });
    let rows = rows(&invoice);
    assert_eq!(rows[0], row("1 Gbps metered", "436.00", "436.00"));
    rows.get(1).map(|(what, price, amount)| {
        assert_eq!(price, "-");
        ((*what).to_owned(), amount.clone())
    })
}

#[test]
fn the_largest_step_that_applies_counts() {
    let of = |minutes, down| credit(over(&[peering("private", minutes, down)]));
    let told = |amount: &str| Some(("SLA credit, private".to_owned(), amount.to_owned()));
    // 20 of 40,000 minutes are exactly 0.05 %, which is not below 99.95 %.
    assert_eq!(of(40_000, 20), None);
    assert_eq!(of(40_000, 21), told("-43.60"));
    assert_eq!(of(40_000, 400), told("-43.60"));
    assert_eq!(of(40_000, 401), told("-109.00"));
    assert_eq!(of(40_000, 2_000), told("-109.00"));
    assert_eq!(of(40_000, 2_001), told("-436.00"));
    assert_eq!(of(1, 1), told("-436.00"));
    // Without a second link, there is no SLA.
    assert_eq!(of(0, 0), None);
    assert_eq!(credit(over(&[])), None);
}

#[test]
fn the_worst_peering_counts_and_a_month_that_is_not_over_says_so() {
    let peerings = [
        peering("private", 40_000, 21),
        peering("microsoft", 20_000, 201),
        peering("public", 0, 0),
        PeeringAvailability { circuit: "other".into(), ..peering("private", 10, 10) },
        PeeringAvailability { edge: "other".into(), ..peering("private", 10, 10) },
    ];
    let told = Some(("SLA credit, microsoft".to_owned(), "-109.00".to_owned()));
    assert_eq!(credit(over(&peerings)), told);
    let so_far = MonthSla { is_over: false, ..over(&peerings) };
    let told = Some(("SLA credit, microsoft, so far".to_owned(), "-109.00".to_owned()));
    assert_eq!(credit(so_far), told);
}

/// Fees alone, for the time that they are for, and not the volume. The total is rounded, and its lines are shares.
#[test]
fn a_credit_is_on_the_fees_of_the_time_that_was_sold() {
    let january = month("2026-01");
    let begun = span(terms(Billing::Metered, Sku::Premium), "2026-01-22T00:00:00Z", None);
    let input = Input {
        records: vec![record("outbound", "metered", january, 25, 1_000 * GB)],
        spans: vec![begun],
        sla: over(&[peering("private", 14_400, 10)]),
    };
    let invoice = bill(january, &input);
    // 140.645… and 161.290… are 301.935…, of which a tenth is 30.193…: its rest is the largest.
    let expected = [
        row("1 Gbps metered", "436.00", "140.64"),
        row("1 Gbps premium add-on", "500.00", "161.29"),
        row("SLA credit, private", "-", "-30.19"),
        row("outbound, metered", "0.025", "25.00"),
    ];
    assert_eq!(rows(&invoice), expected);
    // 296.741… is rounded once.
    assert_eq!(invoice.total, Some(money("296.74")));

    // A circuit that had no terms has no fee.
    let mut without = input.clone();
    without.spans.clear();
    assert_eq!(bill(january, &without).circuits[0].lines.len(), 1);
    // Without a price there is no amount.
    let zone = Terms { zone: Some("zone-2".into()), ..terms(Billing::Metered, Sku::Standard) };
    let unpriced = Input { spans: vec![span(zone, "2026-01-22T00:00:00Z", None)], ..input };
    let invoice = bill(january, &unpriced);
    assert_eq!(rows(&invoice)[1], row("SLA credit, private", "-", "-"));
    assert_eq!((invoice.total, invoice.missing.len()), (None, 1));
}

/// By both of its names, one after the other.
#[test]
fn the_minutes_of_a_circuit_that_is_renamed_are_added() {
    let at = "2026-01-11T00:00:00Z";
    let keyed = |circuit: &str| Terms {
        circuit: circuit.into(),
        service_key: Some("k".into()),
        ..terms(Billing::Metered, Sku::Standard)
    };
    let spans =
        vec![span(keyed("c"), "2025-01-01T00:00:00Z", Some(at)), span(keyed("d"), at, None)];
    let renamed = PeeringAvailability { circuit: "d".into(), ..peering("private", 30_000, 21) };
    let sla = over(&[peering("private", 10_000, 0), renamed]);
    let invoice = bill(month("2026-01"), &Input { spans, sla, ..Input::default() });
    let Quantity::Credit(missed) = invoice.circuits[0].lines[1].quantity else {
        panic!("{invoice:?}")
    };
    assert_eq!((missed.minutes, missed.minutes_down), (40_000, 21));
    assert_eq!(missed.percent(), "99.9475");
}

#[test]
fn a_credit_is_told_as_text_and_as_json() {
    let january = month("2026-01");
    let spans = vec![always(Billing::Metered, Sku::Standard)];
    let sla = MonthSla { is_over: false, ..over(&[peering("private", 40_000, 21)]) };
    let input = Input { spans, sla, ..Input::default() };
    let invoice = bill(january, &input);
    let json = serde_json::to_value(&invoice.circuits[0].lines[1]).expect("JSON");
    let expected = serde_json::json!({
        "what": "SLA credit, private, so far", "zone": null, "quantity": "10", "unit": "% of fees",
        "bytes": null, "seconds": null, "parts": null, "from": null, "to": null,
        "sla": {
            "peering": "private", "minutes": 40_000, "minutes_down": 21, "percent": "99.9475", "below": "99.95",
            "is_over": false,
        },
        "unit_price": null, "amount": "-43.60",
    });
    assert_eq!(json, expected);
    let text = table(&invoice);
    let line = text.lines().find(|line| line.contains("SLA credit")).expect("a line");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[5..], ["10", "%", "of", "fees", "-43.60"], "{text}");
    assert!(text.ends_with("\ntotal 392.40 EUR\n"), "{text}");

    let explained = explain("e", january, &with_credits(), &input, &[]).expect("it adds up");
    assert_eq!(explained.differences, [""; 0]);
    let mut text = Vec::new();
    view::explained::print(&explained, false, &mut text).expect("it is memory");
    let text = String::from_utf8(text).expect("text");
    let expected = "
SLA credit, private, so far: 10 % of fees is -43.60
 private: down in 21 of 40,000 minutes with both links in use, 99.9475 %
 below 99.95 %, the credit is 10 % of the circuit's monthly fees
 the month is not over: the minutes are those so far
";
    assert!(text.contains(expected), "{text}");
    assert!(
        text.contains("\n 1: c 1 Gbps metered standard, zone zone-1, from 2020-05-05"),
        "{text}"
    );
}
