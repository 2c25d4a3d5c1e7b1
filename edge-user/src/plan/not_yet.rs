//! Parts of a configuration that the data plane has no tables for yet.

use std::path::Path;

use crate::config::{Config, ConfigErrors};

/// Refuses a configuration with routed peerings, which no step of the path forwards yet. `path` is its
/// file's.
pub fn forwardable(config: &Config, path: &Path) -> Result<(), ConfigErrors> {
    let Some(first) = config.peering_links().next() else { return Ok(()) };
    let message = format!(
        "routed peerings are not yet forwarded, and circuit {:?} has one; until a version that does, \
         remove `peer_asn` and `static_routes` with what depends on them, which leaves a wire",
        first.circuit.name
    );
    Err(ConfigErrors::of_file(path, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        parse,
        sample::{Sample, SampleCircuit},
    };

    #[test]
    fn a_wire_is_forwarded_and_a_routed_peering_is_not_yet() {
        let path = Path::new("f");
        let circuit = SampleCircuit::new("contoso", "1 Gbps").peering("private", 10);
        let sample = Sample::lab().circuit(circuit).routing("daemon", "none");
        let wire = parse(&sample.to_string(), path).expect("correct");
        assert_eq!(forwardable(&wire, path), Ok(()));
        let routed = sample.change_circuit("contoso", |circuit| {
            circuit.of_peering("private", "peer_asn", 65_001).of_peering(
                "private",
                "primary",
                "192.168.15.16/30",
            )
        });
        let routed = parse(&routed.to_string(), path).expect("correct");
        let refused = forwardable(&routed, path).expect_err("not yet").to_string();
        assert!(
            refused.starts_with("f: error: routed peerings are not yet forwarded"),
            "{refused}"
        );
    }
}
