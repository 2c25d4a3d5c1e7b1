//! The ledger's disk, and its faults: it is full, it can't be written, another process has the
//! file.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    sync::mpsc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
};

use crate::patience::PATIENCE;

/// The ledger's directory: a file system of its own.
pub const STATE_DIR: &str = "/var/lib/edge";
const SIZE: &str = "size=32m";
const FILLING: &str = "/var/lib/edge/filling";

/// A small file system at [`STATE_DIR`], out of sight of others by
/// [`edge_user::lab::private_mounts`].
#[derive(Debug)]
pub struct Disk {
    is_full: bool,
    is_read_only: bool,
    lock: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl Disk {
    /// Mounts it.
    pub fn new() -> Result<Self> {
        fs::create_dir_all(STATE_DIR)?;
        mount(Some("tmpfs"), STATE_DIR, Some("tmpfs"), MsFlags::empty(), Some(SIZE))
            .context("mounting the ledger's disk")?;
        Ok(Self { is_full: false, is_read_only: false, lock: None })
    }

    /// Whether the ledger can be written.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        !self.is_full && !self.is_read_only && !self.is_locked()
    }

    /// Whether there is no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Whether it is mounted read-only.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.is_read_only
    }

    /// Whether somebody else has the ledger.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.lock.as_ref().is_some_and(|(_, thread)| !thread.is_finished())
    }

    /// Leaves no room.
    pub fn fill(&mut self) -> Result<()> {
        let mut file = File::create(FILLING)?;
        for size in [1 << 20, 4096] {
            let block = vec![0x55; size];
            while file.write_all(&block).is_ok() {}
        }
        self.is_full = true;
        Ok(())
    }

    /// Makes room again.
    pub fn empty(&mut self) -> Result<()> {
        fs::remove_file(FILLING)?;
        self.is_full = false;
        Ok(())
    }

    /// Makes it read-only. The kernel refuses as long as a process writes, if only the time at
    /// which a file was last read: that passes.
    pub fn set_read_only(&mut self, is_read_only: bool) -> Result<()> {
        let none: Option<&str> = None;
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND;
        let flags = if is_read_only { flags | MsFlags::MS_RDONLY } else { flags };
        let refused_until = Instant::now() + PATIENCE;
        loop {
            match mount(none, STATE_DIR, none, flags, none) {
                Err(Errno::EBUSY) if Instant::now() < refused_until => {
                    thread::sleep(Duration::from_millis(5));
                }
                done => {
                    done.with_context(|| {
                        format!("mounting the ledger's disk anew: {is_read_only}")
                    })?;
                    self.is_read_only = is_read_only;
                    return Ok(());
                }
            }
        }
    }

    /// Has another process write in the ledger for that long.
    pub fn lock(&mut self, length: Duration) -> Result<()> {
        let path = Path::new(STATE_DIR).join("ledger.db");
        let connection = rusqlite::Connection::open(&path)?;
        connection.busy_timeout(Duration::from_secs(2))?;
        connection.execute_batch("BEGIN EXCLUSIVE")?;
        let (end, ended) = mpsc::channel();
        let thread = thread::spawn(move || {
            let _end_or_timeout = ended.recv_timeout(length);
            let _closed_anyway = connection.execute_batch("ROLLBACK");
        });
        self.lock = Some((end, thread));
        Ok(())
    }

    /// Puts everything right.
    pub fn repair(&mut self) -> Result<()> {
        if let Some((end, thread)) = self.lock.take() {
            drop(end);
            let _panic = thread.join();
        }
        if self.is_read_only {
            self.set_read_only(false)?;
        }
        if self.is_full {
            self.empty()?;
        }
        Ok(())
    }
}
