//! Books what is counted while no daemon runs.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::booking::{OpenLedger, Present};
use crate::{
    config::LedgerConfig,
    dataplane::{Pins, books::all_books},
    ledger::{Ledger, LedgerError},
};

/// Has the ledger in `state_dir` know all that the tables have counted that it knows of, where no
/// daemon keeps their books. This takes the privilege to read them.
pub fn catch_up(state_dir: &Path, config: &LedgerConfig) -> Result<()> {
    let unfinished = match Ledger::open_read_only(state_dir) {
        Err(LedgerError::NotFound { .. }) => return Ok(()),
        ledger => ledger?.unfinished()?,
    };
    for (pin_dir, last_read) in unfinished {
        book(state_dir, &pin_dir, config).with_context(|| {
            format!(
                "what was counted in {} since {last_read:.0} is not in the ledger",
                pin_dir.display()
            )
        })?;
    }
    Ok(())
}

fn book(state_dir: &Path, pin_dir: &Path, config: &LedgerConfig) -> Result<()> {
    if !Pins::new(pin_dir).are_there()? {
        return Ok(());
    }
    // Without a hold on the pins, which would be in a starter's way: what is booked here of tables
    // that somebody else books, too, is booked once, and nothing is said of tables that he makes.
    let all = all_books(pin_dir)?.books;
    let mut ledger = OpenLedger::open(state_dir, &all, Present::NotAll)?;
    ledger.book(&all, &config.policy(), |_| Ok(false))
}
