//! Tests beside features of stock kernels, for which a guest has the modules. Guests run each file
//! here (`cargo xtask kernels`); other machines skip them.

mod bond;
mod netem;
mod police;
mod virtio;
mod vlan;

use edge_tests::ends::contoso;
use edge_user::config::sample::{Sample, SampleCircuit};

/// Circuit, kind and VIDs of each peering of [`config`]; an S-VID of 0 is none.
const PEERINGS: [(&str, &str, (u16, u16)); 3] = [
    ("contoso", "private", (100, 10)),
    ("contoso", "microsoft", (100, 20)),
    ("fabrikam", "private", (0, 300)),
];

/// A `QinQ` circuit, whose private peering keeps its DSCPs and whose Microsoft peering treats them
/// as this says, and a `Dot1Q` circuit.
fn config(microsoft_dscp: &str) -> Sample {
    let contoso = contoso()
        .of_peering("private", "dscp", "preserve")
        .peering("microsoft", 20)
        .of_peering("microsoft", "dscp", microsoft_dscp);
    Sample::lab()
        .circuits([contoso, SampleCircuit::new("fabrikam", "1 Gbps").peering("private", 300)])
}
