//! Numbers of owners, series and meters in the database.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, params};

use super::types::Owner;
use crate::model::{Direction, Link};

/// A cache of numbers, which saves a look into the database for each reading. A number never
/// changes, but a number from a failed transaction is void.
#[derive(Debug, Default)]
pub(super) struct KnownNumbers {
    owners: HashMap<Owner, OwnerId>,
    series: HashMap<i64, HashMap<String, i64>>,
    /// By circuit, and then by edge and direction.
    meters: HashMap<String, Vec<(String, Direction, i64)>>,
    /// By meter, link and reason, and then by class.
    outcomes: HashMap<OutcomeKey, Vec<(String, i64)>>,
}

/// Meter, link and reason.
type OutcomeKey = (i64, Link, &'static str);

/// Link, reason and class of an outcome.
pub(super) type OutcomePlace<'a> = (Link, &'static str, &'a str);

/// An owner's number, and that of the meter that its samples are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnerId {
    pub(super) owner: i64,
    pub(super) meter: i64,
}

impl KnownNumbers {
    /// Forgets numbers that a failed transaction may have given.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn owner(
        &mut self,
        connection: &Connection,
        owner: &Owner,
    ) -> rusqlite::Result<OwnerId> {
        if let Some(id) = self.owners.get(owner) {
            return Ok(*id);
        }
        let meter = meter(connection, &owner.edge, &owner.circuit, owner.direction)?;
        let id = OwnerId { owner: owner_of(connection, meter, owner)?, meter };
        self.owners.insert(owner.clone(), id);
        Ok(id)
    }

    /// The meter that a circuit's samples in a direction are of.
    pub(super) fn meter(
        &mut self,
        connection: &Connection,
        edge: &str,
        circuit: &str,
        direction: Direction,
    ) -> rusqlite::Result<i64> {
        let known = self.meters.get(circuit).into_iter().flatten();
        let mut known = known.filter(|(of, way, _)| of == edge && *way == direction);
        if let Some((_, _, id)) = known.next() {
            return Ok(*id);
        }
        let id = meter(connection, edge, circuit, direction)?;
        let of_circuit = self.meters.entry(circuit.to_owned()).or_default();
        of_circuit.push((edge.to_owned(), direction, id));
        Ok(id)
    }

    pub(super) fn outcome(
        &mut self,
        connection: &Connection,
        meter: i64,
        (link, reason, class): OutcomePlace<'_>,
    ) -> rusqlite::Result<i64> {
        let known = self.outcomes.entry((meter, link, reason)).or_default();
        if let Some((_, id)) = known.iter().find(|(name, _)| name == class) {
            return Ok(*id);
        }
        let values = params![meter, link.as_str(), reason, class];
        let find = "SELECT id FROM outcome \
                    WHERE meter = ? AND link = ? AND reason = ? AND class = ?";
        let id = match id(connection.prepare_cached(find)?, values)? {
            Some(id) => id,
            None => connection
                .prepare_cached(
                    "INSERT INTO outcome (meter, link, reason, class) VALUES (?, ?, ?, ?)",
                )?
                .insert(values)?,
        };
        known.push((class.to_owned(), id));
        Ok(id)
    }

    pub(super) fn series(
        &mut self,
        connection: &Connection,
        owner: i64,
        class: &str,
    ) -> rusqlite::Result<i64> {
        let known = self.series.entry(owner).or_default();
        if let Some(id) = known.get(class) {
            return Ok(*id);
        }
        let find = connection.prepare_cached("SELECT id FROM series WHERE owner = ? AND class = ?");
        let found = id(find?, params![owner, class])?;
        let id = match found {
            Some(id) => id,
            None => connection
                .prepare_cached("INSERT INTO series (owner, class) VALUES (?, ?)")?
                .insert(params![owner, class])?,
        };
        known.insert(class.to_owned(), id);
        Ok(id)
    }
}

fn meter(
    connection: &Connection,
    edge: &str,
    circuit: &str,
    direction: Direction,
) -> rusqlite::Result<i64> {
    let values = params![edge, circuit, direction.as_str()];
    let find = "SELECT id FROM meter WHERE edge = ? AND circuit = ? AND direction = ?";
    if let Some(id) = id(connection.prepare_cached(find)?, values)? {
        return Ok(id);
    }
    let insert = "INSERT INTO meter (edge, circuit, direction) VALUES (?, ?, ?)";
    connection.prepare_cached(insert)?.insert(values)
}

fn owner_of(connection: &Connection, meter: i64, owner: &Owner) -> rusqlite::Result<i64> {
    let values = params![
        meter,
        owner.service_key,
        owner.peering.as_str(),
        owner.link.as_str(),
        owner.billing.as_str(),
        owner.accounting.as_str(),
    ];
    let find = "SELECT id FROM owner WHERE meter = ? AND service_key IS ? AND peering = ? \
                AND link = ? AND billing = ? AND accounting = ?";
    if let Some(id) = id(connection.prepare_cached(find)?, values)? {
        return Ok(id);
    }
    let insert = "INSERT INTO owner (meter, service_key, peering, link, billing, accounting) \
                  VALUES (?, ?, ?, ?, ?, ?)";
    connection.prepare_cached(insert)?.insert(values)
}

fn id(
    mut find: CachedStatement<'_>,
    values: &[&dyn rusqlite::ToSql],
) -> rusqlite::Result<Option<i64>> {
    find.query_row(values, |row| row.get(0)).optional()
}
