//! The file that a replay writes frames to. It takes its place when it is whole, or not at all.

use std::{
    fs::{self, File, Permissions},
    io::{self, BufWriter, Write as _},
    os::{
        fd::AsFd as _,
        unix::fs::{MetadataExt as _, PermissionsExt as _, fchown},
    },
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context as _, Result};
use nix::sys::signal::{SigSet, Signal, raise};
use tempfile::TempPath;

use super::streams::FrameDestination;

/// A file that is being written.
///
/// A regular file is written beside its place and put there at the end, so that whatever goes wrong
/// before leaves the one that was there. Pipes and devices are written as they are.
pub(super) struct Output {
    /// As it was given.
    name: PathBuf,
    writer: BufWriter<File>,
    beside: Option<(TempPath, PathBuf)>,
}

impl Output {
    /// Opens the file or stream that frames go to.
    pub(super) fn create(destination: FrameDestination<'_>) -> Result<Self> {
        match destination {
            FrameDestination::Stdout => {
                let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
                let name = PathBuf::from("(standard output)");
                Ok(Self { name, writer: BufWriter::new(file), beside: None })
            }
            FrameDestination::File(path) => {
                let create = || Self::at(path);
                create().with_context(|| cannot_write(path))
            }
        }
    }

    /// Takes the frames.
    pub(super) fn writer(&mut self) -> &mut BufWriter<File> {
        &mut self.writer
    }

    /// Puts the file in its place.
    pub(super) fn finish(self) -> Result<()> {
        let Self { name, mut writer, beside } = self;
        let put = move || {
            writer.flush()?;
            match beside {
                Some((file, path)) => file.persist(path).map_err(|error| error.error),
                None => Ok(()),
            }
        };
        put().with_context(|| cannot_write(&name))
    }

    fn at(path: &Path) -> io::Result<Self> {
        let open =
            |file, beside| Self { name: path.to_owned(), writer: BufWriter::new(file), beside };
        let in_place = || Ok(open(File::create(path)?, None));
        // Behind a symbolic link, the file that it leads to is meant.
        let (place, old) = match fs::canonicalize(path) {
            Ok(place) => {
                let old = fs::metadata(&place)?;
                if !old.is_file() {
                    return in_place();
                }
                (place, Some(old))
            }
            // The link leads to a place where no file is yet.
            Err(_) if path.is_symlink() => return in_place(),
            Err(_) => (path.to_owned(), None),
        };
        let directory = match place.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let mut beside = tempfile::Builder::new();
        beside.prefix(".edge-").permissions(Permissions::from_mode(0o666));
        // From before the file is there until the thread that removes it runs, signals wait.
        let signals = ending_signals();
        signals.thread_block()?;
        let (file, beside) = match beside.tempfile_in(directory) {
            Ok(beside) => beside.into_parts(),
            // The file may be written, the directory may not.
            Err(error) if old.is_some() && error.kind() == io::ErrorKind::PermissionDenied => {
                signals.thread_unblock()?;
                return in_place();
            }
            Err(error) => return Err(error),
        };
        if let Some(old) = old {
            // Only root may give files away: others keep the file. The owner comes first, as
            // `chown` clears bits of the mode.
            let _ = fchown(&file, Some(old.uid()), Some(old.gid()));
            file.set_permissions(old.permissions())?;
        }
        remove_at(signals, beside.to_path_buf())?;
        Ok(open(file, Some((beside, place))))
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write the capture {}", path.display())
}

/// Signals that end this process: not those that it was started to ignore, as by `nohup`, which a
/// thread that waits for them would get all the same.
fn ending_signals() -> SigSet {
    let ignored = fs::read_to_string("/proc/self/status").ok().and_then(|status| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    });
    let ends = |signal: &Signal| ignored.unwrap_or(0) >> (*signal as i32 - 1) & 1 == 0;
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().filter(ends).collect()
}

/// Removes the file when one of the `signals`, which are blocked, ends the process.
fn remove_at(signals: SigSet, path: PathBuf) -> io::Result<()> {
    let wait = move || {
        let Ok(signal) = signals.wait() else { return };
        let _ = fs::remove_file(&path);
        // The process that waits for this one is to see the signal that ended it.
        let _ = signals.thread_unblock();
        let _ = raise(signal);
    };
    thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
    Ok(())
}
