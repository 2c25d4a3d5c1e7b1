//! Refusals of a BIRD that runs.

use std::thread;

use anyhow::{Result, ensure};

use super::*;
use crate::{
    lab::{NetNs, root_or_skip},
    routing::bird::{
        files::SpeakerFiles, netns::SpeakerNetns, process::BirdProcess, tests::sample::edge,
    },
};

#[test]
fn a_bird_that_runs_may_refuse_and_nothing_changes() -> Result<()> {
    if !root_or_skip("a_bird_that_runs_may_refuse_and_nothing_changes") {
        return Ok(());
    }
    let (ns, place) = (NetNs::new()?, tempfile::tempdir()?);
    let files = SpeakerFiles::new(place.path().join("bird"), None);
    let netns = SpeakerNetns::open(&ns.path())?;
    let program = BirdProgram::find(None)?;
    let hang = SpeakerSetup::HANG;
    let setup = SpeakerSetup { program, files: files.clone(), netns: netns.clone(), hang };
    let mut supervisor = BirdSupervisor::new(setup)?;
    supervisor.apply(&edge())?;
    // A configuration that BIRD took now would have another time.
    thread::sleep(Duration::from_secs(1));
    let before = supervisor.control()?.speaker()?;
    let current = files.read_current();
    // The installed BIRD, which checks, may be another version than the one that runs.
    let config = SpeakerConfig { text: "router id 1;\n".to_owned(), keys: String::new() };
    let checked = CheckedConfig { config, tables: SpeakerTables::of(&edge()) };
    let refused = supervisor.commit(checked);
    let after = supervisor.control()?.speaker()?;
    let is_kept = files.read_current() == current && !files.candidate().exists();
    supervisor.apply(&edge())?;
    let next = supervisor.control()?.speaker()?;
    if let Some(process) = BirdProcess::adopt(&files, &netns)? {
        process.stop()?;
    }
    ensure!(matches!(refused, Err(BirdError::Refused(_))), "{refused:?}");
    let is_same = before.is_same_configuration(&after)
        && (before.is_configuring, before.recovery_us) == (after.is_configuring, after.recovery_us);
    ensure!(is_same && is_kept, "{before:?} {after:?}");
    ensure!(!next.is_same_configuration(&before) && next.configured_ms > before.configured_ms);
    Ok(())
}
