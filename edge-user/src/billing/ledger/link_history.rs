//! The states of routed links as they followed each other, with dates.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::{
    Ledger, LedgerError,
    boots::{self, Offset},
    column,
    error::Fault,
    link_changes::{known, names, state},
    open,
};
use crate::model::{LinkReason, LinkState, PeeringLinkName};

/// All states that the ledger has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkHistories {
    /// Each link's, in the order of their names.
    pub links: Vec<LinkHistory>,
    /// The time up to which they are known; `None`: nobody has looked yet, or that has no date.
    pub known_until: Option<Timestamp>,
    /// End of the time that was deleted by age; `None`: all is kept.
    pub expired_until: Option<Timestamp>,
}

/// The states of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkHistory {
    /// The link.
    pub name: PeeringLinkName,
    /// The beginnings of its states, each later than the one before. Before the first, there was no such link.
    pub spans: Vec<LinkSpan>,
}

/// The beginning of a link's state, which holds until the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkSpan {
    /// The beginning.
    pub from: Timestamp,
    /// The state.
    pub state: LinkState,
    /// Its reason.
    pub reason: LinkReason,
}

impl Ledger {
    /// The states of all links.
    pub fn link_histories(&self) -> Result<LinkHistories, LedgerError> {
        histories(&self.connection).map_err(|fault| fault.at(&self.path))
    }
}

fn histories(connection: &Connection) -> Result<LinkHistories, Fault> {
    let transaction = open::read(connection)?;
    let offsets = boots::offsets(&transaction)?;
    let mut by_link: BTreeMap<PeeringLinkName, Vec<LinkSpan>> = BTreeMap::new();
    for (id, name) in names(&transaction)? {
        let mut spans: Vec<LinkSpan> = Vec::new();
        for change in changes(&transaction, id, &offsets)? {
            // A state without a date is that of a boot whose clock was never believed.
            let Some(from_us) = change.date_us else { continue };
            let from = column::from_micros(from_us);
            spans.retain(|span| span.from < from);
            let (state, reason) = change.state;
            if spans.last().is_none_or(|last| (last.state, last.reason) != (state, reason)) {
                spans.push(LinkSpan { from, state, reason });
            }
        }
        by_link.insert(name, spans);
    }
    let expired = transaction
        .query_row("SELECT expired_us FROM link_watch", [], |row| row.get::<_, Option<i64>>(0))?;
    let links = by_link.into_iter().map(|(name, spans)| LinkHistory { name, spans });
    Ok(LinkHistories {
        links: links.collect(),
        known_until: known_until_us(&transaction, &offsets)?.map(column::from_micros),
        expired_until: expired.map(column::from_micros),
    })
}

fn known_until_us(
    connection: &Connection,
    offsets: &BTreeMap<i64, Offset>,
) -> Result<Option<i64>, Fault> {
    let Some(known) = known(connection)? else { return Ok(None) };
    let boot = boots::find(connection, known.boot_id)?;
    let offset = boot.and_then(|boot| offsets.get(&boot.id));
    Ok(offset.map(|offset| offset.us.saturating_add(known.boot_us)))
}

/// A row, with the date that its boot has now.
struct DatedChange {
    id: i64,
    date_us: Option<i64>,
    state: (LinkState, LinkReason),
}

fn changes(
    connection: &Connection,
    link: i64,
    offsets: &BTreeMap<i64, Offset>,
) -> Result<Vec<DatedChange>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, boot, boot_us, state, reason FROM link_change \
         WHERE peering_link = ? ORDER BY id",
    )?;
    let changes = statement.query_map([link], |row| {
        let (boot, boot_us): (i64, i64) = (row.get(1)?, row.get(2)?);
        let date_us = offsets.get(&boot).map(|offset| offset.us.saturating_add(boot_us));
        Ok(DatedChange { id: row.get(0)?, date_us, state: state(row, 3)? })
    })?;
    Ok(changes.collect::<Result<_, _>>()?)
}

/// Deletes the states that were over before a moment. A link that was gone by then is forgotten.
pub(super) fn expire(transaction: &Transaction<'_>, until_us: i64) -> Result<(), Fault> {
    let offsets = boots::offsets(transaction)?;
    let mut deleted_until_us = None;
    let mut delete = transaction.prepare_cached("DELETE FROM link_change WHERE id = ?")?;
    for (link, _) in names(transaction)? {
        let changes = changes(transaction, link, &offsets)?;
        let ends = changes.iter().skip(1).map(|next| next.date_us);
        let is_over = |end: Option<i64>| end.is_some_and(|end_us| end_us <= until_us);
        let over = ends.take_while(|end| is_over(*end)).count();
        for (change, next) in changes.iter().zip(changes.iter().skip(1)).take(over) {
            delete.execute([change.id])?;
            deleted_until_us = deleted_until_us.max(next.date_us);
        }
        let left = &changes[over.min(changes.len())..];
        if let [last] = left
            && last.state.0 == LinkState::Absent
            && is_over(last.date_us)
        {
            delete.execute([last.id])?;
            transaction.prepare_cached("DELETE FROM peering_link WHERE id = ?")?.execute([link])?;
        }
    }
    if let Some(until_us) = deleted_until_us {
        transaction
            .prepare_cached("UPDATE link_watch SET expired_us = max(ifnull(expired_us, ?1), ?1)")?
            .execute([until_us])?;
    }
    Ok(())
}
