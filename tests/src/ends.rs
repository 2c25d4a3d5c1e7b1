//! Both ends of a lab, to send and to receive frames at.

use anyhow::Result;
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::{
        Lab, private_mounts,
        raw::{RawCollector, RawSender},
    },
};

/// The names of the ports that [`Sample::lab`] has, which are their interfaces' too.
pub const PORTS: [&str; 2] = ["customer0", "core0"];

/// The circuit that most tests have: S-tag 100, and a private peering with C-tag 10.
pub fn contoso() -> SampleCircuit {
    SampleCircuit::new("contoso", "1 Gbps").s_tag(100).peering("private", 10)
}

/// An edge with this circuit alone, whose private peering has one class, which may use the whole
/// burst.
pub fn with_one_class(circuit: SampleCircuit) -> Sample {
    Sample::lab()
        .circuit(circuit.of_peering("private", "qos", "one"))
        .qos("one", [r#"name = "all", dscp = ["default"]"#])
}

/// A lab with [`PORTS`], out of sight of every other process.
pub fn lab(mtu_bytes: u32) -> Result<Lab> {
    private_mounts()?;
    Lab::with_mtu(&PORTS, mtu_bytes)
}

/// The sender and the collector that are cabled to each port.
pub struct Ends {
    /// To `customer0`.
    pub customer: (RawSender, RawCollector),
    /// To `core0`.
    pub core: (RawSender, RawCollector),
}

impl Ends {
    /// Opens both.
    pub fn open(lab: &Lab) -> Result<Self> {
        let open = |port| -> Result<_> {
            let end = lab.far_end(port)?;
            Ok((
                RawSender::open(end.ns(), end.interface())?,
                RawCollector::open(end.ns(), end.interface())?,
            ))
        };
        let [customer, core] = PORTS;
        Ok(Self { customer: open(customer)?, core: open(core)? })
    }
}
