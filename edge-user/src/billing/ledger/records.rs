//! Single records of usage, with the ids by which receivers know them.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::{
    Ledger, LedgerError, UsageRecord, column,
    error::Fault,
    open,
    usage::{SERIES_COLUMNS, SERIES_TABLES, billed, order, record},
};

/// The id of an export record: `LEDGER-SEQ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordId {
    /// The ledger that has numbered it.
    pub ledger: Uuid,
    /// Its number in the ledger.
    pub seq: u64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ledger, self.seq)
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The usage of a series in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PeriodUsage {
    /// Its id; `None`: the period is not over, or its date not final.
    pub id: Option<RecordId>,
    /// Beginning of the period.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether some of it was spread over the time between two readings far apart.
    pub estimated: bool,
}

/// A series with its usage period by period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesUsage {
    /// Its number in the ledger.
    pub number: i64,
    /// The attributes of the series, and the sums of its periods.
    pub sum: UsageRecord,
    /// By time.
    pub periods: Vec<PeriodUsage>,
}

impl Ledger {
    /// Usage of the periods that start from `from` until before `to`, each by itself, of the series that
    /// `is_wanted` takes by their attributes. Series without usage in that time are among them.
    pub fn usage_by_record(
        &self,
        from: Timestamp,
        to: Timestamp,
        is_wanted: impl Fn(&UsageRecord) -> bool,
    ) -> Result<Vec<SeriesUsage>, LedgerError> {
        usage_by_record(&self.connection, (from, to), is_wanted)
            .map_err(|fault| fault.at(&self.path))
    }
}

fn usage_by_record(
    connection: &Connection,
    (from, to): (Timestamp, Timestamp),
    is_wanted: impl Fn(&UsageRecord) -> bool,
) -> Result<Vec<SeriesUsage>, Fault> {
    let transaction = open::read(connection)?;
    let numbered = Numbered::read(&transaction)?;
    let mut series = transaction.prepare_cached(&format!(
        "SELECT {SERIES_COLUMNS}, 0, 0, 0, 0, FALSE, series.id FROM {SERIES_TABLES}"
    ))?;
    let mut rows = transaction.prepare_cached(
        "SELECT start_s, end_s, frames, bytes, is_estimated, seq FROM usage \
         WHERE series = ? AND start_s >= ? AND start_s < ? ORDER BY start_s",
    )?;
    let mut all = Vec::new();
    let mut found = series.query([])?;
    while let Some(row) = found.next()? {
        let mut sum = record(row)?;
        if !is_wanted(&sum) {
            continue;
        }
        let number: i64 = row.get(14)?;
        let mut periods = Vec::new();
        let mut found =
            rows.query(params![number, column::second_from(from), column::second_from(to)])?;
        while let Some(row) = found.next()? {
            let seq: Option<i64> = row.get(5)?;
            let period = PeriodUsage {
                id: seq.map(|seq| numbered.id(seq.cast_unsigned())).transpose()?,
                start: column::from_seconds(row.get(0)?),
                end: column::from_seconds(row.get(1)?),
                frames: column::count(row, 2)?,
                bytes: column::count(row, 3)?,
                estimated: row.get(4)?,
            };
            sum.frames = sum.frames.saturating_add(period.frames);
            sum.bytes = sum.bytes.saturating_add(period.bytes);
            sum.estimated |= period.estimated;
            periods.push(period);
        }
        if let (Some(first), Some(last)) = (periods.first(), periods.last()) {
            (sum.start, sum.end) = (first.start, last.end);
        }
        sum.billed_bytes = billed(&sum);
        all.push(SeriesUsage { number, sum, periods });
    }
    all.sort_by(|one, other| order(&one.sum).cmp(&order(&other.sum)));
    Ok(all)
}

/// The ledgers that have numbered records: the first and the last number of each batch.
struct Numbered(Vec<(u64, u64, Uuid)>);

impl Numbered {
    fn read(connection: &Connection) -> Result<Self, Fault> {
        let mut statement = connection.prepare_cached(
            "SELECT first_seq, last_seq, uuid FROM batch \
             JOIN incarnation ON incarnation.id = incarnation ORDER BY first_seq",
        )?;
        let batches = statement.query_map([], |row| {
            Ok((column::count(row, 0)?, column::count(row, 1)?, column::uuid(row, 2)?))
        })?;
        Ok(Self(batches.collect::<Result<_, _>>()?))
    }

    fn id(&self, seq: u64) -> Result<RecordId, Fault> {
        let later = self.0.partition_point(|(first, ..)| *first <= seq);
        let batch = later.checked_sub(1).and_then(|place| self.0.get(place));
        let batch = batch.filter(|(_, last, _)| seq <= *last);
        let what = || {
            Fault::Refused(format!("record {seq} is in no batch; `edge ledger check` tells more"))
        };
        batch.map(|(_, _, ledger)| RecordId { ledger: *ledger, seq }).ok_or_else(what)
    }
}
