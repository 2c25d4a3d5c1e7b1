//! Both ends of a lab, to send and to receive frames at.

use anyhow::Result;
use edge_user::lab::{
    Lab, private_mounts,
    raw::{RawCollector, RawSender},
};

/// The configuration of an edge with [`PORTS`], which forward to each other, and with the text of a
/// literal.
#[macro_export]
macro_rules! lab_config {
    ($rest:literal) => {
        concat!(
            r#"
[edge]
name = "lab"
metrics = "127.0.0.1:0"
[[port]]
name = "customer0"
interface = "customer0"
side = "customer"
forward = "core0"
[[port]]
name = "core0"
interface = "core0"
side = "core"
forward = "customer0"
"#,
            $rest
        )
    };
}

/// The ports' names, which are their interfaces' too.
pub const PORTS: [&str; 2] = ["customer0", "core0"];

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
