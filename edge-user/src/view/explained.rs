//! A bill with everything that it is made of, as people read it.

use std::io::{self, Write};

use edge_api::Revision;
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{
    bill::{heading, shown, what},
    history::origin,
    table::{plain, text_table},
    usage::minutes,
};
use crate::{
    billing::{
        ledger::{EpochEnd, EpochRead, Readings, RecordId, TimeStretch},
        rating::{
            ExplainedCircuit, ExplainedLine, ExplainedRecord, ExplainedSeries, ExplainedTerms,
            Explanation, MissedSla, Quantity, TermsHeld,
        },
    },
    units::{bit_rate, count},
};

/// Prints each line with its parts, then terms, readings and gaps. Records that follow each other are one line, from the first id
/// to the last, unless each of them is asked for.
pub fn print(explanation: &Explanation, each_record: bool, out: &mut impl Write) -> io::Result<()> {
    let Explanation { edge, month, currency, circuits, warnings, differences, .. } = explanation;
    writeln!(out, "{}, {month} (UTC), amounts in {currency}", plain(edge))?;
    for circuit in circuits {
        let ExplainedCircuit { circuit: name, service_key, zone, .. } = circuit;
        let heading = heading(name, service_key.as_ref(), zone.as_ref());
        writeln!(out, "\n{}: total {} {currency}", plain(&heading), shown(circuit.total))?;
        for line in &circuit.lines {
            print_line(explanation, circuit, line, each_record, out)?;
        }
        writeln!(out, "\nterms")?;
        for terms in &circuit.terms {
            print_terms(terms, &circuit.terms, out)?;
        }
        writeln!(out, "\nreadings")?;
        print_readings(&circuit.readings, out)?;
        writeln!(out, "\ngaps")?;
        print_gaps(&circuit.readings, out)?;
    }
    if !warnings.is_empty() {
        writeln!(out, "\nof the edge and this month")?;
    }
    for warning in warnings {
        writeln!(out, " {}", plain(warning))?;
    }
    for difference in differences {
        writeln!(out, "\n! {}", plain(difference))?;
    }
    Ok(())
}

fn print_line(
    explanation: &Explanation,
    circuit: &ExplainedCircuit,
    explained: &ExplainedLine,
    each_record: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let ExplainedLine { line, stretches, series, .. } = explained;
    let (name, quantity) = (what(line, circuit.zone.as_ref()), explanation.quantity(line));
    if let Quantity::Credit(missed) = &line.quantity {
        return print_credit(missed, &name, line.amount, out);
    }
    let (unit, price) = (line.quantity.unit(), shown(line.unit_price));
    writeln!(out, "\n{}: {quantity} {unit} at {price} is {}", plain(&name), shown(line.amount))?;
    if each_record && !series.is_empty() {
        for series in series {
            writeln!(out, " {}", name_of(series, explanation, circuit))?;
            for record in &series.records {
                print_record(record, out)?;
            }
        }
    } else if let Quantity::Volume { .. } = line.quantity {
        let header = ["of", "from", "to", "records", "record ids", "frames", "bytes", "terms", ""];
        let mut table = text_table(header, [3, 5, 6, 7]);
        for series in series {
            let name = name_of(series, explanation, circuit);
            for run in series.records.chunk_by(is_one_run) {
                table.add_row(row(&name, run));
            }
        }
        writeln!(out, "{}", table.trim_fmt())?;
    } else {
        let mut table = text_table(["from", "to", "seconds", "terms"], [2, 3]);
        for stretch in stretches {
            let (from, to) = (stretch.from.to_string(), stretch.to.to_string());
            table.add_row([from, to, stretch.seconds(), stretch.terms.to_string()]);
        }
        writeln!(out, "{}", table.trim_fmt())?;
    }
    let unit = if explained.sum_bytes.is_some() { "bytes" } else { "seconds" };
    writeln!(out, " sum {} {unit}", explained.sum())
}

/// Minutes and percentage as `edge availability` has them, and the step that applies.
fn print_credit(
    missed: &MissedSla,
    name: &str,
    amount: Option<Decimal>,
    out: &mut impl Write,
) -> io::Result<()> {
    let MissedSla { peering, minutes, minutes_down, step, is_over } = missed;
    let (credit, below) = (step.credit.normalize(), step.below.normalize());
    writeln!(out, "\n{name}: {credit} % of fees is {}", shown(amount))?;
    let (minutes, down, percent) = (count(*minutes), count(*minutes_down), missed.percent());
    let peering = peering.as_str();
    writeln!(
        out,
        " {peering}: down in {down} of {minutes} minutes with both links in use, {percent} %"
    )?;
    writeln!(out, " below {below} %, the credit is {credit} % of the circuit's monthly fees")?;
    if !is_over {
        writeln!(out, " the month is not over: the minutes are those so far")?;
    }
    Ok(())
}

/// A series by what tells it from others of the line.
fn name_of(
    series: &ExplainedSeries,
    explanation: &Explanation,
    circuit: &ExplainedCircuit,
) -> String {
    let ExplainedSeries { edge, peering, link, class, accounting, .. } = series;
    let mut name = format!("{peering} {link} {} {accounting}", plain(class));
    if series.circuit != circuit.circuit {
        name = format!("{name}, as {}", plain(&series.circuit));
    }
    if *edge != explanation.edge {
        name = format!("{name}, of {}", plain(edge));
    }
    name
}

/// Whether two records that follow each other can be told as one.
fn is_one_run(one: &ExplainedRecord, next: &ExplainedRecord) -> bool {
    let traits = |record: &ExplainedRecord| {
        let ledger = record.usage.id.map(|id| id.ledger);
        (ledger, record.usage.estimated, record.terms, record.held)
    };
    traits(one) == traits(next)
}

fn row(name: &str, run: &[ExplainedRecord]) -> [String; 9] {
    let (first, last) = (run.first(), run.last());
    let moment = |time: Option<Timestamp>| time.map(minutes).unwrap_or_default();
    let sum = |part: fn(&ExplainedRecord) -> u64| {
        count(run.iter().map(part).fold(0, u64::saturating_add))
    };
    let id = |record: Option<&ExplainedRecord>| record.and_then(|record| record.usage.id);
    let ids = match id(first).zip(id(last)) {
        None => "none yet: open".to_owned(),
        Some((first, last)) if first == last => first.to_string(),
        Some((first, RecordId { seq, .. })) => format!("{first} to {seq}"),
    };
    [
        name.to_owned(),
        moment(first.map(|record| record.usage.start)),
        moment(last.map(|record| record.usage.end)),
        count(run.len() as u64),
        ids,
        sum(|record| record.usage.frames),
        sum(|record| record.usage.bytes),
        first.and_then(|record| record.terms).map(|terms| terms.to_string()).unwrap_or_default(),
        first.map(remarks).unwrap_or_default(),
    ]
}

fn print_record(record: &ExplainedRecord, out: &mut impl Write) -> io::Result<()> {
    let ExplainedRecord { usage, terms, .. } = record;
    let id = usage.id.map_or_else(|| "no id yet: open".to_owned(), |id| id.to_string());
    let (start, end) = (minutes(usage.start), minutes(usage.end));
    let (frames, bytes) = (count(usage.frames), count(usage.bytes));
    let terms = terms.map(|terms| format!(", terms {terms}")).unwrap_or_default();
    let remarks = Some(remarks(record)).filter(|remarks| !remarks.is_empty());
    let remarks = remarks.map(|remarks| format!(", {remarks}")).unwrap_or_default();
    writeln!(out, "  {start} to {end}  {id}  frames {frames}, bytes {bytes}{terms}{remarks}")
}

fn remarks(record: &ExplainedRecord) -> String {
    let held = match record.held {
        Some(TermsHeld::Before) => Some("counted after these terms ended"),
        Some(TermsHeld::After) => Some("counted before these terms began"),
        Some(TermsHeld::During) | None => None,
    };
    let estimated = record.usage.estimated.then_some("estimated");
    [estimated, held].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn print_terms(
    own: &ExplainedTerms,
    all: &[ExplainedTerms],
    out: &mut impl Write,
) -> io::Result<()> {
    let ExplainedTerms { number, terms, from, to, begun_by, ended_by } = own;
    let to = to.map_or_else(|| "now".to_owned(), |to| to.to_string());
    let zone = terms.zone.as_ref().map(|zone| format!(", zone {}", plain(zone)));
    let key = terms.service_key.as_ref().map(|key| format!(", service key {}", plain(key)));
    writeln!(
        out,
        " {number}: {} {} {} {}{}{}, from {from} to {to}",
        plain(&terms.circuit),
        bit_rate(terms.bandwidth_bps),
        terms.billing.as_str(),
        terms.sku.as_str(),
        zone.unwrap_or_default(),
        key.unwrap_or_default(),
    )?;
    writeln!(out, "    begun {}", who(begun_by.as_ref()))?;
    let goes_on = |to: Timestamp| all.iter().any(|next| next.from == to);
    if own.to.is_some_and(|to| !goes_on(to)) {
        writeln!(out, "    ended {}", who(ended_by.as_ref()))?;
    }
    Ok(())
}

fn who(revision: Option<&Revision>) -> String {
    let Some(Revision { revision, at, by, user, message, .. }) = revision else {
        return "by whom is not known".to_owned();
    };
    let user = user.as_ref().map(|user| format!(" by {}", plain(user))).unwrap_or_default();
    let message = message.as_ref().map(|text| format!(": {}", plain(text))).unwrap_or_default();
    format!("by revision {revision} of {at:.0}, {}{user}{message}", origin(*by))
}

fn print_readings(readings: &Readings, out: &mut impl Write) -> io::Result<()> {
    let Readings { last, checkpoint, known_since, epochs, .. } = readings;
    let last = last.map_or_else(|| "never".to_owned(), |last| format!("at {last:.0}"));
    writeln!(out, " last {last}, number {}", count(*checkpoint))?;
    if let Some(since) = known_since {
        writeln!(out, " their times are known since {since:.0}")?;
    }
    for EpochRead { epoch, created, last_read, end, found_gone } in epochs {
        let end = match (end, found_gone) {
            (EpochEnd::Lost, Some(found)) => {
                format!("gone at {found:.0}, with what they had counted since")
            }
            (EpochEnd::Closed, _) => "ended after that".to_owned(),
            (EpochEnd::Lost | EpochEnd::Open, _) => "may still count".to_owned(),
        };
        writeln!(out, " tables {epoch}: made at {created:.0}, last read at {last_read:.0}, {end}")?;
    }
    Ok(())
}

fn print_gaps(readings: &Readings, out: &mut impl Write) -> io::Result<()> {
    let Readings { unknown, unread, undated_frames, undated_bytes, expired_until, .. } = readings;
    for TimeStretch { from, to } in unknown {
        writeln!(out, " when the meters were read from {from:.0} to {to:.0} is not known")?;
    }
    for TimeStretch { from, to } in unread {
        writeln!(out, " nobody read the meters from {from:.0} to {to:.0}")?;
    }
    let is_undated = (*undated_frames, *undated_bytes) != (0, 0);
    if is_undated {
        let (frames, bytes) = (count(*undated_frames), count(*undated_bytes));
        writeln!(
            out,
            " {frames} frames ({bytes} bytes) are in no period, as no clock was believed"
        )?;
    }
    if let Some(until) = expired_until {
        writeln!(out, " records before {until:.0} were deleted by age")?;
    }
    let is_read = unknown.is_empty() && unread.is_empty();
    if is_read && !is_undated && expired_until.is_none() {
        writeln!(out, " none")?;
    }
    Ok(())
}
