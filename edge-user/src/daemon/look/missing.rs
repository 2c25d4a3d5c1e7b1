//! Counters that a command can't see, and why.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use crate::billing::ledger::OpenEpoch;

/// Counters that could not be seen, or are not this ledger's to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Where they are pinned.
    pub pin_dir: PathBuf,
    /// The time since which their counts are missing.
    pub since: Timestamp,
    /// Why, and what to do.
    pub why: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pin_dir, since, why } = self;
        let pin_dir = pin_dir.display();
        write!(f, "what was counted in {pin_dir} since {since:.0} is missing here: {why}")
    }
}

/// The counters of `epoch`, whose tables can't be read from here.
pub(super) fn not_seen(epoch: &OpenEpoch, error: Option<&str>) -> Missing {
    let OpenEpoch { pin_dir, last_read, .. } = epoch;
    let why = match error {
        Some(error) => format!("{error}; try it as root, where the data plane was started"),
        None if !is_on_bpffs(pin_dir) => "no BPF file system is to be seen there from here: `ip netns exec` \
                                          and containers hide it. Give the command outside of them, or with \
                                          `nsenter --net=/run/netns/NAME`"
            .to_owned(),
        None => "its tables are not there: somebody has removed them, or they are in another mount namespace \
                 (`ip netns exec` makes one for each command, `nsenter --net` does not)"
            .to_owned(),
    };
    Missing { pin_dir: pin_dir.clone(), since: *last_read, why }
}

/// A note that counters of an epoch are gone for good.
pub(super) fn gone(OpenEpoch { pin_dir, last_read, epoch, .. }: &OpenEpoch) -> String {
    format!(
        "the tables in {} were gone before they were read again, with what they had counted since \
         {last_read:.0} (epoch {epoch})",
        pin_dir.display(),
    )
}

/// Whether a BPF file system is at a path, or would be, were it there.
fn is_on_bpffs(path: &Path) -> bool {
    let found = path.ancestors().find_map(|place| statfs(place).ok());
    found.is_some_and(|found| found.filesystem_type() == BPF_FS_MAGIC)
}
