//! The ledger: the meters' counts by circuit and period, in a database that outlives the tables.
//!
//! ```text
//! reading ─▶ book ─▶ split ─▶ rows ─▶ export ─▶ records for receivers
//!                               │
//!                               └───▶ usage, percentile, billing
//! ```
//!
//! `book` takes the counts that a reading has above the booked ones, `split` spreads them over
//! time, and `rows` adds them to the rows of their series. `export` turns rows of periods that are
//! over into records, `usage`, `percentile` and `billing` answer questions, `expire` deletes, and
//! `check` compares everything that the ledger has twice. `link_changes` and `link_history` have the
//! states of routed links, which are dated when they are read.
//!
//! Clocks may be wrong. `belief` judges them, and `boots` keeps their history. `held` keeps usage
//! and `change` terms that may come to another date. `settle` dates these again, or for good.
//! `journal` keeps changes of terms that the database doesn't have yet.

mod backup;
mod belief;
mod billing;
mod book;
mod boots;
mod calendar;
mod change;
mod check;
mod column;
mod covered;
mod date;
mod doubt;
mod drop_news;
mod drops;
mod end_terms;
mod epoch_row;
mod epochs;
mod error;
mod expire;
mod export;
mod held;
mod history;
mod identity;
mod info;
mod journal;
mod link_changes;
mod link_history;
mod lock;
mod look;
mod notes;
mod open;
mod outcome_rows;
mod outcome_samples;
mod owners;
mod peaks;
mod percentile;
mod readings;
mod records;
mod redate;
mod remembered;
mod restore;
mod rows;
mod sampled;
mod settle;
mod sinks;
mod split;
mod terms;
#[cfg(test)]
mod tests;
mod types;
mod unfinished;
mod usage;
mod watermark;

use std::path::PathBuf;

use rusqlite::Connection;
use uuid::Uuid;

pub use self::{
    book::BookedReading,
    change::{JournalEntry, TermsChange},
    doubt::Doubt,
    drops::DropsQuery,
    epochs::Gap,
    error::LedgerError,
    expire::Expired,
    history::HistoryQuery,
    identity::{CircuitIdentity, Identities},
    info::{LedgerContents, LedgerInfo, SinkInfo},
    journal::{Left, TermsJournal, changes_in},
    link_changes::{BootTime, LinkNote, OpenPeeringLink, OpenPeeringLinks, PeeringLinkChange},
    link_history::{LinkHistories, LinkHistory, LinkSpan},
    lock::{LedgerLock, lock},
    look::PrivateCopy,
    percentile::{Percentile, PercentileQuery},
    readings::{EpochEnd, EpochRead, Readings, TimeStretch},
    records::{PeriodUsage, RecordId, SeriesUsage},
    terms::TermsSpan,
    types::{
        Batch, ClassReading, DropReading, EpochInfo, ExportRecord, Grain, Owner, PeakReading,
        Policy, Reading, Series, SlotReading, Terms, UsageQuery, UsageRecord, Watermark,
    },
    unfinished::OpenEpoch,
};

/// A connection to the ledger. Several may be open, in several processes.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
    /// Device and inode.
    file: (u64, u64),
    id: Uuid,
    known: owners::KnownNumbers,
}
