//! `edge replay --json`: a line a frame.

use std::{collections::HashMap, fmt::Write as _};

use edge_common::{Action, Reason, abi::outcome::Outcome};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    cut::CapturedLen,
    tags::{ReceivedTag, Tpid},
};
use crate::plan::{AttachmentPlan, Plan, PortPlan};

/// One line of `edge replay --json`. Fields are appended and never renamed.
#[derive(Debug, Serialize)]
pub struct FrameReport<'a> {
    frame: u64,
    verdict: &'static str,
    reason: &'static str,
    circuit: Option<&'a str>,
    peering: Option<&'static str>,
    direction: &'static str,
    class: Option<&'a str>,
    dscp_in: Option<u8>,
    dscp_out: Option<u8>,
    /// The bytes that the frame counts for, at the length that it had on the wire.
    bytes: u32,
    /// The SHA-256 of the frame as it is written: a frame that was cut stays cut.
    sha256: Option<String>,
    /// The outer tag's TPID. This field and the two after it have the names of `edge unmatched`.
    tpid: Option<Tpid>,
    s_vid: Option<u16>,
    c_vid: Option<u16>,
    /// All tags as received, the outer first.
    tags: &'a [ReceivedTag],
    /// The number of captured bytes, where the frame was captured short.
    captured_bytes: Option<usize>,
    /// Whether the path read only captured bytes, and no zero in place of a missing one.
    certain: bool,
}

/// The results of a replay for one frame.
pub(super) struct ReplayedFrame<'a> {
    /// Its number in the capture, from 1.
    pub(super) frame: u64,
    /// Notes of the path.
    pub(super) outcome: Outcome,
    /// The reason for which its path ended.
    pub(super) reason: Reason,
    /// Its tags.
    pub(super) tags: &'a [ReceivedTag],
    /// Its length, and the part that was captured.
    pub(super) arrived: CapturedLen,
    /// Whether the path read only captured bytes.
    pub(super) is_certain: bool,
    /// The frame as it is written.
    pub(super) left: &'a [u8],
}

/// Makes lines for the frames of one port.
pub(super) struct Reporter<'a> {
    port: &'a PortPlan,
    attachments: HashMap<u32, &'a AttachmentPlan>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(plan: &'a Plan, port: &'a PortPlan) -> Self {
        let attachments = plan.attachments.iter().map(|attachment| (attachment.index, attachment));
        Self { port, attachments: attachments.collect() }
    }

    pub(super) fn report<'b>(&'b self, told: &ReplayedFrame<'b>) -> FrameReport<'b> {
        let ReplayedFrame { frame, outcome, reason, tags, arrived, is_certain, left } = *told;
        let applies = |value: u8| (value != Outcome::NONE).then_some(value);
        let action = outcome.action(reason, self.port.unmatched);
        let leaves = action != Action::Drop;
        let attachment = self.attachments.get(&outcome.attachment).copied();
        let class = |attachment: &'b AttachmentPlan| {
            Some(attachment.key.classes.get(usize::from(outcome.class))?.as_str())
        };
        FrameReport {
            frame,
            verdict: verdict(action),
            reason: reason.as_str(),
            circuit: attachment.map(|attachment| attachment.key.circuit.as_str()),
            peering: attachment.map(|attachment| attachment.key.peering.as_str()),
            direction: self.port.side.direction().as_str(),
            class: attachment.and_then(class),
            dscp_in: applies(outcome.dscp_in),
            dscp_out: applies(outcome.dscp_out).filter(|_| leaves),
            bytes: outcome.len_bytes,
            sha256: leaves.then(|| hex(&Sha256::digest(left))),
            tpid: tags.first().map(|tag| tag.tpid),
            s_vid: tags.first().map(|tag| tag.vid),
            c_vid: tags.get(1).map(|tag| tag.vid),
            tags,
            captured_bytes: arrived.is_cut().then_some(arrived.captured_bytes),
            certain: is_certain,
        }
    }
}

/// The name of an action in reports.
#[must_use]
pub fn verdict(action: Action) -> &'static str {
    match action {
        Action::Forward => "forward",
        Action::Pass => "pass",
        Action::Drop => "drop",
        Action::Punt => "punt",
        Action::Answer => "answer",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string doesn't fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
