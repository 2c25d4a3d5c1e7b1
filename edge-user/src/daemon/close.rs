//! Closing the books: the last of the meters goes into the ledger before the tables go.

use std::path::{Path, PathBuf};

use super::{
    booking::{OpenLedger, Present},
    router::tear_down,
};
use crate::{
    billing::ledger::Policy,
    config::Config,
    daemon::error::{Context as _, DaemonError, Result},
    kernel::{
        Pins,
        error::KernelError,
        quiesce,
        read::books::{AllBooks, Books, all_books},
    },
};

/// The fate of counters that can't be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unbooked {
    /// Nothing is detached, which is an error, and the counters stay.
    Keep,
    /// They are lost.
    Discard,
}

/// The data plane that was closed, and the fees that go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// Whether there was anything to detach.
    pub was_any: bool,
    /// Circuits whose fees go on: a customer pays for a circuit until its terms end.
    pub sold: Vec<String>,
    state_dir: PathBuf,
}

impl Closed {
    /// Warns of fees that go on, with the command that ends them.
    pub fn tell_of_fees(&self) {
        let state_dir = self.state_dir.display();
        let sold = match self.sold.as_slice() {
            [] => return,
            [one] => format!("circuit {one:?} is sold as before, and its fees go on"),
            all => format!("{} circuits are sold as before, and their fees go on", all.len()),
        };
        tracing::warn!("{sold}; `edge ledger end-terms --all --state-dir {state_dir}` ends them");
    }
}

/// Detaches the data plane under `pins`, which no other process may use meanwhile: frames stop, the
/// last counts are booked, and tables and pins of all versions are removed.
///
/// Where the ledger can't be written, nothing is detached.
pub fn close(config: &Config, pins: &Pins, unbooked: Unbooked) -> Result<Closed> {
    let state_dir = &config.edge.state_dir;
    let AllBooks { books: all, unreadable } = match all_books(pins.root()) {
        Err(error) if unbooked == Unbooked::Discard => {
            AllBooks { books: Vec::new(), unreadable: vec![error] }
        }
        all => all?,
    };
    let policy = config.ledger.policy();
    let mut ledger = match open_and_book(state_dir, &all, unreadable, &policy) {
        Ok(ledger) => Some(ledger),
        Err(error) if unbooked == Unbooked::Discard => {
            lost(&error);
            // The readable counters are booked nonetheless, below.
            OpenLedger::open(state_dir, &all, Present::All).ok()
        }
        // No program has ever counted here.
        Err(_) if all.is_empty() && !pins.are_there()? => None,
        Err(error) => {
            return Err(error).with_context(|| {
                format!(
                    "nothing was detached, as the counters can't be booked in {}; repair that, or \
                     lose them with `edge detach --discard`",
                    state_dir.display()
                )
            });
        }
    };

    pins.remove_links()?;
    for other in pins.others()? {
        other.remove_links()?;
    }
    // A device may still refuse frames that are under way: they count as refused.
    quiesce();
    if let Some(ledger) = &mut ledger
        && let Err(error) = ledger.book(&all, &policy, |_| Ok(true))
    {
        if unbooked == Unbooked::Keep {
            return Err(error).context(
                "the programs are detached, but their last counts are not booked; give `edge \
                 detach` again, which books them",
            );
        }
        lost(&error);
    }
    for (_, books) in &all {
        books.close();
    }
    // Without a program, no frame goes that way any more.
    let router = tear_down(config);
    let mut was_any = pins.remove()?;
    for other in pins.others()? {
        was_any |= other.remove()?;
    }
    was_any |= router.context(
        "the data plane is detached, but some of the router is left; give `edge detach` again, which \
         removes it",
    )?;
    let sold = ledger.and_then(|open| open.ledger.open_terms().ok()).unwrap_or_default();
    let sold = sold.into_iter().map(|span| span.terms.circuit).collect();
    Ok(Closed { was_any, sold, state_dir: state_dir.clone() })
}

fn open_and_book(
    state_dir: &Path,
    all: &[(Pins, Books)],
    unreadable: Vec<KernelError>,
    policy: &Policy,
) -> Result<OpenLedger> {
    let present = if unreadable.is_empty() { Present::All } else { Present::NotAll };
    let mut ledger = OpenLedger::open(state_dir, all, present)?;
    ledger.book(all, policy, |_| Ok(false))?;
    unreadable.into_iter().next().map_or(Ok(ledger), |error| Err(error.into()))
}

fn lost(error: &DaemonError) {
    tracing::warn!("what was counted since the last booking is lost: {error:#}");
}
