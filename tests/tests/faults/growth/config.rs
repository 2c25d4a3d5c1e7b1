//! Configurations of any size: the circuit that is under load first, and others behind it.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use edge_tests::daemon::{Daemon, status};
pub(crate) use edge_tests::load::CONFIG as FIRST;
use edge_user::kernel::Pins;

pub(crate) const PIN_DIR: &str = "/sys/fs/bpf/edge";

/// A circuit with one peering, and with what else its first and its second table have.
pub(crate) fn circuit(
    name: &str,
    (s_tag, c_tag): (usize, usize),
    rest: &str,
    of_peering: &str,
) -> String {
    format!(
        "[[circuit]]\nname = \"{name}\"\ns_tag = {s_tag}\n{rest}\n[[circuit.peering]]\nkind = \
         \"private\"\nc_tag = {c_tag}\n{of_peering}\n"
    )
}

/// `FIRST` with `count` others, on that many S-tags.
pub(crate) fn with_others(count: usize, s_tags: usize) -> String {
    let mut config = FIRST.to_owned();
    for number in 0..count {
        let name = format!("c{number:05}");
        let circuit = circuit(&name, tags_of(number, s_tags), "bandwidth = \"1 Gbps\"", "");
        // Writing to a string can't fail.
        let _written = config.write_str(&circuit);
    }
    config
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
