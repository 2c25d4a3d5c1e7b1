//! The ports and reasons whose frames have grown in number since the last look.

use std::collections::HashMap;

use edge_api::PortStatus;
use edge_common::Reason;

/// Reasons that are looked at.
const REASONS: [Reason; 3] = [Reason::OverRate, Reason::Unmatched, Reason::Untagged];

/// The counts of the last look.
#[derive(Debug, Default)]
pub(super) struct Growth {
    /// None before the first look.
    generation: Option<u64>,
    counted: HashMap<String, [u64; REASONS.len()]>,
}

impl Growth {
    /// The ports and reasons that have grown since the last call. After a change of the data plane, counters may have moved,
    /// and nothing has grown.
    pub(super) fn since_last(
        &mut self,
        generation: u64,
        ports: &[PortStatus],
    ) -> Vec<(String, Reason)> {
        let is_same = self.generation.replace(generation) == Some(generation);
        let counted = |port: &PortStatus| {
            REASONS.map(|reason| port.reasons.get(reason.as_str()).copied().unwrap_or(0))
        };
        let now: HashMap<String, _> =
            ports.iter().map(|port| (port.name.clone(), counted(port))).collect();
        let before = std::mem::replace(&mut self.counted, now);
        let mut grown = Vec::new();
        for (port, now) in self.counted.iter().filter(|_| is_same) {
            let Some(before) = before.get(port) else { continue };
            let more = REASONS.iter().zip(before).zip(now).filter(|((_, was), is)| is > was);
            grown.extend(more.map(|((reason, _), _)| (port.clone(), *reason)));
        }
        grown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, unmatched: u64, over_rate: u64) -> PortStatus {
        let document = serde_json::json!({
            "name": name, "interface": "eth1", "side": "customer", "link": "primary", "xdp_mode": "native",
            "rx_frames": 0, "rx_bytes": 0, "reasons": {"unmatched": unmatched, "over-rate": over_rate, "ok": unmatched},
        });
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn growth_is_seen_from_the_second_look_on() {
        let mut growth = Growth::default();
        assert_eq!(growth.since_last(0, &[port("a", 5, 5)]), []);
        assert_eq!(growth.since_last(0, &[port("a", 5, 5)]), []);
        assert_eq!(
            growth.since_last(0, &[port("a", 5, 6), port("new", 9, 9)]),
            [("a".to_owned(), Reason::OverRate)]
        );
        assert_eq!(
            growth.since_last(0, &[port("a", 6, 6), port("new", 9, 9)]),
            [("a".to_owned(), Reason::Unmatched)]
        );
        // Other tables count from another number on.
        assert_eq!(growth.since_last(1, &[port("a", 60, 60)]), []);
        assert_eq!(growth.since_last(1, &[port("a", 3, 3)]), []);
    }
}
