//! A wall clock with any date, for the daemon alone.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::Path,
    process::Command,
};

use anyhow::{Result, ensure};
use edge_user::lab::NetNs;
use jiff::Timestamp;

use super::chance::Chance;
use crate::daemon::{Daemon, steered_clock_library};

const OFFSET: &str = "/run/edge/clock";

const DAY_S: i64 = 24 * 60 * 60;
/// 1970 to 2100.
const END_S: u64 = 4_102_444_800;

/// The daemon's wall clock: the kernel's and an offset.
#[derive(Debug)]
pub struct Clock {
    offset: File,
}

impl Clock {
    /// A clock that is right, after a check that it can be steered.
    pub fn new() -> Result<Self> {
        fs::write(OFFSET, 0i64.to_ne_bytes())?;
        let clock = Self { offset: File::options().write(true).open(OFFSET)? };
        if steered_clock_library().is_some() {
            clock.set(-Timestamp::now().as_second())?;
            let mut date = Command::new("date");
            clock.give(&mut date);
            let said = String::from_utf8(date.arg("+%Y").output()?.stdout)?;
            ensure!(said.trim() == "1970", "a clock set to 1970 says {said}");
            clock.set_right()?;
        }
        Ok(clock)
    }

    /// Starts a daemon that reads this clock.
    pub fn spawn_daemon(&self, edge: &NetNs, binary: &Path) -> Result<Daemon> {
        let mut command = edge.command(binary);
        self.give(&mut command);
        Daemon::spawn_by(command)
    }

    /// Has a process that is to be started read this clock.
    pub fn give(&self, command: &mut Command) {
        if let Some(library) = steered_clock_library() {
            command.env("LD_PRELOAD", library).env("EDGE_STEERED_CLOCK", Path::new(OFFSET));
        }
    }

    /// Steps anywhere from 1970 to 2100, a little, or back to what is right. Returns the offset in
    /// seconds.
    pub fn step(&self, chance: &mut Chance) -> Result<i64> {
        let now_s = Timestamp::now().as_second();
        let any_s = |most: i64, chance: &mut Chance| {
            i64::try_from(chance.below(most.unsigned_abs() * 2)).unwrap_or(0) - most
        };
        let offset_s = match chance.below(6) {
            // Not set yet.
            0 => any_s(DAY_S, chance).abs() - now_s,
            1 => i64::try_from(chance.below(END_S))? - now_s,
            2 => any_s(20 * DAY_S, chance),
            3 => any_s(2 * 60 * 60, chance),
            _ => 0,
        };
        self.set(offset_s)?;
        Ok(offset_s)
    }

    /// Says what the kernel's does again.
    pub fn set_right(&self) -> Result<()> {
        self.set(0)
    }

    fn set(&self, offset_s: i64) -> Result<()> {
        Ok(self.offset.write_all_at(&offset_s.to_ne_bytes(), 0)?)
    }
}
