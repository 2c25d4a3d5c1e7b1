//! The ledger can't be written while tables grow: no table goes that is not booked.

use std::path::Path;

use anyhow::{Result, ensure};
use edge_tests::{
    daemon::{Daemon, configure, reload},
    ends::lab,
    faults::disk::{Disk, STATE_DIR},
    load::{check_all, under_load},
};
use edge_user::{lab::root_or_skip, ledger::Ledger};

use super::{
    config::{only_set, sets, with_others},
    watch::watching,
};

/// More sets than a page can name.
const ROUNDS: usize = 10;

#[test]
fn tables_that_cant_be_booked_stay_until_they_are() -> Result<()> {
    if !root_or_skip("tables_that_cant_be_booked_stay_until_they_are") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut disk = Disk::new()?;
    let daemon = Daemon::start(&lab, &config(0))?;
    let (sent, daemon) = under_load(&lab, || {
        let mut daemon = daemon;
        disk.fill()?;
        watching(|| {
            for round in 1..ROUNDS {
                configure(&config(round))?;
                reload()?;
                ensure!(sets()?.len() == round + 1, "{:?} in round {round}", sets()?);
            }
            Ok(())
        })?;
        daemon.kill()?;
        daemon = Daemon::start(&lab, &config(ROUNDS))?;
        ensure!(sets()?.len() == ROUNDS + 1, "{:?}", sets()?);
        watching(|| {
            disk.repair()?;
            only_set(&daemon).map(drop)
        })?;
        Ok(daemon)
    })?;
    check_all(&lab, sent, daemon)
}

/// A reload that needs the place of a circuit that is gone, and can't book it, makes other tables.
#[test]
fn places_that_cant_be_booked_are_nobodys_to_take() -> Result<()> {
    if !root_or_skip("places_that_cant_be_booked_are_nobodys_to_take") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut disk = Disk::new()?;
    let daemon = Daemon::start(&lab, &with_others(0, 1))?;
    let first = only_set(&daemon)?;
    let (sent, daemon) = under_load(&lab, || {
        let round = |round: char| -> Result<()> {
            configure(&with_others(240, 20).replace("\"c00", &format!("\"{round}00")))?;
            reload()
        };
        watching(|| {
            round('d')?;
            round('e')?;
            ensure!(only_set(&daemon)? == first);
            disk.fill()?;
            round('f')?;
            ensure!(sets()?.len() == 2, "{:?}", sets()?);
            disk.repair()?;
            ensure!(only_set(&daemon)? != first);
            Ok(())
        })?;
        Ok(daemon)
    })?;
    let gaps = Ledger::open_read_only(Path::new(STATE_DIR))?.gaps()?;
    ensure!(gaps.is_empty(), "{gaps:?}");
    check_all(&lab, sent, daemon)
}

/// Each does otherwise with what is unmatched than the one before.
fn config(round: usize) -> String {
    let config = with_others(0, 1);
    if round.is_multiple_of(2) {
        config
    } else {
        config.replacen("[edge]\n", "[edge]\nunmatched = \"pass\"\n", 1)
    }
}
