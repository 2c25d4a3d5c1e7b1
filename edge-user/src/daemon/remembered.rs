//! A file beside each control socket: from it, a client learns where the ledger is when no daemon
//! runs.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::OpenOptionsExt as _,
    },
    path::{Path, PathBuf},
};

/// The end of the file's name, behind the whole name of the socket. Earlier versions replaced the
/// socket's extension by `.state_dir`, so that two sockets could share a file. These files are not
/// read any more, and no name of now is one of theirs.
const SUFFIX: &str = ".state-dir";
/// Symbolic links in a row at most, as in the kernel (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// Notes the ledger's directory of the daemon at `socket`. An error is no problem: a client can
/// name the directory by `-c FILE`.
pub fn remember_state_dir(socket: &Path, state_dir: &Path) {
    let Some(path) = file_of(socket) else { return };
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
    let written =
        options.open(&path).and_then(|mut file| file.write_all(state_dir.as_os_str().as_bytes()));
    if let Err(error) = written {
        tracing::debug!("writing {}: {error}", path.display());
    }
}

/// The ledger's directory of the daemon that was last at `socket`.
#[must_use]
pub fn remembered_state_dir(socket: &Path) -> Option<PathBuf> {
    let path = PathBuf::from(OsString::from_vec(fs::read(file_of(socket)?).ok()?));
    // A `state_dir` is absolute. The text of a file that was cut short, or is another program's,
    // may not be.
    path.is_absolute().then_some(path)
}

/// The file of the socket at `path`, or of the socket that a symbolic link there leads to. The
/// socket need not exist.
fn file_of(path: &Path) -> Option<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else {
            let mut name = path.file_name()?.to_owned();
            name.push(SUFFIX);
            return Some(path.with_file_name(name));
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn each_socket_has_a_memory_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        // Names that differ behind the last dot, or by a dot; and one that has a suffix of ours.
        let names =
            ["edge.ams", "edge.lon", "edge", "edge.", "edge.state_dir", ".edge", "edge.a.b"];
        for name in names {
            let socket = directory.path().join(name);
            assert_eq!(remembered_state_dir(&socket), None, "{name}");
            remember_state_dir(&socket, &Path::new("/var/lib").join(name));
        }
        for name in names {
            let socket = directory.path().join(name);
            assert_eq!(remembered_state_dir(&socket), Some(Path::new("/var/lib").join(name)));
        }
    }

    #[test]
    fn what_earlier_versions_have_left_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("edge.state_dir"), "/var/lib/lon").unwrap();
        for name in ["edge.ams", "edge.lon", "edge"] {
            assert_eq!(remembered_state_dir(&directory.path().join(name)), None, "{name}");
        }
    }

    #[test]
    fn a_socket_is_the_same_by_each_of_its_paths() {
        let directory = tempfile::tempdir().unwrap();
        let (run, other) = (directory.path().join("run"), directory.path().join("other"));
        fs::create_dir_all(&run).unwrap();
        fs::create_dir_all(&other).unwrap();
        symlink(&run, directory.path().join("var-run")).unwrap();
        symlink("../run/edge.sock", other.join("a")).unwrap();
        symlink("a", other.join("b")).unwrap();
        symlink("itself", other.join("itself")).unwrap();
        remember_state_dir(&run.join("edge.sock"), Path::new("/var/lib/edge"));
        for path in
            ["run/edge.sock", "run/../run/edge.sock", "var-run/edge.sock", "other/a", "other/b"]
        {
            let known = remembered_state_dir(&directory.path().join(path));
            assert_eq!(known.as_deref(), Some(Path::new("/var/lib/edge")), "{path}");
        }
        assert_eq!(remembered_state_dir(&other.join("edge.sock")), None);
        assert_eq!(remembered_state_dir(&other.join("itself")), None);
        assert_eq!(remembered_state_dir(Path::new("/")), None);
    }

    #[test]
    fn what_is_no_path_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("edge.sock");
        for text in ["", "var/lib", "\n"] {
            fs::write(directory.path().join("edge.sock.state-dir"), text).unwrap();
            assert_eq!(remembered_state_dir(&socket), None, "{text:?}");
        }
    }
}
