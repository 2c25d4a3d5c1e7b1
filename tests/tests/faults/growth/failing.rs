//! The ledger can't be written while tables grow: no table goes that is not booked.

use std::{
    fs::{self, DirEntry},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use aya::maps::{Array, Map, MapData};
use edge_common::abi::books::{BooksPage, CLOSED, OPEN};
use edge_tests::{
    daemon::{Daemon, book, configure, reload},
    ends::lab,
    faults::disk::{Disk, STATE_DIR},
    load::{check_all, under_load},
};
use edge_user::{
    billing::ledger::Ledger,
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
};

use super::{
    config::{PIN_DIR, only_set, sets, with_named, with_others, with_unmatched},
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

/// Each of several tables has other classes: their counters are shown on, though circuits that are
/// gone had counters, too.
#[test]
fn counters_of_several_tables_are_shown_on() -> Result<()> {
    let (test, round) = ("counters_of_several_tables_are_shown_on", |round| with_class(round, 0));
    classes_that_change(test, &with_class(0, 700), round, &with_class(3, 0))
}

/// Circuits that come before the tables are booked don't get the slots that their counters need.
#[test]
fn slots_of_counters_to_come_are_not_taken() -> Result<()> {
    let (test, round) = ("slots_of_counters_to_come_are_not_taken", |round| with_class(round, 0));
    classes_that_change(test, &with_class(0, 0), round, &with_class(3, 510))
}

/// Tables for `first` and for three rounds, of which none can be booked before `last` is loaded, too.
fn classes_that_change(
    test: &str,
    first: &Sample,
    in_round: impl Fn(usize) -> Sample,
    last: &Sample,
) -> Result<()> {
    if !root_or_skip(test) {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut disk = Disk::new()?;
    let daemon = Daemon::start(&lab, first)?;
    only_set(&daemon)?;
    let (sent, daemon) = under_load(&lab, || {
        watching(|| {
            disk.fill()?;
            for round in 1..4 {
                configure(&in_round(round))?;
                reload()?;
            }
            ensure!(sets()?.len() == 4, "{:?}", sets()?);
            configure(last)?;
            reload()?;
            disk.repair()?;
            only_set(&daemon).map(drop)
        })?;
        Ok(daemon)
    })?;
    check_all(&lab, sent, daemon)
}

/// All circuits have other classes again and again while nothing can be booked: the last tables have room
/// for the counters of all of them.
#[test]
fn classes_of_all_circuits_that_change_often_are_shown_on() -> Result<()> {
    let test = "classes_of_all_circuits_that_change_often_are_shown_on";
    classes_that_change(test, &with_classes(0), with_classes, &with_classes(3))
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
        let round = |round: &str| -> Result<()> {
            configure(&with_named(round, 240, 20))?;
            reload()
        };
        watching(|| {
            round("d")?;
            round("e")?;
            ensure!(only_set(&daemon)? == first);
            disk.fill()?;
            round("f")?;
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

/// Tables that can't be read at the moment are not lost: an error says so, and they are booked when
/// they can be read.
#[test]
fn tables_that_cant_be_read_are_not_lost() -> Result<()> {
    if !root_or_skip("tables_that_cant_be_read_are_not_lost") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut disk = Disk::new()?;
    let daemon = Daemon::start(&lab, &config(0))?;
    let old = Page::of(&only_set(&daemon)?);
    let (sent, daemon) = under_load(&lab, || {
        book()?;
        disk.fill()?;
        configure(&config(1))?;
        reload()?;
        daemon.kill()?;
        let sound = old.set_state(u64::from_be_bytes(*b"edgebk99"))?;
        disk.repair()?;
        let daemon = Daemon::start(&lab, &config(1))?;
        let said = book().err().context("some tables can't be read")?.to_string();
        ensure!(said.contains("page is of a kind"), "{said}");
        ensure!(sets()?.len() == 2, "{:?}", sets()?);
        daemon.kill()?;
        old.set_state(sound)?;
        let daemon = Daemon::start(&lab, &config(1))?;
        only_set(&daemon)?;
        Ok(daemon)
    })?;
    check_all(&lab, sent, daemon)
}

/// A daemon that dies after it has carried counts over, and before it has removed their tables, leaves
/// these. Their counts are shown once, even when the ports have turned to third tables.
#[test]
fn counts_that_were_carried_over_are_shown_once() -> Result<()> {
    if !root_or_skip("counts_that_were_carried_over_are_shown_once") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config(0))?;
    let (sent, daemon) = under_load(&lab, || {
        let first = only_set(&daemon)?;
        let tables = Path::new(PIN_DIR).join(&first);
        let kept = fs::read_dir(tables.join("maps"))?
            .map(|map| Ok((map.as_ref().map(DirEntry::path).ok(), MapData::from_pin(map?.path())?)))
            .collect::<Result<Vec<_>>>()?;
        configure(&config(1))?;
        reload()?;
        ensure!(only_set(&daemon)? != first);
        daemon.kill()?;
        for kind in ["maps", "links", "egress"] {
            fs::create_dir_all(tables.join(kind))?;
        }
        for (path, map) in &kept {
            map.pin(path.as_ref().context("a path")?)?;
        }
        ensure!(Page::of(&first).set_state(OPEN)? == CLOSED);
        let daemon = Daemon::start(&lab, &config(2))?;
        only_set(&daemon)?;
        Ok(daemon)
    })?;
    check_all(&lab, sent, daemon)
}

/// The books' page of a set of tables.
struct Page(PathBuf);

impl Page {
    fn of(set: &str) -> Self {
        Self([PIN_DIR, set, "maps", "BOOKS"].iter().collect())
    }

    /// Returns the state before.
    fn set_state(&self, state: u64) -> Result<u64> {
        let map = Map::Array(MapData::from_pin(&self.0)?);
        let mut pages: Array<_, [u64; size_of::<BooksPage>() / 8]> = map.try_into()?;
        let mut page = pages.get(&0, 0)?;
        let before = std::mem::replace(&mut page[0], state);
        pages.set(0, page, 0)?;
        Ok(before)
    }
}

/// [`config()`] with a class of its own for each round, and `count` other circuits.
fn with_class(round: usize, count: usize) -> Sample {
    own_class(round, with_others(count, 20)).change_circuit("contoso", in_own_class)
}

/// 301 circuits, all with a class of their own for each round.
fn with_classes(round: usize) -> Sample {
    own_class(round, with_others(300, 20)).change_circuits(in_own_class)
}

/// A profile with a class of its own for each round, beside what [`by_turns`] changes.
fn own_class(round: usize, config: Sample) -> Sample {
    let class = format!("name = \"of-{round}\", dscp = [\"default\"]");
    by_turns(round, config).qos("own", [class])
}

fn in_own_class(circuit: SampleCircuit) -> SampleCircuit {
    circuit.of_peering("private", "qos", "own")
}

/// Each one treats unmatched frames otherwise than the one before.
fn config(round: usize) -> Sample {
    by_turns(round, with_others(0, 1))
}

fn by_turns(round: usize, config: Sample) -> Sample {
    with_unmatched(config, !round.is_multiple_of(2))
}
