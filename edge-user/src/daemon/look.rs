//! The view of a command that only looks: the ledger, and the meters' later counts, in a private copy.
//! Nothing is written, and nothing is held that a daemon needs to start or to end.

mod missing;
mod month_availability;
mod month_bill;
mod month_explanation;
mod see;
mod terms_revisions;
mod view;
mod warnings;

use std::path::Path;

use edge_api::{Booked, Client, is_answered};
use jiff::Timestamp;

pub use self::{
    missing::Missing,
    month_availability::month_availability,
    month_bill::{MonthBill, month_bill},
    month_explanation::month_explanation,
    view::{LookedAt, View},
    warnings::Warnings,
};
use self::{
    missing::not_seen,
    see::{is_same_place, see},
};
use crate::{
    billing::ledger::{Ledger, LedgerError, OpenEpoch},
    daemon::error::Result,
    time,
};

/// Looks at the ledger in `state_dir`, which is that of `here` where it is given. Where meters can't be
/// seen from here, the daemon at `socket` is asked to book them.
pub fn look(state_dir: &Path, here: Option<&LookedAt>, socket: &Path) -> Result<View> {
    let asked = time::wall();
    let view = see(state_dir, here)?;
    if view.missing.is_empty() || !is_answered(socket) {
        return Ok(view);
    }
    let refused = match Client::new(socket).book() {
        Ok(Booked { state_dir: theirs, .. }) if !is_same_place(&theirs, state_dir) => {
            return Ok(view);
        }
        Ok(Booked { error: None, .. }) => {
            let mut view = see(state_dir, here)?;
            view.missing.retain(|missing| missing.since < asked);
            return Ok(view);
        }
        Ok(Booked { error: Some(error), .. }) => error,
        Err(error) => error.to_string(),
    };
    let mut view = view;
    view.notes.push(format!("the daemon at {} can't book it: {refused}", socket.display()));
    Ok(view)
}

/// Today: the date that the ledger believes or, where it believes none, the clock's.
///
/// # Errors
///
/// The ledger or the clocks can't be read.
pub fn today(ledger: &Ledger) -> Result<Timestamp> {
    let now = time::now()?;
    Ok(ledger.date(&now)?.unwrap_or(now.wall))
}

/// A data plane that the ledger knows, and that can't be seen from here any more.
///
/// # Errors
///
/// Where the ledger can't be looked at.
pub fn unseen(state_dir: &Path, pin_dir: &Path) -> Result<Option<Missing>> {
    let open = match Ledger::look(state_dir) {
        Err(LedgerError::NotFound { .. }) => return Ok(None),
        copy => copy?.ledger.open_epochs()?,
    };
    let boot = time::boot_id()?;
    let of_here = |open: &&OpenEpoch| open.boot_id == boot && open.pin_dir == pin_dir;
    Ok(open.iter().rfind(of_here).map(|open| not_seen(open, None)))
}
