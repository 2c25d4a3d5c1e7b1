//! From indices in the tables to names, as they are while a trace lasts: no change of the configuration happens meanwhile.

use std::{collections::HashMap, fmt::Write as _};

use edge_api::{TracedFrame, TracedTag};
use edge_common::{
    Action, Reason,
    abi::{
        EGRESS_STACK,
        outcome::Outcome,
        trace::{LEFT_TAGS_BYTES, LEFT_TAGS_OFFSET, ToldFrame},
    },
    packet::vlan::{TAG_LEN_BYTES, is_tpid},
    reason::UnmatchedPolicy,
};

use crate::{
    config::Config,
    plan::{AttachmentKey, Plan},
    replay::verdict,
    time::MonotonicDates,
};

/// Tags of a frame that are told.
const MOST_TAGS: usize = 2;

/// Owners of frames, and ports, by their indices.
pub(in crate::daemon) struct Owners {
    attachments: HashMap<u32, AttachmentKey>,
    ports: HashMap<u32, String>,
    router: u32,
    unmatched: UnmatchedPolicy,
}

impl Owners {
    pub(in crate::daemon) fn new(config: &Config, plan: &Plan, router: u32) -> Self {
        let attachments = plan.attachments.iter().map(|own| (own.index, own.key.clone()));
        let ports = plan.ports.iter().map(|port| (port.index, port.name.clone()));
        Self {
            attachments: attachments.collect(),
            ports: ports.collect(),
            router,
            unmatched: config.edge.unmatched,
        }
    }

    /// A frame with names; `None`: it has no reason that this version knows.
    pub(super) fn frame(
        &self,
        told: &ToldFrame,
        bytes: &[u8],
        dates: &MonotonicDates,
    ) -> Option<TracedFrame> {
        let Outcome { attachment, class, dscp_in, dscp_out, .. } = told.outcome;
        let reason = told.outcome.reason()?;
        let action = told.outcome.action(reason, self.unmatched);
        let owner = self.attachments.get(&attachment);
        let dscp = |dscp: u8| (dscp != Outcome::NONE).then_some(dscp);
        let leaves = action != Action::Drop;
        // A frame that is dropped behind its mark has one, and leaves with none.
        let dscp_out = dscp(dscp_out).filter(|_| leaves);
        Some(TracedFrame {
            at: dates.exact_date(told.at_ns),
            port: self.port(told.port),
            verdict: verdict(action).to_owned(),
            reason: reason.as_str().to_owned(),
            egress: self.egress(told.egress, action, reason),
            circuit: owner.map(|own| own.circuit.clone()),
            peering: owner.map(|own| own.peering.as_str().to_owned()),
            vnet: owner.and_then(|own| own.vnet.clone()),
            direction: owner.map(|own| own.direction.as_str().to_owned()),
            class: owner.and_then(|own| own.classes.get(usize::from(class)).cloned()),
            dscp_in: dscp(dscp_in),
            dscp_out,
            tags: tags(bytes.get(LEFT_TAGS_OFFSET..).unwrap_or_default()),
            left_tags: leaves.then(|| {
                let left_bytes = (told.left_len_bytes as usize).saturating_sub(LEFT_TAGS_OFFSET);
                tags(&told.left_tags[..left_bytes.min(LEFT_TAGS_BYTES)])
            }),
            len_bytes: told.len_bytes,
            data: bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
                // Writing to a string doesn't fail.
                let _ = write!(hex, "{byte:02x}");
                hex
            }),
        })
    }

    fn port(&self, index: u32) -> String {
        self.ports.get(&index).cloned().unwrap_or_default()
    }

    fn egress(&self, index: u32, action: Action, reason: Reason) -> Option<String> {
        match action {
            Action::Drop => None,
            Action::Pass => Some("stack".to_owned()),
            Action::Forward if index == EGRESS_STACK => Some("stack".to_owned()),
            Action::Punt => Some("router".to_owned()),
            Action::Forward | Action::Answer if index == self.router && reason != Reason::Ok => {
                Some("router".to_owned())
            }
            Action::Forward | Action::Answer => self.ports.get(&index).cloned(),
        }
    }
}

/// The tags at the beginning of `bytes`, the outer first.
fn tags(bytes: &[u8]) -> Vec<TracedTag> {
    let (tags, _) = bytes.as_chunks::<TAG_LEN_BYTES>();
    let words = tags
        .iter()
        .map(|[a, b, c, d]| (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])));
    let tags = words.take_while(|(tpid, _)| is_tpid(*tpid)).take(MOST_TAGS);
    tags.map(|(tpid, tci)| TracedTag {
        tpid: format!("{tpid:#06x}"),
        vid: tci & 0x0fff,
        pcp: (tci >> 13) as u8,
        dei: tci >> 12 & 1 != 0,
    })
    .collect()
}
