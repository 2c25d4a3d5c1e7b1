//! Noted changes of terms: they have a date as the clocks give it, and later one for good.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::{
    TermsChange, boots,
    error::Fault,
    terms::{self, Dated},
};

/// Dates the last change, after all others.
pub(super) fn lay_last(transaction: &Transaction<'_>, change: &TermsChange) -> Result<(), Fault> {
    let offsets = boots::offsets(transaction)?;
    let mut statement =
        transaction.prepare_cached("SELECT id, boot, boot_us FROM terms_note ORDER BY id")?;
    let mut rows = statement.query([])?;
    let (mut last, mut last_us) = (None, i64::MIN);
    while let Some(row) = rows.next()? {
        let (id, boot, boot_us): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let date_us =
            offsets.get(&boot).map(|offset| offset.us.saturating_add(boot_us).max(last_us));
        last_us = date_us.unwrap_or(last_us);
        last = date_us.map(|date_us| (id, date_us));
    }
    if let Some((id, date_us)) = last
        && !terms::has_final_after(transaction, date_us)?
    {
        terms::apply(transaction, change, Dated::ByNote(id), date_us)?;
    }
    Ok(())
}

/// Dates again all changes that are not dated for good.
pub(super) fn lay_anew(transaction: &Transaction<'_>) -> Result<(), Fault> {
    let notes = notes(transaction)?;
    if notes.is_empty() {
        return Ok(());
    }
    terms::take_out(transaction)?;
    for Note { id, date_us, change, .. } in notes {
        // Terms that a clock ahead has dated for good are taken back only by a change for good.
        if let Some(date_us) = date_us
            && !terms::has_final_after(transaction, date_us)?
        {
            terms::apply(transaction, &change, Dated::ByNote(id), date_us)?;
        }
    }
    Ok(())
}

/// Makes the dates of all dated changes final. Returns the number of circuits with new terms by
/// boot.
pub(super) fn make_final(transaction: &Transaction<'_>) -> Result<BTreeMap<i64, u64>, Fault> {
    let mut changed: BTreeMap<i64, u64> = BTreeMap::new();
    let notes = notes(transaction)?;
    if notes.is_empty() {
        return Ok(changed);
    }
    terms::take_out(transaction)?;
    for Note { id, boot, date_us, change } in notes {
        let Some(date_us) = date_us else { continue };
        *changed.entry(boot).or_default() += u64::try_from(change.terms.len()).unwrap_or(0);
        terms::apply(transaction, &change, Dated::ForGood, date_us)?;
        transaction.prepare_cached("DELETE FROM terms_note WHERE id = ?")?.execute([id])?;
    }
    Ok(changed)
}

/// The number of circuits with new terms that have no date at all.
pub(super) fn undated(connection: &Connection) -> Result<u64, Fault> {
    let undated = notes(connection)?.into_iter().filter(|note| note.date_us.is_none());
    let circuits: BTreeSet<String> =
        undated.flat_map(|note| note.change.terms).map(|terms| terms.circuit).collect();
    Ok(u64::try_from(circuits.len()).unwrap_or(u64::MAX))
}

struct Note {
    id: i64,
    boot: i64,
    /// Its date, which is not before that of an earlier change.
    date_us: Option<i64>,
    change: TermsChange,
}

fn notes(connection: &Connection) -> Result<Vec<Note>, Fault> {
    let any = "SELECT 1 FROM terms_note LIMIT 1";
    if connection.prepare_cached(any)?.query_row([], |_| Ok(())).optional()?.is_none() {
        return Ok(Vec::new());
    }
    let offsets = boots::offsets(connection)?;
    let mut statement = connection
        .prepare_cached("SELECT id, boot, boot_us, change FROM terms_note ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut notes = Vec::new();
    let mut last_us = i64::MIN;
    while let Some(row) = rows.next()? {
        let (boot, boot_us, text): (i64, i64, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let change = serde_json::from_str(&text)
            .map_err(|error| Fault::Refused(format!("a change of terms can't be read: {error}")))?;
        let date_us =
            offsets.get(&boot).map(|offset| offset.us.saturating_add(boot_us).max(last_us));
        last_us = date_us.unwrap_or(last_us);
        notes.push(Note { id: row.get(0)?, boot, date_us, change });
    }
    Ok(notes)
}
