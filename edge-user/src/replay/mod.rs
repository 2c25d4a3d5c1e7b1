//! `edge replay`: a capture through the data plane, without any interface.

pub mod capture;
pub mod host;
pub mod kernel;

use std::{collections::HashMap, io::Write};

use anyhow::{Context as _, Result};
use edge_common::{
    Action, Reason,
    abi::Outcome,
    meter::{Counted, PortCounters},
    reason::UnmatchedPolicy,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use self::capture::{CaptureReader, CaptureWriter, CapturedFrame};
use crate::plan::{AttachmentPlan, Plan, PortPlan};

pub use self::{host::HostEngine, kernel::KernelEngine};

/// Something that takes frames along the path of one port.
pub trait Engine {
    /// Takes `frame` along the path at `now_ns` and leaves it as it leaves.
    fn run(&mut self, frame: &mut Vec<u8>, now_ns: u64) -> Result<Outcome>;
    /// The counters of an attachment.
    fn counted(&self, attachment: u32) -> Result<Counted>;
    /// The counters of the port.
    fn port_counters(&self) -> Result<PortCounters>;
}

/// Attachments by index.
type Attachments<'a> = HashMap<u32, &'a AttachmentPlan>;

/// One line of `edge replay --json`.
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
    bytes: u32,
    sha256: Option<String>,
}

/// Sums of a replay.
#[derive(Debug, Default)]
pub struct Summary {
    /// Frames by reason number.
    pub frames: [u64; Reason::ALL.len()],
    /// Bytes by reason number.
    pub bytes: [u64; Reason::ALL.len()],
}

/// Runs every frame of `reader` through `engine` as received on `port`; writes what leaves to
/// `writer`, and a line a frame to `lines`. Damage in the capture ends the replay with its error,
/// after the frames before it.
pub fn replay(
    engine: &mut dyn Engine,
    plan: &Plan,
    port: &PortPlan,
    reader: CaptureReader,
    mut writer: Option<&mut CaptureWriter<impl Write>>,
    mut lines: Option<&mut dyn Write>,
) -> Result<Summary> {
    let mut summary = Summary::default();
    let attachments = plan.attachments.iter().map(|attachment| (attachment.index, attachment));
    let attachments: Attachments<'_> = attachments.collect();
    for (number, captured) in (1..).zip(reader) {
        let CapturedFrame { timestamp_ns, mut data, orig_len_bytes } = captured?;
        let len_bytes = data.len() as u64;
        let outcome = engine
            .run(&mut data, timestamp_ns)
            .with_context(|| format!("frame {number} of the capture"))?;
        let reason = outcome.reason().context("the path has not ended")?;
        summary.frames[usize::from(reason.number())] += 1;
        summary.bytes[usize::from(reason.number())] += len_bytes;
        let action = reason.action(port.unmatched);
        if let Some(lines) = lines.as_mut() {
            let report = report(number, outcome, reason, &attachments, port, &data);
            serde_json::to_writer(&mut **lines, &report)?;
            lines.write_all(b"\n")?;
        }
        if let (Some(writer), true) = (writer.as_mut(), action != Action::Drop) {
            writer.write(&CapturedFrame { timestamp_ns, data, orig_len_bytes })?;
        }
    }
    Ok(summary)
}

impl Summary {
    /// A line a reason, for people.
    pub fn print(&self, unmatched: UnmatchedPolicy, out: &mut dyn Write) -> Result<()> {
        let mut table = comfy_table::Table::new();
        table.load_preset(comfy_table::presets::NOTHING);
        table.set_header(["reason", "verdict", "frames", "bytes"]);
        for reason in Reason::ALL {
            let number = usize::from(reason.number());
            if self.frames[number] != 0 {
                table.add_row([
                    reason.as_str().to_owned(),
                    verdict(reason.action(unmatched)).to_owned(),
                    self.frames[number].to_string(),
                    self.bytes[number].to_string(),
                ]);
            }
        }
        writeln!(out, "{table}")?;
        Ok(())
    }
}

fn report<'a>(
    frame: u64,
    outcome: Outcome,
    reason: Reason,
    attachments: &Attachments<'a>,
    port: &PortPlan,
    data: &[u8],
) -> FrameReport<'a> {
    let applies = |value: u8| (value != Outcome::NONE).then_some(value);
    let action = reason.action(port.unmatched);
    let leaves = action != Action::Drop;
    let attachment = attachments.get(&outcome.attachment).copied();
    let class = |attachment: &'a AttachmentPlan| {
        Some(attachment.key.classes.get(usize::from(outcome.class))?.as_str())
    };
    FrameReport {
        frame,
        verdict: verdict(action),
        reason: reason.as_str(),
        circuit: attachment.map(|attachment| attachment.key.circuit.as_str()),
        peering: attachment.map(|attachment| attachment.key.peering.as_str()),
        direction: port.side.direction().as_str(),
        class: attachment.and_then(class),
        dscp_in: applies(outcome.dscp_in),
        dscp_out: applies(outcome.dscp_out).filter(|_| leaves),
        bytes: outcome.len_bytes,
        sha256: leaves.then(|| hex(&Sha256::digest(data))),
    }
}

fn verdict(action: Action) -> &'static str {
    match action {
        Action::Forward => "forward",
        Action::Pass => "pass",
        Action::Drop => "drop",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
