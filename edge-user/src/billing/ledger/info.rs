//! The ledger's contents, in figures, and all that an operator should know of it.

use std::path::PathBuf;

use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use super::{Doubt, Gap, Ledger, LedgerError, TermsSpan, column, error::Fault};

/// The ledger as `edge ledger info` tells of it.
#[derive(Clone, Debug)]
pub struct LedgerContents {
    /// The database.
    pub path: PathBuf,
    /// Its figures.
    pub figures: LedgerInfo,
    /// Terms that still hold.
    pub sold: Vec<TermsSpan>,
    /// Times that are missing.
    pub gaps: Vec<Gap>,
    /// Times whose dates are doubtful.
    pub doubts: Vec<Doubt>,
    /// A notice of a clock that the ledger does not believe.
    pub clock_notice: Option<String>,
}

/// Figures of the ledger's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerInfo {
    /// Its id.
    pub id: Uuid,
    /// Version of its layout.
    pub layout: u32,
    /// Size of the database in bytes.
    pub bytes: u64,
    /// Number of the last reading.
    pub checkpoint: u64,
    /// Epochs that readings were of.
    pub epochs: u64,
    /// Series that have been used.
    pub series: u64,
    /// Rows of usage whose period is not over.
    pub open_usage: u64,
    /// Export records that are kept.
    pub records: u64,
    /// The last of them has this number; 0: there was none.
    pub last_seq: u64,
    /// The end of the time of which every record is sealed.
    pub sealed_until: Option<Timestamp>,
    /// Five-minute samples that are kept.
    pub samples: u64,
    /// Receivers that have acknowledged anything, by name.
    pub sinks: Vec<SinkInfo>,
}

/// A receiver of export records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkInfo {
    /// Its name.
    pub name: String,
    /// The last batch that it has acknowledged.
    pub acknowledged: u64,
    /// Records that it has not.
    pub pending: u64,
    /// The end of the time of which it has every record.
    pub sealed_until: Option<Timestamp>,
}

impl Ledger {
    /// The contents, at the wall clock's time `now`.
    pub fn contents(&self, now: Timestamp) -> Result<LedgerContents, LedgerError> {
        Ok(LedgerContents {
            path: self.path.clone(),
            figures: self.info()?,
            sold: self.open_terms()?,
            gaps: self.gaps()?,
            doubts: self.doubts(now)?,
            clock_notice: self.clock_notice()?,
        })
    }

    /// The figures of the ledger's contents.
    pub fn info(&self) -> Result<LedgerInfo, LedgerError> {
        let (id, checkpoint) = (self.id, self.checkpoint()?);
        let info = info(&self.connection, id, checkpoint);
        let mut info = info.map_err(|error| Fault::from(error).at(&self.path))?;
        info.sealed_until = self.sealed_until()?;
        for sink in &mut info.sinks {
            sink.pending = self.pending(&sink.name)?;
            sink.sealed_until = self.watermark(&sink.name)?.map(|mark| mark.sealed_until);
        }
        Ok(info)
    }
}

fn info(connection: &Connection, id: Uuid, checkpoint: u64) -> rusqlite::Result<LedgerInfo> {
    let number = |sql| connection.query_row(sql, [], |row| column::count(row, 0));
    let mut statement = connection.prepare("SELECT name, acknowledged FROM sink ORDER BY name")?;
    let sinks = statement.query_map([], |row| {
        let (name, acknowledged) = (row.get(0)?, column::count(row, 1)?);
        Ok(SinkInfo { name, acknowledged, pending: 0, sealed_until: None })
    })?;
    Ok(LedgerInfo {
        id,
        layout: connection.query_row("PRAGMA user_version", [], |row| row.get(0))?,
        bytes: number("PRAGMA page_count")? * number("PRAGMA page_size")?,
        checkpoint,
        epochs: number("SELECT count(*) FROM epoch")?,
        series: number("SELECT count(*) FROM series")?,
        open_usage: number("SELECT count(*) FROM usage WHERE seq IS NULL")?,
        records: number("SELECT count(*) FROM usage WHERE seq IS NOT NULL")?,
        last_seq: number("SELECT ifnull(max(last_seq), 0) FROM batch")?,
        sealed_until: None,
        samples: number("SELECT count(*) FROM sample")?,
        sinks: sinks.collect::<Result<_, _>>()?,
    })
}
