//! What a correct file says, in short, and what in it is unusual.

use std::collections::BTreeMap;

use super::{
    Circuit, Config,
    burst::{bytes_in, least_share_permille, share_bytes},
};

/// A shorter burst makes TCP lose segments well below the purchased rate.
const SHORT_BURST_NS: u64 = 5_000_000;
/// A jumbo frame with its tags.
const JUMBO_FRAME_BYTES: u64 = 9_216;

impl Config {
    /// One line for `edge check`.
    #[must_use]
    pub fn summary(&self) -> String {
        let qinq = self.circuits.iter().filter(|circuit| circuit.s_tag.is_some()).count();
        let peerings: usize = self.circuits.iter().map(|circuit| circuit.peerings.len()).sum();
        format!(
            "ok: edge {:?}: {}, {} ({qinq} QinQ, {} Dot1Q), {}",
            self.edge.name,
            counted(self.ports.len(), "port"),
            counted(self.circuits.len(), "circuit"),
            self.circuits.len() - qinq,
            counted(peerings, "peering"),
        )
    }

    /// What is correct but perhaps not meant, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.circuits.is_empty() {
            warnings.push("there is no circuit: every frame is unmatched".into());
        }
        for port in &self.ports {
            let has_circuit = self.circuits.iter().any(|c| c.ports.contains(&port.name));
            if !has_circuit && !self.circuits.is_empty() {
                warnings.push(format!("port {:?} has no circuit", port.name));
            }
        }
        let mut service_keys = BTreeMap::new();
        for circuit in &self.circuits {
            let name = &circuit.name;
            if !circuit.enabled {
                warnings.push(format!("circuit {name:?} is disabled: its frames are dropped"));
            }
            warnings.extend(self.burst_warning(circuit));
            let Some(key) = &circuit.service_key else { continue };
            if let Some(first) = service_keys.insert(key, name) {
                warnings.push(format!("circuits {first:?} and {name:?} have one service key"));
            }
        }
        warnings
    }

    fn burst_warning(&self, circuit: &Circuit) -> Option<String> {
        let name = &circuit.name;
        let profiles = circuit.peerings.iter().filter_map(|peering| self.qos.get(&peering.qos));
        let least_permille = profiles.map(least_share_permille).min()?;
        let least_share_bytes = share_bytes(circuit.burst_bytes, least_permille);
        if least_share_bytes < JUMBO_FRAME_BYTES {
            return Some(format!(
                "circuit {name:?}: the smallest class share of the burst is {least_share_bytes} \
                 bytes: no frame of {JUMBO_FRAME_BYTES} bytes passes in that class"
            ));
        }
        (circuit.burst_bytes < bytes_in(SHORT_BURST_NS, circuit.bandwidth_bps)).then(|| {
            format!(
                "circuit {name:?}: a burst below 5 ms of the bandwidth slows TCP; 25 ms is usual"
            )
        })
    }
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
