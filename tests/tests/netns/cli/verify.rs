//! `edge verify`: a circuit's turn-up test.

use anyhow::Result;
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
};
use serde_json::Value;

use super::{Place, told};

#[test]
fn a_circuit_is_verified_through_the_loaded_program() -> Result<()> {
    let circuit = SampleCircuit::new("contoso", "1 Gbps").s_tag(100).peering("private", 10);
    let closed = SampleCircuit::new("closed", "1 Gbps").key("enabled", false).s_tag(200);
    let config = Sample::lab()
        .circuit(circuit.key("burst", "128 KB"))
        .circuit(closed.peering("private", 10));
    let place = Place::new(&config.to_string())?;
    let mut engines = vec!["host"];
    if root_or_skip("a_circuit_is_verified_through_the_loaded_program") {
        engines.push("kernel");
    }
    let mut reports = Vec::new();
    for engine in engines {
        let arguments = ["verify", "contoso", "-c", "edge.toml", "--engine", engine, "--json"];
        let (code, out, err) = told(&place.edge(&arguments)?);
        assert_eq!(code, 0, "{engine}: {err}{out}");
        let report: Value = serde_json::from_str(&out)?;
        assert_eq!(report["passed"], true, "{report}");
        reports.push(report["services"].clone());
    }
    // Both run the same code, at the same times.
    assert!(reports.windows(2).all(|two| two[0] == two[1]), "{reports:#?}");

    let shown = ["verify", "closed", "-c", "edge.toml", "--engine", "host"];
    let (code, out, err) = told(&place.edge(&shown)?);
    assert_eq!(code, 1, "{err}");
    assert!(out.contains("circuit closed, 1 Gbps: FAILED"), "{out}");
    assert!(out.contains("2000 circuit-disabled"), "{out}");
    let (code, _, err) = told(&place.edge(&["verify", "nobody", "-c", "edge.toml"])?);
    assert!(code == 2 && err.contains("has no circuit \"nobody\""), "{code}: {err}");
    Ok(())
}
