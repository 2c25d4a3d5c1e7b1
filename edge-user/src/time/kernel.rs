//! The kernel's clocks.

use std::{fs, mem};

use jiff::Timestamp;
use nix::time::{ClockId, clock_gettime};
use uuid::Uuid;

use super::error::TimeError;

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Both clocks are read within this time, else read again.
const WITHIN_US: i64 = 1_000;
const TRIES: usize = 5;

pub(super) fn boot_id() -> Result<Uuid, TimeError> {
    let path = BOOT_ID;
    let text = fs::read_to_string(path).map_err(|source| TimeError::Unreadable { path, source })?;
    text.trim().parse().map_err(|source| TimeError::NoId { path, source })
}

/// The time of both clocks, read as close to each other as a busy machine allows.
pub(super) fn wall_and_boot_us() -> (Timestamp, i64) {
    let read = || {
        let before_us = since_boot_us();
        let wall = Timestamp::now();
        (since_boot_us() - before_us, wall, before_us)
    };
    let mut best = read();
    for _ in 1..TRIES {
        if best.0 <= WITHIN_US {
            break;
        }
        best = best.min(read());
    }
    (best.1, best.2 + best.0 / 2)
}

/// Whether the kernel's status says that something disciplines the clock.
pub(super) fn is_synchronized() -> bool {
    // SAFETY: `timex` is integers only, for which zero is a value.
    let mut state: libc::timex = unsafe { mem::zeroed() };
    // SAFETY: the kernel fills in the structure, which is ours; without modes it changes nothing.
    let answer = unsafe { libc::adjtimex(&raw mut state) };
    answer != -1 && answer != libc::TIME_ERROR && state.status & libc::STA_UNSYNC == 0
}

pub(super) fn since_boot_us() -> i64 {
    // Every kernel since 2.6.39 has this clock.
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or_else(
        |_| 0,
        |now| now.tv_sec().saturating_mul(1_000_000).saturating_add(now.tv_nsec() / 1_000),
    );
    now.max(0)
}
