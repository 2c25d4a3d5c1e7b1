//! Epochs, the lives of tables: the booked counts of each, and the epochs that were lost.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt,
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::PathBuf,
};

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{ClassReading, EpochInfo, Ledger, LedgerError, boots, column, error::Fault, open};
use crate::time::Moment;

/// Tables that are gone, with what they had counted since they were last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Their epoch.
    pub epoch: Uuid,
    /// The kernel's boot that they were of.
    pub boot_id: Uuid,
    /// Where they were pinned.
    pub pin_dir: PathBuf,
    /// The time of the last reading. Later counts are not booked.
    pub last_read: Timestamp,
    /// The moment when the daemon found them gone.
    pub found: Timestamp,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the tables in {} were gone at {:.0} with what they had counted since {:.0} (epoch {})",
            self.pin_dir.display(),
            self.found,
            self.last_read,
            self.epoch,
        )
    }
}

impl Ledger {
    /// The ledger's present id, within which export records are numbered.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Gives the ledger a new id after its file went back in time, as by a restored backup: the
    /// numbers of the records that are sealed from now on may have been used before.
    pub fn reincarnate(&mut self) -> Result<Uuid, LedgerError> {
        let id = open::add_incarnation(&self.connection);
        self.id = id.map_err(|error| Fault::from(error).at(&self.path))?;
        Ok(self.id)
    }

    /// The booked counts of an epoch, by slot and generation. Classes without a count are left out.
    pub fn booked(
        &self,
        epoch: Uuid,
    ) -> Result<BTreeMap<(u32, u64), Vec<ClassReading>>, LedgerError> {
        booked(&self.connection, epoch).map_err(|fault| fault.at(&self.path))
    }

    /// Marks epochs as lost that can't be read any more and had no final reading: those of another
    /// boot than `present`, and those in the same place that are not among `present`. Each is
    /// returned once, and stays in [`Self::gaps`].
    ///
    /// After a loss the ledger gets a new id, as in [`Self::reincarnate`]: it may be an older copy
    /// of itself with fewer readings, and nothing is left that could tell.
    pub fn mark_lost(
        &mut self,
        present: &[&EpochInfo],
        now: &Moment,
    ) -> Result<Vec<Gap>, LedgerError> {
        let marked = mark_lost(&mut self.connection, present, now);
        let (lost, id) = marked.map_err(|fault| fault.at(&self.path))?;
        self.id = id.unwrap_or(self.id);
        Ok(lost)
    }

    /// Every epoch that was lost, by the time it was found.
    pub fn gaps(&self) -> Result<Vec<Gap>, LedgerError> {
        gaps(&self.connection).map_err(|fault| fault.at(&self.path))
    }
}

fn booked(
    connection: &Connection,
    epoch: Uuid,
) -> Result<BTreeMap<(u32, u64), Vec<ClassReading>>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT slot, generation, class, frames, bytes FROM epoch \
         JOIN snapshot ON snapshot.epoch = epoch.id JOIN series ON series.id = series \
         WHERE uuid = ? ORDER BY slot, generation, series",
    )?;
    let mut rows = statement.query([epoch.to_string()])?;
    let mut booked: BTreeMap<_, Vec<_>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        booked.entry((row.get(0)?, column::count(row, 1)?)).or_default().push(ClassReading {
            class: row.get(2)?,
            frames: column::count(row, 3)?,
            bytes: column::count(row, 4)?,
        });
    }
    Ok(booked)
}

fn mark_lost(
    connection: &mut Connection,
    present: &[&EpochInfo],
    now: &Moment,
) -> Result<(Vec<Gap>, Option<Uuid>), Fault> {
    let is_present: Vec<String> = present.iter().map(|epoch| epoch.id.to_string()).collect();
    let is_present = is_present.join(" ");
    let transaction = connection.transaction()?;
    let mut lost = Vec::new();
    {
        let mut statement = transaction.prepare_cached(
            "UPDATE epoch SET lost_us = ?1 WHERE NOT is_closed AND lost_us IS NULL \
             AND instr(?2, uuid) = 0 AND (boot_id <> ?3 OR pin_dir = ?4) \
             RETURNING uuid, boot_id, pin_dir, taken_us, lost_us",
        )?;
        let found_us = boots::date_us(&transaction, now)?;
        for epoch in present {
            let mut rows = statement.query(params![
                found_us,
                is_present,
                epoch.boot_id.to_string(),
                epoch.pin_dir.as_os_str().as_bytes(),
            ])?;
            while let Some(row) = rows.next()? {
                lost.push(gap(row)?);
            }
        }
    }
    let id = if lost.is_empty() { None } else { Some(open::add_incarnation(&transaction)?) };
    transaction.commit()?;
    lost.sort_by_key(|gap| (gap.last_read, gap.epoch));
    Ok((lost, id))
}

fn gaps(connection: &Connection) -> Result<Vec<Gap>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT uuid, boot_id, pin_dir, taken_us, lost_us FROM epoch WHERE lost_us IS NOT NULL \
         ORDER BY lost_us, taken_us, uuid",
    )?;
    let gaps = statement.query_map([], gap)?;
    Ok(gaps.collect::<Result<_, _>>()?)
}

fn gap(row: &Row<'_>) -> rusqlite::Result<Gap> {
    Ok(Gap {
        epoch: column::uuid(row, 0)?,
        boot_id: column::uuid(row, 1)?,
        pin_dir: PathBuf::from(OsString::from_vec(row.get(2)?)),
        last_read: column::from_micros(row.get(3)?),
        found: column::from_micros(row.get(4)?),
    })
}
