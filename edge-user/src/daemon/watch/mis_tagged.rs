//! Frames whose tags no circuit claims, and the customers that they are probably from.

use std::{collections::BTreeSet, time::Duration};

use edge_api::{Condition, ConditionKind, UnmatchedFrames};
use jiff::Timestamp;

use super::{super::engine::Engine, EVERY, lasting::LastingConditions};
use crate::{
    daemon::{error::Result, unmatched},
    plan::{PortClaim, port_claims},
    view::unmatched::frames_text,
};

/// Frames are of late where the last one came within this time.
const OF_LATE: Duration = EVERY.saturating_mul(2);

/// The tags that circuits claim, as they were at the last look, and the number of changes of the data plane before it.
#[derive(Debug, Default)]
pub(super) struct MisTagged {
    claims: Option<(u64, Vec<PortClaim>)>,
}

impl MisTagged {
    /// Looks at these ports, which have counted such frames since the last look.
    pub(super) fn look(
        &mut self,
        engine: &Engine,
        generation: u64,
        ports: &BTreeSet<String>,
        now: Duration,
        lasting: &mut LastingConditions,
    ) -> Result<()> {
        if ports.is_empty() {
            return Ok(());
        }
        let known = self.claims.take().filter(|(of, _)| *of == generation);
        let read = || (generation, port_claims(&engine.running.read().config));
        let (_, claims) = self.claims.insert(known.unwrap_or_else(read));
        let frames = unmatched::lately(&engine.running, claims, ports, OF_LATE)?;
        let running = engine.running.read();
        for (condition, of_it) in conditions(&frames) {
            let circuits = &mut running.config.circuits.iter();
            if let Some(circuit) = circuits.find(|circuit| circuit.name == of_it) {
                lasting.see(condition, circuit, now);
            }
        }
        Ok(())
    }
}

/// A condition for each port and circuit, by the most frequent tags.
fn conditions(frames: &[UnmatchedFrames]) -> Vec<(Condition, &str)> {
    let mut found: Vec<(Condition, &str)> = Vec::new();
    for frames in frames {
        let Some(nearest) = &frames.nearest else { continue };
        let sentence = format!(
            "{}: no circuit claims them; have the customer's tags put right, or the circuit's: see `edge unmatched`",
            frames_text(frames)
        );
        let condition = Condition {
            port: Some(frames.port.clone()),
            circuit: Some(nearest.circuit.clone()),
            // The lasting conditions know since when.
            ..Condition::new(ConditionKind::MisTagged, Timestamp::UNIX_EPOCH, sentence)
        };
        if !found.iter().any(|(other, _)| other.is_same(&condition)) {
            found.push((condition, &nearest.circuit));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_and_circuit_has_one_with_the_most_frequent_tags() {
        let frames = |port: &str, c_vid: u16, frames: u64, circuit: Option<&str>| {
            let nearest = circuit.map(|circuit| {
                serde_json::json!({"circuit": circuit, "peering": "private", "s_tag": 100, "c_tag": "10"})
            });
            let document = serde_json::json!({
                "port": port, "tpid": "0x8100", "s_vid": 100, "c_vid": c_vid, "frames": frames, "bytes": 64,
                "first": "2026-01-01T00:00:00Z", "last": "2026-01-01T00:00:00Z", "src_mac": "02:00:00:00:00:01",
                "nearest": nearest,
            });
            serde_json::from_value::<UnmatchedFrames>(document).unwrap()
        };
        let frames = [
            frames("a", 11, 9, Some("contoso")),
            frames("a", 12, 8, Some("contoso")),
            frames("a", 13, 7, None),
            frames("b", 14, 6, Some("contoso")),
        ];
        let found = conditions(&frames);
        let found: Vec<_> = found
            .iter()
            .map(|(it, of)| (it.subject(), *of, it.sentence.split(':').next()))
            .collect();
        assert_eq!(
            found,
            [
                (
                    "port a".to_owned(),
                    "contoso",
                    Some("9 frames with S 100, C 11; contoso (private) has S 100, C 10")
                ),
                (
                    "port b".to_owned(),
                    "contoso",
                    Some("6 frames with S 100, C 14; contoso (private) has S 100, C 10")
                ),
            ]
        );
    }
}
