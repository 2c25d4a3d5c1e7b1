//! The rows that a bill takes from the ledger.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    Ledger, LedgerError, TermsSpan, UsageRecord, column,
    error::Fault,
    open, terms,
    usage::{SERIES_COLUMNS, SERIES_TABLES, billed, order, record},
};

impl Ledger {
    /// Terms that held at any moment from `from` until before `to`, by edge, circuit and time. With
    /// them come the last terms before and the first ones after, for each circuit, name and service
    /// key: the last usage of a circuit is often counted after its terms have ended.
    pub fn terms_around(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<TermsSpan>, LedgerError> {
        terms_around(&self.connection, from, to).map_err(|fault| fault.at(&self.path))
    }

    /// Usage of the periods that start from `from` until before `to`, in one record for each series, or
    /// one for each part where moments are given for its circuit: a part has the periods that end after a
    /// moment, and not after the next one.
    pub fn usage_in_parts(
        &self,
        from: Timestamp,
        to: Timestamp,
        moments: &BTreeMap<String, Vec<Timestamp>>,
    ) -> Result<Vec<UsageRecord>, LedgerError> {
        usage_in_parts(&self.connection, from, to, moments).map_err(|fault| fault.at(&self.path))
    }

    /// The first moment of anything in the ledger; `None`: it is empty.
    pub fn beginning(&self) -> Result<Option<Timestamp>, LedgerError> {
        let sql = "SELECT min(us) FROM (SELECT min(created_us) AS us FROM epoch \
                   UNION ALL SELECT min(from_us) FROM terms \
                   UNION ALL SELECT min(start_s) * 1000000 FROM usage)";
        let first = self.connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        let first = first.map_err(|error| Fault::from(error).at(&self.path))?;
        Ok(first.map(column::from_micros))
    }
}

pub(super) fn terms_around(
    connection: &Connection,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<TermsSpan>, Fault> {
    let columns = terms::COLUMNS;
    let nearest = |which: &str| {
        format!(
            "SELECT {columns} FROM terms JOIN (SELECT edge AS e, circuit AS c, {which} \
             GROUP BY edge, circuit, service_key) ON edge = e AND circuit = c AND from_us = f"
        )
    };
    let before = nearest("max(from_us) AS f FROM terms WHERE from_us < ?1");
    let after = nearest("min(from_us) AS f FROM terms WHERE from_us >= ?2");
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {columns} FROM terms WHERE from_us < ?2 AND (to_us IS NULL OR to_us > ?1) \
         UNION {before} UNION {after} ORDER BY edge, circuit, from_us"
    ))?;
    let spans = statement.query_map([column::micros(from), column::micros(to)], terms::span)?;
    Ok(spans.collect::<Result<_, _>>()?)
}

fn usage_in_parts(
    connection: &Connection,
    from: Timestamp,
    to: Timestamp,
    moments: &BTreeMap<String, Vec<Timestamp>>,
) -> Result<Vec<UsageRecord>, Fault> {
    let transaction = open::read(connection)?;
    // The attributes that all records of a series have in common, without usage.
    let mut series = transaction.prepare_cached(&format!(
        "SELECT {SERIES_COLUMNS}, 0, 0, 0, 0, FALSE, series.id FROM {SERIES_TABLES}"
    ))?;
    let mut rows = transaction.prepare_cached(
        "SELECT start_s, end_s, frames, bytes, is_estimated FROM usage \
         WHERE series = ? AND start_s >= ? AND start_s < ? ORDER BY start_s",
    )?;
    let mut records = Vec::new();
    let mut all = series.query([])?;
    while let Some(row) = all.next()? {
        let common = record(row)?;
        let moments = moments.get(&common.circuit).map_or(&[][..], Vec::as_slice);
        let moments_us: Vec<i64> = moments.iter().map(|moment| column::micros(*moment)).collect();
        let mut last_part = None;
        let mut found = rows.query(params![
            row.get::<_, i64>(14)?,
            column::second_from(from),
            column::second_from(to)
        ])?;
        while let Some(row) = found.next()? {
            let (start_s, end_s): (i64, i64) = (row.get(0)?, row.get(1)?);
            let is_before = |moment_us: &i64| *moment_us < end_s.saturating_mul(1_000_000);
            let part = moments_us.partition_point(is_before);
            if last_part != Some(part) {
                last_part = Some(part);
                let start = column::from_seconds(start_s);
                records.push(UsageRecord { start, ..common.clone() });
            }
            let Some(sum) = records.last_mut() else { continue };
            sum.end = column::from_seconds(end_s);
            sum.frames = sum.frames.saturating_add(column::count(row, 2)?);
            sum.bytes = sum.bytes.saturating_add(column::count(row, 3)?);
            sum.estimated |= row.get::<_, bool>(4)?;
        }
    }
    for record in &mut records {
        record.billed_bytes = billed(record);
    }
    records.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(records)
}
