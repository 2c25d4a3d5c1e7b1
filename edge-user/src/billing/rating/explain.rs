//! Taking a bill apart: each line with the records or the terms that it is made of.
//!
//! The lines are those of the bill, from usage that the ledger has summed; the parts come from single
//! records and terms.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    BillError, CircuitAccount, CircuitBill, ExplainedCircuit, ExplainedLine, ExplainedRecord,
    ExplainedSeries, ExplainedStretch, ExplainedTerms, Explanation, Input, Line, Month, Quantity,
    TermsHeld, billed,
    currency::minor_digits,
    explained::{sum_of_series, sum_of_stretches},
    fees,
    rates::Rates,
    stay::{self, HeldTerms, SoldPiece},
    volume,
};
use crate::{
    billing::ledger::{PeriodUsage, Readings, SeriesUsage, TimeStretch, UsageRecord},
    model::Prices,
};

/// Takes the invoice of `month` apart into single records and terms. `series` are those of the circuits of
/// `input`. Readings and revisions are for the caller to add.
pub fn explain(
    edge: &str,
    month: Month,
    prices: &Prices,
    input: &Input,
    series: &[SeriesUsage],
) -> Result<Explanation, BillError> {
    let mut rates = Rates::new(prices, month);
    let identities = input.identities();
    let mut differences = Vec::new();
    let mut is_placed = BTreeSet::new();
    let mut circuits = Vec::new();
    for (account, bill) in billed(month, input, &mut rates)? {
        let is_own = |series: &&SeriesUsage| {
            let UsageRecord { circuit, service_key, .. } = &series.sum;
            identities.of(circuit, service_key.as_deref()) == account.identity
        };
        let own: Vec<&SeriesUsage> = series.iter().filter(is_own).collect();
        is_placed.extend(own.iter().map(|series| series.number));
        let account = Taken { account: &account, month, rates: &rates };
        circuits.push(account.apart(bill, &own, &mut differences)?);
    }
    for series in series.iter().filter(|series| !is_placed.contains(&series.number)) {
        if series.sum.bytes != 0 {
            differences.push(on_no_line(&series.sum.circuit, "usage", series.sum.bytes, "bytes"));
        }
    }
    let mut explanation = Explanation {
        edge: edge.into(),
        month,
        currency: prices.currency.clone(),
        circuits,
        is_complete: true,
        warnings: rates.into_missing(),
        differences,
        minor_digits: minor_digits(&prices.currency),
    };
    let differing = explanation.differing_sums();
    explanation.differences.extend(differing);
    Ok(explanation)
}

fn on_no_line(circuit: &str, what: &str, sum: u64, unit: &str) -> String {
    format!("{circuit:?}, {what}: {sum} {unit} of its parts are on no line of the bill")
}

/// A name and a zone, as a line has them.
type LineName = (String, Option<String>);

/// An account that is taken apart.
struct Taken<'a> {
    account: &'a CircuitAccount<'a>,
    month: Month,
    rates: &'a Rates<'a>,
}

impl Taken<'_> {
    fn apart(
        &self,
        bill: CircuitBill,
        series: &[&SeriesUsage],
        differences: &mut Vec<String>,
    ) -> Result<ExplainedCircuit, BillError> {
        let CircuitBill { circuit, service_key, zone, lines, total } = bill;
        let pieces = stay::pieces(&self.account.spans, self.month);
        let mut fees: Vec<(LineName, Vec<ExplainedStretch>)> = self.fees(&pieces);
        let mut volumes: Vec<(LineName, Vec<ExplainedSeries>)> = self.volumes(series)?;
        let explained = lines.into_iter().map(|line| {
            let name = (line.what.clone(), line.zone.clone());
            let (stretches, series) = (take(&mut fees, &name), take(&mut volumes, &name));
            explained_line(line, stretches, series)
        });
        let mut lines: Vec<ExplainedLine> = explained.collect();
        for ((what, _), left) in volumes {
            let bytes = sum_of_series(&left).unwrap_or(u64::MAX);
            differences.extend((bytes != 0).then(|| on_no_line(&circuit, &what, bytes, "bytes")));
        }
        for ((what, _), left) in fees {
            let micros = sum_of_stretches(&left).unwrap_or(u64::MAX);
            differences.push(on_no_line(&circuit, &what, micros, "µs"));
        }
        let terms = self.number_terms(&mut lines);
        let existed = existed(&pieces, series);
        let numbers = series.iter().map(|series| series.number).collect();
        let readings = Readings::default();
        Ok(ExplainedCircuit {
            circuit,
            service_key,
            zone,
            lines,
            total,
            terms,
            readings,
            numbers,
            existed,
        })
    }

    /// The stretches of each fee, in the order of the lines. Their terms are places among those of the account.
    fn fees(&self, pieces: &[SoldPiece<'_>]) -> Vec<(LineName, Vec<ExplainedStretch>)> {
        let stretch = |piece: &SoldPiece<'_>| ExplainedStretch {
            from: piece.from,
            to: piece.to,
            micros: micros(piece.from, piece.to),
            terms: piece.place as u64,
        };
        let parts = fees::parts(pieces, self.rates).into_iter();
        parts
            .map(|(what, zone, pieces)| ((what, zone), pieces.into_iter().map(stretch).collect()))
            .collect()
    }

    /// The records of each volume, in the order of the lines.
    fn volumes(
        &self,
        series: &[&SeriesUsage],
    ) -> Result<Vec<(LineName, Vec<ExplainedSeries>)>, BillError> {
        let spans = &self.account.spans;
        let mut volumes: BTreeMap<volume::Kind, Vec<ExplainedSeries>> = BTreeMap::new();
        for SeriesUsage { sum, periods, .. } in series.iter().copied() {
            let mut records: BTreeMap<volume::Kind, Vec<ExplainedRecord>> = BTreeMap::new();
            let mut one = sum.clone();
            for usage in periods {
                one.end = usage.end;
                let kind = volume::kind(&one, spans, self.rates)?;
                let place = volume::place_of(usage.end, spans);
                let held = place.and_then(|place| spans.get(place));
                records.entry(kind).or_default().push(ExplainedRecord {
                    usage: *usage,
                    terms: place.map(|place| place as u64),
                    held: held.map(|terms| when(terms, usage)),
                });
            }
            for (kind, records) in records {
                volumes.entry(kind).or_default().push(of_series(sum, records));
            }
        }
        let named = |kind: &volume::Kind| (kind.what().to_owned(), kind.zone().cloned());
        Ok(volumes.into_iter().map(|(kind, series)| (named(&kind), series)).collect())
    }

    /// Gives numbers to the terms that parts name, in place of their places in the account.
    fn number_terms(&self, lines: &mut [ExplainedLine]) -> Vec<ExplainedTerms> {
        fn places(line: &mut ExplainedLine) -> impl Iterator<Item = &mut u64> {
            let records = line.series.iter_mut().flat_map(|series| &mut series.records);
            let records = records.filter_map(|record| record.terms.as_mut());
            line.stretches.iter_mut().map(|stretch| &mut stretch.terms).chain(records)
        }
        let used: BTreeSet<u64> = lines.iter_mut().flat_map(places).map(|place| *place).collect();
        let numbers: BTreeMap<u64, u64> = used.iter().copied().zip(1..).collect();
        for place in lines.iter_mut().flat_map(places) {
            *place = numbers.get(place).copied().unwrap_or_default();
        }
        let held = self.account.spans.iter().zip(0u64..);
        let held = held.filter_map(|(held, place)| Some((held, *numbers.get(&place)?)));
        let terms = held.map(|(HeldTerms { terms, from, to }, number)| ExplainedTerms {
            number,
            terms: (*terms).clone(),
            from: *from,
            to: *to,
            begun_by: None,
            ended_by: None,
        });
        terms.collect()
    }
}

/// Takes the parts of the first line of this name that has not got its own yet.
fn take<T>(parts: &mut Vec<(LineName, Vec<T>)>, name: &LineName) -> Vec<T> {
    let place = parts.iter().position(|(known, _)| known == name);
    place.map(|place| parts.remove(place).1).unwrap_or_default()
}

fn explained_line(
    line: Line,
    stretches: Vec<ExplainedStretch>,
    series: Vec<ExplainedSeries>,
) -> ExplainedLine {
    let (sum_bytes, sum_micros) = match line.quantity {
        Quantity::Volume { .. } => (sum_of_series(&series), None),
        Quantity::Time { .. } => (None, sum_of_stretches(&stretches)),
        // It is a part of the fees, which are lines.
        Quantity::Credit(_) => (None, None),
    };
    ExplainedLine { line, sum_bytes, sum_micros, stretches, series }
}

fn of_series(sum: &UsageRecord, records: Vec<ExplainedRecord>) -> ExplainedSeries {
    ExplainedSeries {
        edge: sum.edge.clone(),
        circuit: sum.circuit.clone(),
        service_key: sum.service_key.clone(),
        peering: sum.peering.clone(),
        link: sum.link.clone(),
        direction: sum.direction.clone(),
        class: sum.class.clone(),
        billing: sum.billing.clone(),
        accounting: sum.accounting.clone(),
        records,
    }
}

fn when(terms: &HeldTerms<'_>, usage: &PeriodUsage) -> TermsHeld {
    if terms.to.is_some_and(|to| to <= usage.start) {
        TermsHeld::Before
    } else if usage.end <= terms.from {
        TermsHeld::After
    } else {
        TermsHeld::During
    }
}

fn micros(from: jiff::Timestamp, to: jiff::Timestamp) -> Option<u64> {
    u64::try_from(to.as_microsecond().checked_sub(from.as_microsecond())?).ok()
}

/// The times in which a circuit was sold or, without terms, that of its usage.
fn existed(pieces: &[SoldPiece<'_>], series: &[&SeriesUsage]) -> Vec<TimeStretch> {
    let mut existed: Vec<TimeStretch> = Vec::new();
    for SoldPiece { from, to, .. } in pieces {
        match existed.last_mut() {
            Some(last) if last.to >= *from => last.to = last.to.max(*to),
            _ => existed.push(TimeStretch { from: *from, to: *to }),
        }
    }
    if existed.is_empty() {
        let periods = || series.iter().flat_map(|series| &series.periods);
        let from = periods().map(|period| period.start).min();
        let to = periods().map(|period| period.end).max();
        existed.extend(from.zip(to).map(|(from, to)| TimeStretch { from, to }));
    }
    existed
}
