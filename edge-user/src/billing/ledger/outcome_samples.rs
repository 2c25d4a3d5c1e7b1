//! Reading the samples of outcomes, those included whose date may still change.

use rusqlite::{Connection, params};

use super::{
    boots::Offset,
    error::Fault,
    outcome_rows::{Amount, amount, held, holding},
    sampled::Sampled,
};

/// A sample of an outcome of a circuit.
#[derive(Clone, Debug)]
pub(super) struct OutcomeSample<'o> {
    pub(super) outcome: &'o FrameFate,
    pub(super) start_s: i64,
    pub(super) amount: Amount,
}

/// The fate of frames, and the place where they were counted.
#[derive(Clone, Debug)]
pub(super) struct FrameFate {
    id: i64,
    pub(super) is_outbound: bool,
    pub(super) link: String,
    /// `None`: they left.
    pub(super) reason: Option<String>,
    pub(super) class: Option<String>,
}

/// The outcomes to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    All,
    Drops,
}

/// Reads samples in one state of the ledger.
pub(super) struct OutcomeReader<'c> {
    connection: &'c Connection,
    /// Boots of which something is held.
    holding: Vec<(i64, Offset)>,
    which: Which,
}

impl<'c> OutcomeReader<'c> {
    pub(super) fn new(connection: &'c Connection, which: Which) -> Result<Self, Fault> {
        Ok(Self { connection, holding: holding(connection)?, which })
    }

    /// Has `each` see all samples of a circuit that start in a stretch of time, in no order.
    pub(super) fn each(
        &self,
        circuit: &Sampled,
        (start_s, end_s): (i64, i64),
        mut each: impl FnMut(OutcomeSample<'_>),
    ) -> Result<(), Fault> {
        let connection = self.connection;
        let mut samples = connection.prepare_cached(
            "SELECT start_s, frames, bytes, peak_1ms_bps, peak_100ms_bps FROM outcome_sample \
         WHERE outcome = ? AND start_s >= ? AND start_s < ?",
        )?;
        for part in &circuit.parts {
            let (from_s, to_s) = (part.from_s.max(start_s), part.to_s.min(end_s));
            if from_s >= to_s {
                continue;
            }
            for outcome in outcomes(connection, part.meter, part.is_outbound, self.which)? {
                let mut rows = samples.query(params![outcome.id, from_s, to_s])?;
                while let Some(row) = rows.next()? {
                    let (start_s, amount) = (row.get(0)?, amount(row, 1)?);
                    each(OutcomeSample { outcome: &outcome, start_s, amount });
                }
                for (boot, offset) in &self.holding {
                    for (_, interval, amount) in held(connection, *boot, *offset, Some(outcome.id))?
                    {
                        let dated = amount.by_sample(interval).into_iter();
                        let dated = dated.filter(|(start_s, _)| (from_s..to_s).contains(start_s));
                        for (start_s, amount) in dated {
                            each(OutcomeSample { outcome: &outcome, start_s, amount });
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn outcomes(
    connection: &Connection,
    meter: i64,
    is_outbound: bool,
    which: Which,
) -> Result<Vec<FrameFate>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, link, reason, class FROM outcome \
         WHERE meter = ?1 AND (?2 OR reason <> 'ok') ORDER BY id",
    )?;
    let outcomes = statement.query_map(params![meter, which == Which::All], |row| {
        let (reason, class): (String, String) = (row.get(2)?, row.get(3)?);
        Ok(FrameFate {
            id: row.get(0)?,
            is_outbound,
            link: row.get(1)?,
            reason: (reason != "ok").then_some(reason),
            class: (!class.is_empty()).then_some(class),
        })
    })?;
    Ok(outcomes.collect::<Result<_, _>>()?)
}
