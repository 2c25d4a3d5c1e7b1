//! The only module that reads the wall clock.
//!
//! It reads two clocks together. The wall clock (`CLOCK_REALTIME`) has a date, which may be wrong:
//! 1970 before NTP has answered, 2033 where the battery is empty, two hours less after an operator
//! has set it. The clock since boot (`CLOCK_BOOTTIME`) never steps, and has no date. The ledger
//! keeps both with each reading, and judges the first by the second (`ledger::belief`).

pub mod deadline;
pub mod error;
mod kernel;
mod monotonic;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::monotonic::MonotonicDates;

use self::error::TimeError;

/// A reading of both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The date of the wall clock, which may be wrong.
    pub wall: Timestamp,
    /// The kernel's boot.
    pub boot_id: Uuid,
    /// Time since that boot in microseconds, suspends included (`CLOCK_BOOTTIME`).
    pub boot_us: i64,
    /// Whether, by the kernel (`adjtimex(2)`), NTP or PTP keeps the wall clock right. The clock of
    /// a host without either may be right nonetheless.
    pub is_synchronized: bool,
}

/// Reads both clocks.
///
/// # Errors
///
/// Where `/proc` doesn't tell which boot this is.
pub fn now() -> Result<Moment, TimeError> {
    let boot_id = boot_id()?;
    let (wall, boot_us) = kernel::wall_and_boot_us();
    Ok(Moment { wall, boot_id, boot_us, is_synchronized: kernel::is_synchronized() })
}

/// Time since the kernel's boot, suspends included: it never steps.
#[must_use]
pub fn since_boot() -> Duration {
    Duration::from_micros(kernel::since_boot_us().unsigned_abs())
}

/// The date of a moment since boot by the present wall clock, for display.
#[must_use]
pub fn date(since_boot: Duration) -> Timestamp {
    let ago = self::since_boot().saturating_sub(since_boot);
    let ago = SignedDuration::try_from(ago).unwrap_or(SignedDuration::MAX);
    wall().checked_sub(ago).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Reads the wall clock for display. Nothing is billed, deleted or sealed by it alone.
#[must_use]
pub fn wall() -> Timestamp {
    Timestamp::now()
}

/// The kernel's boot, as `/proc/sys/kernel/random/boot_id` has it.
///
/// # Errors
///
/// Where it can't be read.
pub fn boot_id() -> Result<Uuid, TimeError> {
    kernel::boot_id()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn the_clock_since_boot_goes_on() {
        let (before, after) = (now().unwrap(), now().unwrap());
        assert_eq!(before.boot_id, after.boot_id);
        assert!((0..).contains(&before.boot_us) && before.boot_us <= after.boot_us);
        let text = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<Moment>(&text).unwrap(), before);
    }

    #[test]
    fn a_moment_is_as_long_ago_as_the_clock_since_boot_says() {
        let now = since_boot();
        let ago = date(now).duration_since(date(now.saturating_sub(Duration::from_secs(1))));
        assert!((ago.as_secs_f64() - 1.0).abs() < 0.1, "{ago}");
    }

    /// A date that another module reads could not be judged by a second clock.
    #[test]
    fn nobody_else_reads_the_wall_clock() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut readers = Vec::new();
        look(&sources, &mut readers);
        assert_eq!(readers, [""; 0]);
    }

    fn look(directory: &Path, readers: &mut Vec<String>) {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                if path != Path::new(env!("CARGO_MANIFEST_DIR")).join("src/time") {
                    look(&path, readers);
                }
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            for word in
                ["Timestamp::now", "Zoned::now", "SystemTime", "CLOCK_REALTIME", "gettimeofday"]
            {
                if source.contains(word) {
                    readers.push(format!("{}: {word}", path.display()));
                }
            }
        }
    }
}
