//! Usage by period, or summed over longer times.

use std::collections::{BTreeMap, btree_map::Entry};

use rusqlite::{Connection, Row, params};

use super::{
    Grain, Ledger, LedgerError, UsageQuery, UsageRecord, calendar::stretch, column, error::Fault,
};

/// The attributes of a series; columns 0 to 8 of what [`record`] reads.
pub(super) const SERIES_COLUMNS: &str =
    "edge, circuit, service_key, peering, link, direction, class, billing, accounting";
pub(super) const SERIES_TABLES: &str =
    "series JOIN owner ON owner.id = series.owner JOIN meter ON meter.id = owner.meter";

impl Ledger {
    /// Usage that is not 0, by edge, circuit, peering, link, direction, class, billing and start.
    pub fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRecord>, LedgerError> {
        usage(&self.connection, query).map_err(|fault| fault.at(&self.path))
    }

    /// Names of edges and circuits that have a meter, with usage or without.
    pub fn circuits(&self) -> Result<Vec<(String, String)>, LedgerError> {
        circuits(&self.connection).map_err(|error| Fault::from(error).at(&self.path))
    }
}

/// A record from a row with the series, start, end, frames, bytes and whether it is estimated.
pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<UsageRecord> {
    let direction: String = row.get(5)?;
    let billing: String = row.get(7)?;
    let bytes = column::count(row, 12)?;
    let mut record = UsageRecord {
        edge: row.get(0)?,
        circuit: row.get(1)?,
        service_key: row.get(2)?,
        peering: row.get(3)?,
        link: row.get(4)?,
        direction,
        class: row.get(6)?,
        billing,
        accounting: row.get(8)?,
        start: column::from_seconds(row.get(9)?),
        end: column::from_seconds(row.get(10)?),
        frames: column::count(row, 11)?,
        bytes,
        billed_bytes: 0,
        estimated: row.get(13)?,
    };
    record.billed_bytes = billed(&record);
    Ok(record)
}

/// The bytes of a record that are billed by volume.
pub(super) fn billed(record: &UsageRecord) -> u64 {
    let is_billed = record.direction == "outbound" && record.billing == "metered";
    if is_billed { record.bytes } else { 0 }
}

fn usage(connection: &Connection, query: &UsageQuery) -> Result<Vec<UsageRecord>, Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {SERIES_COLUMNS}, start_s, end_s, frames, bytes, is_estimated, series.id \
         FROM {SERIES_TABLES} JOIN usage ON usage.series = series.id \
         WHERE (?1 IS NULL OR edge = ?1) AND (?2 IS NULL OR circuit = ?2) \
         AND start_s >= ?3 AND start_s < ?4"
    ))?;
    let (from_s, to_s) = (query.from.map(column::second_from), query.to.map(column::second_from));
    let mut rows = statement.query(params![
        query.edge,
        query.circuit,
        from_s.unwrap_or(i64::MIN),
        to_s.unwrap_or(i64::MAX),
    ])?;
    let mut sums: BTreeMap<(i64, i64), UsageSum> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let span_s = (row.get(9)?, row.get(10)?);
        let (start_s, end_s) = stretch(query.grain, span_s, (from_s, to_s));
        let key = (row.get(14)?, if query.grain == Grain::Total { 0 } else { start_s });
        match sums.entry(key) {
            Entry::Vacant(place) => {
                place.insert(UsageSum { record: record(row)?, span_s: (start_s, end_s) });
            }
            Entry::Occupied(mut place) => place.get_mut().add(row, (start_s, end_s))?,
        }
    }
    let mut records: Vec<_> = sums.into_values().map(UsageSum::into_record).collect();
    if query.grain == Grain::Total {
        same_stretch(&mut records);
    }
    records.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(records)
}

fn circuits(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT edge, circuit FROM meter ORDER BY 1, 2")?;
    let circuits = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    circuits.collect()
}

/// Rows of one series and one stretch of time.
struct UsageSum {
    record: UsageRecord,
    span_s: (i64, i64),
}

impl UsageSum {
    fn add(&mut self, row: &Row<'_>, (start_s, end_s): (i64, i64)) -> rusqlite::Result<()> {
        self.span_s = (self.span_s.0.min(start_s), self.span_s.1.max(end_s));
        let record = &mut self.record;
        record.frames = record.frames.saturating_add(column::count(row, 11)?);
        record.bytes = record.bytes.saturating_add(column::count(row, 12)?);
        record.estimated |= row.get::<_, bool>(13)?;
        Ok(())
    }

    fn into_record(self) -> UsageRecord {
        let (start, end) =
            (column::from_seconds(self.span_s.0), column::from_seconds(self.span_s.1));
        let billed_bytes = billed(&self.record);
        UsageRecord { start, end, billed_bytes, ..self.record }
    }
}

/// Gives all totals the same stretch of time.
fn same_stretch(records: &mut [UsageRecord]) {
    let start = records.iter().map(|record| record.start).min();
    let end = records.iter().map(|record| record.end).max();
    if let (Some(start), Some(end)) = (start, end) {
        for record in records {
            (record.start, record.end) = (start, end);
        }
    }
}

pub(super) fn order(record: &UsageRecord) -> impl Ord {
    let UsageRecord { edge, circuit, peering, link, direction, class, billing, .. } = record;
    let names = [edge, circuit, peering, link, direction, class, billing];
    (names, record.start, &record.service_key, &record.accounting)
}
