//! Invoices add up, whatever is in the ledger.

use edge_api::PeeringAvailability;
use jiff::SignedDuration;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{GBPS, credits::with_credits, money, month, prices, record, terms};
use crate::{
    billing::{
        ledger::{PeriodUsage, SeriesUsage, UsageRecord},
        rating::{ExplainedCircuit, Input, Line, MonthSla, Quantity, TermsSpan, explain, invoice},
    },
    model::{Billing, MonthlyFees, PeeringKind, Sku, Terms},
};

/// Terms of a few circuits and any time, and usage of theirs.
fn inputs() -> impl Strategy<Value = Input> {
    let terms = (0..3u8, 1..=3u64, 0..2usize, 0..3usize, 0..3u8).prop_map(
        |(circuit, gbps, billing, sku, zone)| Terms {
            edge: "e".into(),
            circuit: format!("c{circuit}"),
            service_key: None,
            bandwidth_bps: gbps * GBPS,
            billing: Billing::ALL[billing],
            sku: Sku::ALL[sku],
            zone: (zone > 0).then(|| format!("zone-{zone}")),
        },
    );
    // From a month before January to a month after it.
    let moment = -2_678_400_000..5_356_800_000i64;
    let moment = moment.prop_map(|ms| month("2026-01").start() + SignedDuration::from_millis(ms));
    let span = (terms, moment.clone(), prop::option::of(moment))
        .prop_map(|(terms, from, to)| TermsSpan { terms, from, to: to.map(|to| to.max(from)) });
    let record = (0..3u8, any::<bool>(), 0..2usize, 1..=31i64, 0..u64::MAX / 64).prop_map(
        |(circuit, is_outbound, billing, day, bytes)| UsageRecord {
            circuit: format!("c{circuit}"),
            ..record(
                if is_outbound { "outbound" } else { "inbound" },
                Billing::ALL[billing].as_str(),
                month("2026-01"),
                day,
                bytes,
            )
        },
    );
    let availability = (0..3u8, 0..2usize, 0..45_000u64, 0..45_000u64).prop_map(
        |(circuit, kind, minutes, down)| PeeringAvailability {
            edge: "e".into(),
            circuit: format!("c{circuit}"),
            peering: PeeringKind::ALL[kind].as_str().into(),
            sla_minutes: minutes,
            sla_minutes_down: down.min(minutes),
            ..PeeringAvailability::default()
        },
    );
    let sla = (prop::collection::vec(availability, 0..6), any::<bool>())
        .prop_map(|(peerings, is_over)| MonthSla { peerings, is_over });
    let spans = prop::collection::vec(span, 0..12);
    (spans, prop::collection::vec(record, 0..24), sla).prop_map(|(spans, records, sla)| Input {
        records,
        spans,
        sla,
    })
}

proptest! {
    /// Totals are sums of lines as shown; no byte is lost; no second is billed twice; and the order
    /// of the input is nobody's concern.
    #[test]
    fn invoices_add_up(input in inputs()) {
        let january = month("2026-01");
        let made = invoice("e", january, &with_credits(), &input).expect("it adds up");
        for circuit in &made.circuits {
            let sum: Option<Decimal> = circuit.lines.iter().map(|line| line.amount).sum();
            prop_assert_eq!(circuit.total, sum);
            let base = |line: &&Line| !line.what.contains("premium");
            let fractions = circuit.lines.iter().filter(base).filter(|line| line.quantity.unit() == "month");
            let micros: u64 = fractions.map(|line| line.quantity.fraction().0).sum();
            prop_assert!(micros <= january.micros());
        }
        // A credit is never more than the fees, and its share is the percentage but for the rounding.
        for circuit in &made.circuits {
            let of = |unit: &str| -> Option<Decimal> {
                let lines = circuit.lines.iter().filter(|line| line.quantity.unit() == unit);
                lines.map(|line| line.amount).sum()
            };
            let credits = circuit.lines.iter().filter_map(|line| match line.quantity {
                Quantity::Credit(missed) => Some(missed),
                Quantity::Volume { .. } | Quantity::Time { .. } => None,
            });
            let credits: Vec<_> = credits.collect();
            prop_assert!(credits.len() <= 1);
            let (Some(missed), Some(fees), Some(credit)) =
                (credits.first(), of("month"), of("% of fees")) else { continue };
            let off = fees * missed.step.credit / money("100") + credit;
            let lines = Decimal::from(circuit.lines.len());
            prop_assert!(credit <= Decimal::ZERO && off.abs() <= money("0.01") * lines, "{}", off);
        }
        let sum: Option<Decimal> = made.circuits.iter().map(|circuit| circuit.total).sum();
        prop_assert_eq!(made.total, sum);
        prop_assert_eq!(made.total.is_none(), !made.missing.is_empty());

        let bytes = |line: &Line| match line.quantity {
            Quantity::Volume { bytes, .. } => u128::from(bytes),
            Quantity::Time { .. } | Quantity::Credit(_) => 0,
        };
        let billed: u128 = made.circuits.iter().flat_map(|circuit| &circuit.lines).map(bytes).sum();
        let used: u128 = input.records.iter().map(|record| u128::from(record.bytes)).sum();
        prop_assert_eq!(billed, used);

        let mut reversed = input.clone();
        reversed.records.reverse();
        reversed.sla.peerings.reverse();
        prop_assert_eq!(invoice("e", january, &with_credits(), &reversed).expect("it adds up"), made);
    }

    /// Each line is the sum of its parts, and would not be without one of them.
    #[test]
    fn every_line_is_the_sum_of_its_parts(input in inputs(), which in any::<prop::sample::Index>()) {
        let january = month("2026-01");
        let series: Vec<SeriesUsage> = (1..).zip(&input.records).map(|(number, sum)| {
            let UsageRecord { start, end, frames, bytes, estimated, .. } = *sum;
            let period = PeriodUsage { id: None, start, end, frames, bytes, estimated };
            SeriesUsage { number, sum: sum.clone(), periods: vec![period] }
        }).collect();
        let explained = |series: &[SeriesUsage]| {
            explain("e", january, &with_credits(), &input, series).expect("it adds up")
        };
        let whole = explained(&series);
        prop_assert_eq!(&whole.differences, &[""; 0]);
        let bill = invoice("e", january, &with_credits(), &input).expect("it adds up").circuits;
        let lines = |circuit: &ExplainedCircuit| -> Vec<Line> {
            circuit.lines.iter().map(|line| line.line.clone()).collect()
        };
        let found: Vec<_> = whole.circuits.iter().map(lines).collect();
        prop_assert_eq!(found, bill.into_iter().map(|bill| bill.lines).collect::<Vec<_>>());

        if !series.is_empty() {
            let mut fewer = series;
            let left_out = fewer.remove(which.index(fewer.len()));
            let told = explained(&fewer).differences;
            prop_assert_eq!(told.is_empty(), left_out.sum.bytes == 0, "{:?}", told);
        }
        for (place, circuit) in whole.circuits.iter().enumerate() {
            for line in (0..circuit.lines.len()).filter(|line| !circuit.lines[*line].stretches.is_empty()) {
                let mut fewer = whole.clone();
                fewer.circuits[place].lines[line].stretches.pop();
                prop_assert_eq!(fewer.differing_sums().len(), 1);
            }
        }
    }

    /// However a month is cut, its parts cost a month.
    #[test]
    fn parts_of_a_month_cost_a_month(
        cuts in prop::collection::btree_set(1..2_419_200_000i64, 0..8),
    ) {
        let february = month("2026-02");
        let mut moments: Vec<_> = cuts.into_iter()
            .map(|ms| february.start() + SignedDuration::from_millis(ms)).collect();
        moments.insert(0, february.start());
        let spans: Vec<_> = (1u64..).zip(&moments).map(|(number, from)| TermsSpan {
            // Another bandwidth of the same fee.
            terms: Terms { bandwidth_bps: number, ..terms(Billing::Metered, Sku::Standard) },
            from: *from,
            to: None,
        }).collect();
        let mut prices = prices();
        let fees = MonthlyFees { metered: Some(money("436.00")), ..MonthlyFees::default() };
        let monthly = (1..=9u64).map(|number| (number, fees)).collect();
        prices.zones.get_mut("zone-1").expect("given").monthly = monthly;
        let input = Input { records: Vec::new(), spans, ..Input::default() };
        let invoice = invoice("e", february, &prices, &input).expect("it adds up");
        let circuit = &invoice.circuits[0];
        let micros: u64 = circuit.lines.iter().map(|line| line.quantity.fraction().0).sum();
        prop_assert_eq!(micros, february.micros());
        prop_assert_eq!(circuit.total, Some(money("436.00")));
    }
}
