//! The remains of earlier daemons, some of which were killed during a start, a takeover, a reload
//! or a detach: a start goes on with them or removes them.

use std::path::Path;

use edge_common::abi::{
    self,
    books::{CLOSED, OPEN},
};

use super::install::Set;
use crate::{
    daemon::error::{DaemonError, Result},
    kernel::{
        KernelTables, LinkPlace, Pins, PortLink,
        host::device::{Devices, netns_cookie},
        read::{
            books::{Books, all_books},
            books_page::{netns_cookie_of, page_state},
        },
    },
    report::Told,
};

/// The newest set of tables under `pin_dir` that this version can go on with; `None`: there is
/// none. Sets without use are removed first.
pub(super) fn newest_set(pin_dir: &Path) -> Result<Option<Set>> {
    remove_leftovers(pin_dir)?;
    let all = Pins::all(pin_dir)?;
    for pins in all.into_iter().rev().filter(|pins| pins.version() == abi::VERSION) {
        if page_state(&pins)? != Some(OPEN) || is_dead(&pins)? {
            continue;
        }
        if pins.has_tables()? {
            match KernelTables::from_pins(&pins) {
                Ok(tables) => return Ok(Some(Set { pins, tables })),
                Err(error) => tracing::error!("{error:#}"),
            }
        }
        tracing::error!(
            "somebody has changed the pins in {}: going on with new tables; what these counted \
             since the last booking may be lost",
            pins.directory().display(),
        );
    }
    Ok(None)
}

/// Refuses to go on with a data plane that is attached in another network namespace, as its
/// interfaces are not those of this one, whatever their names.
pub(super) fn ensure_our_namespace(pin_dir: &Path, devices: &Devices) -> Result<()> {
    let ours = netns_cookie()?;
    for link in PortLink::all(&Pins::new(pin_dir), devices)? {
        let is_known_as_ours = netns_cookie_of(&link.pins)? == Some(ours);
        if link.place == LinkPlace::Elsewhere && !is_known_as_ours {
            return Err(DaemonError::Taken(Told::new(format!(
                "the data plane in {} belongs to another network namespace, where its programs \
                 are attached, and nothing was changed; start the daemon there (`nsenter --net`), \
                 or give this one a `pin_dir` and a `state_dir` of its own",
                pin_dir.display(),
            ))));
        }
    }
    Ok(())
}

/// Whether somebody has removed pins of a set, so that its counters can't be read, while no
/// attached program counts in it any more.
pub(super) fn is_broken(pins: &Pins) -> Result<bool> {
    let is_ours = pins.version() == abi::VERSION;
    Ok(is_ours && pins.links()?.is_empty() && !pins.has_tables()?)
}

/// Removes tables without use: those that are booked, and those that no program ever used.
fn remove_leftovers(pin_dir: &Path) -> Result<()> {
    for pins in Pins::all(pin_dir)? {
        let state = page_state(&pins)?;
        let is_unused = pins.links()?.is_empty();
        match state {
            Some(OPEN) => {}
            Some(CLOSED) => drop(pins.remove()?),
            // The daemon was killed while it made them, or before it attached a program.
            Some(0) | None if is_unused => drop(pins.remove()?),
            _ if pins.version() == abi::VERSION => {}
            _ => tracing::warn!(
                "{} has tables of a version whose books this version can't read: they stay until \
                 none of its programs is attached any more",
                pins.directory().display()
            ),
        }
    }
    Ok(())
}

/// Whether the counts of the tables under `pins` were added to others, and only the removal is
/// left.
fn is_dead(pins: &Pins) -> Result<bool> {
    let Ok(Some(ours)) = Books::open(pins) else { return Ok(false) };
    let all = all_books(pins.root())?.books;
    let others = all.iter().filter(|(other, _)| other != pins);
    Ok(others.map(|(_, books)| books.carried_from()).any(|from| from.contains(&ours.epoch().id)))
}
