//! Terms that change by the thousand.

use jiff::SignedDuration;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{GBPS, bill, money, month, row, rows, terms};
use crate::{
    billing::rating::{Month, TermsSpan},
    model::{Billing, Sku, Terms},
};

fn gbps(gbps: u64) -> Terms {
    Terms { bandwidth_bps: gbps * GBPS, ..terms(Billing::Metered, Sku::Standard) }
}

/// 1 and 2 Gbps in turn, each for `every`.
fn in_turn(month: Month, every: SignedDuration) -> Vec<TermsSpan> {
    let mut spans = Vec::new();
    let mut from = month.start();
    for number in 0u64.. {
        if from >= month.end() {
            break;
        }
        let to = from + every;
        spans.push(TermsSpan { terms: gbps(1 + number % 2), from, to: Some(to) });
        from = to;
    }
    spans
}

/// Half a month of each is 218 + 436, however often that changes. The first of an odd number is once more.
#[test]
fn however_often_a_rate_changes_its_fee_is_the_same() {
    let october = month("2026-10");
    for every_ms in [60_000, 20_000, 10_000, 100_000, 7_200_000] {
        let spans = in_turn(october, SignedDuration::from_millis(every_ms));
        let invoice = bill(october, &spans, &[]);
        let expected =
            [row("1 Gbps metered", "436.00", "218.00"), row("2 Gbps metered", "872.00", "436.00")];
        assert_eq!(rows(&invoice), expected, "{every_ms} ms");
        assert_eq!(invoice.total, Some(money("654.00")));
        let text = serde_json::to_string(&invoice).expect("JSON");
        assert!(text.len() < 1000, "two lines, not {} spans", spans.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// In whatever pattern rates change, what is paid is the exact integral, rounded once.
    #[test]
    fn a_fee_is_the_integral_of_the_rate(
        pieces in prop::collection::vec((0..3u64, 1..5_000_000i64), 1000..3000),
        start_us in -5_000_000_000..2_678_400_000_000i64,
    ) {
        let october = month("2026-10");
        let mut from = october.start() + SignedDuration::from_micros(start_us);
        let mut spans = Vec::new();
        let mut owed = 0i128;
        for (gbps_or_none, length_us) in pieces {
            let to = from + SignedDuration::from_micros(length_us);
            // 0: the circuit is not sold for a while.
            if gbps_or_none > 0 {
                spans.push(TermsSpan { terms: gbps(gbps_or_none), from, to: Some(to) });
                let inside = to.min(october.end()).as_microsecond()
                    - from.max(october.start()).as_microsecond();
                owed += i128::from(inside.max(0)) * i128::from(gbps_or_none) * 43_600;
            }
            from = to;
        }
        let month_us = i128::from(october.micros());
        let cents = (owed * 2 + month_us).div_euclid(2 * month_us);
        let invoice = bill(october, &spans, &[]);
        prop_assert_eq!(invoice.total, Some(Decimal::from_i128_with_scale(cents, 2)));
        for circuit in &invoice.circuits {
            prop_assert!(circuit.lines.len() <= 2);
        }
    }
}
