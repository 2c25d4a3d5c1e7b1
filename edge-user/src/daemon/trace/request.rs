//! The wish for a trace, and its limits.

use std::time::Duration;

/// Lines a second at most, where a client does not say another rate.
pub const DEFAULT_RATE: u32 = 1_000;
/// The highest rate that a client can ask for.
pub const MOST_RATE: u32 = 50_000;
/// Bytes of each frame, where a client does not say another number.
pub const DEFAULT_SNAP_BYTES: u32 = 128;
/// The time that a trace lasts, where a client does not say another one.
pub const DEFAULT_LASTS: Duration = Duration::from_mins(10);
/// The longest time that a client can ask for.
pub const LONGEST: Duration = Duration::from_hours(24);

/// The frames that somebody looks for; `None`: any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRequest {
    /// The circuit.
    pub circuit: Option<String>,
    /// The port that they come by.
    pub port: Option<String>,
    /// The reason.
    pub reason: Option<String>,
    /// The class.
    pub class: Option<String>,
    /// One of so many is looked at, by chance.
    pub one_in: u32,
    /// The trace ends after so many.
    pub count: Option<u64>,
    /// It ends after this time.
    pub lasts: Duration,
    /// Frames a second at most, of all CPUs together.
    pub rate: u32,
    /// Bytes of each frame.
    pub snap_bytes: u32,
}
