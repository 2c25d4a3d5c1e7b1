//! `edge set-bandwidth`: the request, the change, and the file that remembers it.

use std::{path::Path, time::Duration};

use edge_api::BandwidthChange;

use super::new_file::NewFile;
use crate::{
    config::{self, Circuit},
    daemon::error::{DaemonError, Result},
};

/// Another bandwidth for a circuit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetBandwidth {
    /// The circuit's name.
    pub circuit: String,
    /// The bandwidth in bit/s.
    pub bandwidth_bps: u64,
    /// Whether the configuration file is to say so, too.
    pub save: bool,
    /// The time until the configuration's bandwidth comes back; `None`: it does not.
    pub holds_for: Option<Duration>,
}

/// The change from a circuit to another one.
pub(super) fn change(before: &Circuit, after: &Circuit) -> BandwidthChange {
    BandwidthChange {
        circuit: after.name.clone(),
        bandwidth_bps: [before.bandwidth_bps, after.bandwidth_bps],
        burst_bytes: [before.burst_bytes, after.burst_bytes],
        saved_to: None,
        until: None,
    }
}

/// The configuration file with another bandwidth, to be put in the present one's place.
pub(super) fn new_file(config_path: &Path, request: &SetBandwidth) -> Result<NewFile> {
    let SetBandwidth { circuit, bandwidth_bps, .. } = request;
    // Errors name the file as the daemon knows it.
    let mut expected = config::load(config_path)?;
    let changed = expected.circuit_at(circuit, *bandwidth_bps);
    let (place, changed) = changed.map_err(|refused| refused.by_file(config_path))?;
    expected.circuits[place] = changed;
    NewFile::prepare(config_path, |replaced| {
        let text = config::with_bandwidth(replaced, circuit, *bandwidth_bps);
        let edited =
            text.as_deref().and_then(|text| config::load_text(text, config_path, config_path).ok());
        text.filter(|_| edited == Some(expected)).ok_or_else(|| {
            DaemonError::failed(format!(
                "{}: the bandwidth of {circuit:?} has no place of its own there, and nothing was \
                 changed; edit the file, then `edge reload`",
                config_path.display(),
            ))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt as _, symlink},
        path::PathBuf,
    };

    use tempfile::TempDir;

    use super::*;

    const CONFIG: &str = "edge = { name = 'e' } # the only one\n\
        port = [{ name = 'p', interface = 'i', side = 'core' }]\n\n\
        [[circuit]]\nname = 'contoso'\nbandwidth = '1 Gbps' # until May\n\
        [[circuit.peering]]\nkind = 'private'\nc_tag = 10\n";

    fn request(circuit: &str, bandwidth_bps: u64) -> SetBandwidth {
        SetBandwidth { circuit: circuit.into(), bandwidth_bps, save: true, holds_for: None }
    }

    fn place(config: &str) -> (TempDir, PathBuf) {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("edge.toml");
        fs::write(&path, config).unwrap();
        (directory, path)
    }

    fn names(directory: &TempDir) -> usize {
        fs::read_dir(directory.path()).unwrap().count()
    }

    #[test]
    fn the_file_keeps_its_comments_its_mode_and_the_link_to_it() {
        let (directory, path) = place(CONFIG);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = directory.path().join("link.toml");
        symlink("edge.toml", &link).unwrap();
        let saved = new_file(&link, &request("contoso", 50_000_000)).unwrap().replace();
        assert_eq!(saved.unwrap(), fs::canonicalize(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), CONFIG.replace("1 Gbps", "50 Mbps"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(&directory), 2);
    }

    #[test]
    fn nothing_is_left_of_what_is_not_saved() {
        let (directory, path) = place(CONFIG);
        drop(new_file(&path, &request("contoso", 50_000_000)).unwrap());
        let new = new_file(&path, &request("contoso", 50_000_000)).unwrap();
        let theirs = CONFIG.replace("May", "June");
        fs::write(&path, &theirs).unwrap();
        assert!(new.replace().unwrap_err().to_string().contains("somebody else"));
        assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
        assert_eq!(names(&directory), 1);
    }

    #[test]
    fn what_the_file_can_not_say_is_refused() {
        let refused = |config: &str, circuit| {
            let (directory, path) = place(config);
            let error = new_file(&path, &request(circuit, 50_000_000)).err().unwrap();
            assert_eq!((names(&directory), fs::read_to_string(&path).unwrap()), (1, config.into()));
            error
        };
        assert!(matches!(refused(CONFIG, "contosso"), DaemonError::Bandwidth(_)));
        let error = refused(&CONFIG.replace("c_tag", "d_tag"), "contoso");
        assert!(matches!(error, DaemonError::Config(_)), "{error}");
    }
}
