//! What starts, takeovers and detaches that were killed have left.

use anyhow::{Result, ensure};
use edge_common::books::{CLOSED, OPEN};

use super::close::{Unbooked, close};
use crate::{
    config::Config,
    dataplane::{
        Pins,
        books::{Books, all_books, page_state},
    },
};

/// Prepares the place for our tables; whether they have to be made.
pub(super) fn clear_the_way(pins: &Pins) -> Result<bool> {
    remove_leftovers(pins)?;
    let are_dead = are_dead(pins)?;
    if pins.has_tables()? && !are_dead {
        return Ok(false);
    }
    // What a start or a detach that was killed has left is no data plane; but somebody may have
    // removed a pin by hand.
    ensure!(
        are_dead || page_state(pins)? != Some(OPEN),
        "pins are missing in {}, and those that are left have counters: `edge detach` books and \
         removes them",
        pins.directory().display(),
    );
    pins.clear()?;
    Ok(true)
}

/// Removes what a start that failed has pinned so far, after booking what passed meanwhile.
pub(super) fn undo(config: &Config, pins: &Pins) {
    if let Err(error) = close(config, pins, Unbooked::Keep) {
        tracing::error!("removing what was pinned so far: {error:#}");
        if let Err(error) = pins.remove_links() {
            tracing::error!("removing what was attached so far: {error:#}");
        }
    }
}

/// Removes what other versions have left and nobody needs: tables that are booked.
fn remove_leftovers(pins: &Pins) -> Result<()> {
    for other in pins.others()? {
        let directory = other.directory().display();
        match page_state(&other)? {
            Some(OPEN) => {}
            Some(CLOSED) => drop(other.remove()?),
            // Killed before anything was attached to them.
            Some(0) if other.links()?.is_empty() => drop(other.remove()?),
            _ => tracing::warn!(
                "{directory} has pins of a version whose books can't be read here; `edge detach` of \
                 that version removes them"
            ),
        }
    }
    Ok(())
}

/// Whether the tables under `pins` are booked for good, and not yet removed.
fn are_dead(pins: &Pins) -> Result<bool> {
    if page_state(pins)? == Some(CLOSED) {
        return Ok(true);
    }
    if !pins.has_tables()? {
        return Ok(false);
    }
    let Some(ours) = Books::open(pins)? else { return Ok(false) };
    let all = all_books(pins.root())?.books;
    let others = all.iter().filter(|(other, _)| other != pins);
    Ok(others.map(|(_, books)| books.carried_from()).any(|from| from.contains(&ours.epoch().id)))
}
