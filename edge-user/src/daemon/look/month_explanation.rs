//! A circuit's bill of a month, down to records, readings, terms and those who have changed them.

use std::path::Path;

use jiff::Timestamp;

use super::{
    month_bill::{read, warnings_of},
    terms_revisions::TermsRevisions,
    today,
    view::View,
};
use crate::{
    billing::{
        ledger::{Ledger, TimeStretch},
        rating::{self, ExplainedCircuit, Explanation, Month},
    },
    daemon::error::Result,
    model::Prices,
};

/// The bill of `month` of the circuit that has, or had, this name, taken apart. `state_dir` has the revisions of the
/// edge's configuration. It has no circuit where the ledger knows none of that name in that month.
///
/// # Errors
///
/// The ledger can't be read, or has a record that this version knows no price for.
pub fn month_explanation(
    view: &View,
    state_dir: &Path,
    (edge, prices): (&str, &Prices),
    month: Month,
    circuit: &str,
) -> Result<Explanation> {
    let ledger = &view.ledger;
    let (mut input, of_sla) = read(ledger, month, prices)?;
    let named = input.named(circuit);
    let series = ledger.usage_by_record(month.start(), month.end(), |series| {
        named.has(&series.circuit, series.service_key.as_deref())
    })?;
    drop(named);
    input.retain_circuit(circuit);
    let mut explanation = rating::explain(edge, month, prices, &input, &series)?;
    let warnings = warnings_of(view, month, of_sla)?;
    explanation.is_complete = warnings.is_complete;
    explanation.warnings.splice(0..0, warnings.texts);
    let now = today(ledger)?;
    for circuit in &mut explanation.circuits {
        add_readings(circuit, ledger, now)?;
    }
    match TermsRevisions::read(state_dir) {
        Ok(mut revisions) => explanation.circuits.iter_mut().for_each(|circuit| {
            for terms in &mut circuit.terms {
                terms.begun_by = revisions.began(&terms.terms, terms.from);
                terms.ended_by = terms.to.and_then(|to| revisions.ended(&terms.terms, to));
            }
        }),
        Err(error) => {
            let text =
                format!("who changed terms is not known, as revisions can't be read: {error:#}");
            explanation.warnings.push(text);
        }
    }
    Ok(explanation)
}

/// Adds the readings of the time up to `now`.
fn add_readings(circuit: &mut ExplainedCircuit, ledger: &Ledger, now: Timestamp) -> Result<()> {
    let past = circuit.existed.iter().map(|time| TimeStretch { to: time.to.min(now), ..*time });
    let past: Vec<TimeStretch> = past.filter(|time| time.from < time.to).collect();
    circuit.readings = ledger.readings(&circuit.numbers, &past)?;
    Ok(())
}
