//! A trace of frames.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A line of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TraceLine {
    /// The trace has begun. This line comes first.
    Started(TraceStart),
    /// A frame.
    Frame(Box<TracedFrame>),
    /// Frames so far. This line comes twice a second, whether there are frames or not.
    Counts(TraceCounts),
    /// The trace has ended. This line comes last; without it, the daemon has ended.
    Ended(TraceEnd),
}

/// The beginning of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceStart {
    /// The ports whose received frames are looked at.
    pub ports: Vec<TracedPort>,
    /// Ports that have no program now, and so receive no frame.
    pub waiting: Vec<String>,
}

/// A port whose received frames are looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TracedPort {
    /// Its name.
    pub name: String,
    /// Its interface's name.
    pub interface: String,
}

/// A frame that a port has received, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TracedFrame {
    /// The time at which its path began, by the wall clock.
    pub at: Timestamp,
    /// The port that it came by.
    pub port: String,
    /// `forward`, `pass`, `drop`, `punt` or `answer`.
    pub verdict: String,
    /// The reason.
    pub reason: String,
    /// The port that it left by, `stack` or `router`; null: it left by none.
    pub egress: Option<String>,
    /// The circuit that it belongs to; null: none.
    pub circuit: Option<String>,
    /// The peering, likewise.
    pub peering: Option<String>,
    /// The virtual network that it came from, where it has not got further than its link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vnet: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: Option<String>,
    /// The class; null: it ended before it had one.
    pub class: Option<String>,
    /// The DSCP that it came with; null: it isn't IP, or ended before.
    pub dscp_in: Option<u8>,
    /// The DSCP that it left with.
    pub dscp_out: Option<u8>,
    /// Its tags as received, the outer first, two at the most.
    pub tags: Vec<TracedTag>,
    /// Its tags as it left; null: it did not leave.
    pub left_tags: Option<Vec<TracedTag>>,
    /// Its length as received, without FCS.
    pub len_bytes: u32,
    /// Its bytes as received, as far as they were captured, in hexadecimal.
    pub data: String,
}

/// A tag of a frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TracedTag {
    /// The TPID, such as `0x8100`.
    pub tpid: String,
    /// The VLAN identifier.
    pub vid: u16,
    /// The priority.
    pub pcp: u8,
    /// The drop eligible indicator.
    pub dei: bool,
}

/// Frames that a trace has looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceCounts {
    /// Frames that were looked for, of those that chance has chosen.
    pub matched: u64,
    /// Matched frames that are in lines.
    pub told: u64,
    /// Matched frames that came faster than the highest rate of lines.
    pub capped: u64,
    /// Matched frames that were lost, as the client did not read their lines in time.
    pub lost: u64,
}

/// The end of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TraceEnd {
    /// The cause.
    pub why: String,
    /// Whether it is one that was asked for: the number of frames, or the time.
    pub is_complete: bool,
    /// All frames.
    pub counts: TraceCounts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_pinned() {
        for json in [
            r#"{"started":{"ports":[{"name":"customer0","interface":"eth1"}],"waiting":[]}}"#,
            r#"{"frame":{"at":"2026-01-01T00:00:00.000000001Z","port":"customer0","verdict":"forward","reason":"ok","egress":"core0","circuit":"contoso","peering":"private","direction":"inbound","class":"voice","dscp_in":46,"dscp_out":46,"tags":[{"tpid":"0x8100","vid":100,"pcp":5,"dei":false}],"left_tags":[],"len_bytes":64,"data":"0200"}}"#,
            r#"{"counts":{"matched":4,"told":1,"capped":2,"lost":1}}"#,
            r#"{"ended":{"why":"5 frames","is_complete":true,"counts":{"matched":4,"told":1,"capped":2,"lost":1}}}"#,
        ] {
            let line: TraceLine = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&line).unwrap(), json);
        }
    }
}
