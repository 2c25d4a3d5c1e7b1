//! Configurations of any size: the circuit that is under load first, and others behind it.

use std::{collections::BTreeSet, fs, path::Path, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use edge_tests::daemon::{Daemon, status};
pub(crate) use edge_tests::load::config as alone;
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    kernel::Pins,
};

pub(crate) const PIN_DIR: &str = "/sys/fs/bpf/edge";

/// The other with this number, one of those on that many S-tags.
pub(crate) fn other(number: usize, s_tags: usize) -> SampleCircuit {
    named("c", number, s_tags)
}

/// The same, whose name begins so.
fn named(prefix: &str, number: usize, s_tags: usize) -> SampleCircuit {
    let (s_tag, c_tag) = tags_of(number, s_tags);
    let name = format!("{prefix}{number:05}");
    SampleCircuit::new(name, "1 Gbps").s_tag(s_tag).peering("private", c_tag)
}

/// [`alone`] with `count` others, on that many S-tags.
pub(crate) fn with_others(count: usize, s_tags: usize) -> Sample {
    with_named("c", count, s_tags)
}

/// The same, with others whose names begin so.
pub(crate) fn with_named(prefix: &str, count: usize, s_tags: usize) -> Sample {
    alone().circuits((0..count).map(|number| named(prefix, number, s_tags)))
}

/// Has ports pass on what no circuit claims, or drop it. Tables for one are not tables for the
/// other.
pub(crate) fn with_unmatched(config: Sample, passes: bool) -> Sample {
    if passes { config.edge("unmatched", "pass") } else { config }
}

/// S-tag and C-tag of the other with this number.
pub(crate) fn tags_of(number: usize, s_tags: usize) -> (usize, usize) {
    (101 + number % s_tags, 1 + number / s_tags)
}

/// The sets of tables that there are.
pub(crate) fn sets() -> Result<BTreeSet<String>> {
    let Ok(entries) = fs::read_dir(PIN_DIR) else { return Ok(BTreeSet::new()) };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Waits until there is one set of tables, which goes when the ones before are booked, and returns
/// its name. All links are in it.
pub(crate) fn only_set(daemon: &Daemon) -> Result<String> {
    // Longer than any machine takes.
    for _ in 0..6000 {
        let sets = sets()?;
        if sets.len() == 1 {
            let pins = Pins::all(Path::new(PIN_DIR))?.pop().context("the set")?;
            ensure!(pins.links()?.len() == status()?.ports.len(), "{:?}", pins.links()?);
            return Ok(sets.into_iter().collect());
        }
        thread::sleep(Duration::from_millis(10));
    }
    anyhow::bail!("{:?} are left:\n{}", sets()?, daemon.said())
}
