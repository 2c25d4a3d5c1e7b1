//! Changes of the states of routed links: writing them, and the states that are the last ones.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, Transaction, params};
use uuid::Uuid;

use super::{
    Ledger, LedgerError,
    boots::{self, Boot},
    column,
    error::Fault,
    open, settle,
};
use crate::{
    model::{Link, LinkReason, LinkState, PeeringKind, PeeringLinkName},
    time::Moment,
};

/// A moment by the clock since a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootTime {
    /// The kernel's boot.
    pub boot_id: Uuid,
    /// Microseconds since it.
    pub boot_us: i64,
}

/// The beginning of a link's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeeringLinkChange {
    /// The link.
    pub name: PeeringLinkName,
    /// The moment of the change. It takes the place of what was noted before of the time after it.
    pub at: BootTime,
    /// The state.
    pub state: LinkState,
    /// Its reason.
    pub reason: LinkReason,
}

/// Changes to be noted, and the time up to which all states are known with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkNote {
    /// The clocks now.
    pub now: Moment,
    /// The time since this boot up to which states are known, in microseconds.
    pub known_us: i64,
    /// The time that the note before has told; `None`: there was none. A ledger that has another one is
    /// another file, or an old copy.
    pub after: Option<BootTime>,
    /// The changes, in order.
    pub changes: Vec<PeeringLinkChange>,
}

/// A link that the configuration had at the last note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenPeeringLink {
    /// The link.
    pub name: PeeringLinkName,
    /// Its last state.
    pub state: LinkState,
    /// The reason.
    pub reason: LinkReason,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenPeeringLinks {
    /// The time up to which their states are known; `None`: nobody has looked yet.
    pub known: Option<BootTime>,
    /// The links.
    pub links: Vec<OpenPeeringLink>,
}

impl Ledger {
    /// Notes changes of links, all of them or none. `false`: this ledger does not have the note before, and nothing
    /// was noted.
    pub fn note_links(&mut self, note: &LinkNote) -> Result<bool, LedgerError> {
        write(&mut self.connection, note).map_err(|fault| fault.at(&self.path))
    }

    /// The links of the last note.
    pub fn open_links(&self) -> Result<OpenPeeringLinks, LedgerError> {
        open_links(&self.connection).map_err(|fault| fault.at(&self.path))
    }
}

fn write(connection: &mut Connection, note: &LinkNote) -> Result<bool, Fault> {
    let transaction = connection.transaction()?;
    if known(&transaction)? != note.after {
        return Ok(false);
    }
    let Boot { id: boot, .. } = settle::observe(&transaction, &note.now)?;
    let mut oldest_us = None;
    for change in &note.changes {
        let found = if change.at.boot_id == note.now.boot_id {
            Some(boot)
        } else {
            boots::find(&transaction, change.at.boot_id)?.map(|boot| boot.id)
        };
        // The end of an earlier boot, which this ledger may have never seen.
        let Some(boot) = found else { continue };
        insert(&transaction, change, boot)?;
        let date_us = boots::offsets(&transaction)?
            .get(&boot)
            .map(|offset| offset.us.saturating_add(change.at.boot_us));
        oldest_us = [oldest_us, date_us].into_iter().flatten().min();
    }
    boots::note_oldest(&transaction, oldest_us.map(|us: i64| us.div_euclid(1_000_000)))?;
    transaction
        .prepare_cached("UPDATE link_watch SET boot = ?, known_us = ?")?
        .execute([boot, note.known_us])?;
    transaction.commit()?;
    Ok(true)
}

fn insert(
    transaction: &Transaction<'_>,
    change: &PeeringLinkChange,
    boot: i64,
) -> Result<(), Fault> {
    let PeeringLinkName { edge, circuit, peering, link } = &change.name;
    let names = params![edge, circuit, peering.as_str(), link.as_str()];
    transaction
        .prepare_cached(
            "INSERT INTO peering_link (edge, circuit, peering, link) VALUES (?, ?, ?, ?) \
             ON CONFLICT DO NOTHING",
        )?
        .execute(names)?;
    let id: i64 = transaction
        .prepare_cached(
            "SELECT id FROM peering_link \
             WHERE edge = ? AND circuit = ? AND peering = ? AND link = ?",
        )?
        .query_row(names, |row| row.get(0))?;
    transaction
        .prepare_cached(
            "INSERT INTO link_change (peering_link, boot, boot_us, state, reason) \
             VALUES (?, ?, ?, ?, ?)",
        )?
        .execute(params![
            id,
            boot,
            change.at.boot_us,
            change.state.as_str(),
            change.reason.as_str(),
        ])?;
    Ok(())
}

fn open_links(connection: &Connection) -> Result<OpenPeeringLinks, Fault> {
    let transaction = open::read(connection)?;
    let names = names(&transaction)?;
    let mut statement = transaction.prepare_cached(
        "SELECT peering_link, state, reason FROM link_change \
         WHERE id IN (SELECT max(id) FROM link_change GROUP BY peering_link)",
    )?;
    let last = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, state(row, 1)?)))?;
    let last = last.collect::<Result<Vec<_>, _>>()?.into_iter();
    let links = last.filter_map(|(id, (state, reason))| {
        let name = names.get(&id)?.clone();
        (state != LinkState::Absent).then_some(OpenPeeringLink { name, state, reason })
    });
    Ok(OpenPeeringLinks { links: links.collect(), known: known(&transaction)? })
}

/// The time up to which states are known.
pub(super) fn known(connection: &Connection) -> Result<Option<BootTime>, Fault> {
    let sql = "SELECT boot.uuid, known_us FROM link_watch LEFT JOIN boot ON boot.id = boot";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([], |row| {
        let Some(boot_us) = row.get::<_, Option<i64>>(1)? else { return Ok(None) };
        Ok(Some(BootTime { boot_id: column::uuid(row, 0)?, boot_us }))
    })?)
}

/// The names of all links, by their numbers.
pub(super) fn names(connection: &Connection) -> Result<BTreeMap<i64, PeeringLinkName>, Fault> {
    let sql = "SELECT id, edge, circuit, peering, link FROM peering_link";
    let mut statement = connection.prepare_cached(sql)?;
    let names = statement.query_map([], |row| {
        let name = PeeringLinkName {
            edge: row.get(1)?,
            circuit: row.get(2)?,
            peering: column::choice(row, 3, PeeringKind::ALL, PeeringKind::as_str)?,
            link: column::choice(row, 4, Link::ALL, Link::as_str)?,
        };
        Ok((row.get(0)?, name))
    })?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// A state and its reason, in columns that follow each other.
pub(super) fn state(row: &Row<'_>, index: usize) -> rusqlite::Result<(LinkState, LinkReason)> {
    let state = column::choice(row, index, LinkState::ALL, LinkState::as_str)?;
    Ok((state, column::choice(row, index + 1, LinkReason::ALL, LinkReason::as_str)?))
}
