//! `show status`: BIRD itself.

use super::fields::{is_same_time, seconds_us, time_ms};
use crate::routing::bird::{
    error::{BirdError, Result},
    reply::BirdReply,
    version::BirdVersion,
};

/// BIRD as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakerState {
    /// The version that runs.
    pub version: BirdVersion,
    /// The time of this answer by its clock, in milliseconds since 1970.
    pub now_ms: i64,
    /// Its start, in milliseconds since 1970.
    pub started_ms: i64,
    /// The last time that it took a configuration, in milliseconds since 1970.
    pub configured_ms: i64,
    /// Whether it is still taking one: sessions that go are saying goodbye.
    pub is_configuring: bool,
    /// The longest time for which the kernel still keeps the routes of the BIRD before, in
    /// microseconds; `None`: none are kept.
    pub recovery_us: Option<u64>,
}

impl SpeakerState {
    /// Whether two looks saw one run of BIRD with one configuration. BIRD computes its times anew for
    /// each answer, so that a configuration taken within half a second of another is not seen.
    #[must_use]
    pub fn is_same_configuration(&self, other: &Self) -> bool {
        self.version == other.version
            && is_same_time(self.started_ms, other.started_ms)
            && is_same_time(self.configured_ms, other.configured_ms)
    }
}

/// Reads an answer to `show status`.
pub fn speaker(reply: &BirdReply) -> Result<SpeakerState> {
    let (mut version, mut now, mut started, mut configured, mut state) =
        (None, None, None, None, None);
    let mut recovery_us = None;
    let last = [reply.text.as_str()];
    for line in reply.texts().chain(last) {
        if let Some(text) = line.strip_prefix("BIRD ") {
            version = text.trim().parse().ok();
        } else if let Some(text) = line.strip_prefix("Current server time is ") {
            now = time_ms(text.trim());
        } else if let Some(text) = line.strip_prefix("Last reboot on ") {
            started = time_ms(text.trim());
        } else if let Some(text) = line.strip_prefix("Last reconfiguration on ") {
            configured = time_ms(text.trim());
        } else if let Some(text) = line.trim().strip_prefix("Wait timer is ") {
            recovery_us = seconds_us(text.split('/').next().unwrap_or_default());
        } else if line == "Daemon is up and running" {
            state = Some(false);
        } else if line == "Reconfiguration in progress" || line == "Shutdown in progress" {
            state = Some(true);
        }
    }
    let read = || {
        Some(SpeakerState {
            version: version?,
            now_ms: now?,
            started_ms: started?,
            configured_ms: configured?,
            is_configuring: state?,
            recovery_us,
        })
    };
    read().ok_or_else(|| BirdError::garbled(format!("{:?} is no status of BIRD", reply.lines)))
}
