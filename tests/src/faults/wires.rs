//! The wires. Each goes from a far end to the edge, and always belongs to the same customer, also
//! when the edge's interface and port at its end change their names.

/// The wires, in pairs: what comes in by one leaves by the other.
pub const WIRES: [Wire; 4] = [
    Wire { name: "customer0", partner: 1, side: "customer", link: "primary" },
    Wire { name: "core0", partner: 0, side: "core", link: "primary" },
    Wire { name: "customer1", partner: 3, side: "customer", link: "secondary" },
    Wire { name: "core1", partner: 2, side: "core", link: "secondary" },
];

/// A wire.
#[derive(Clone, Copy, Debug)]
pub struct Wire {
    /// The lab's name for its far end; its interface and its port have this name at first.
    pub name: &'static str,
    /// The wire that it forwards to.
    pub partner: usize,
    /// `customer` or `core`.
    pub side: &'static str,
    /// `primary` or `secondary`.
    pub link: &'static str,
}

impl Wire {
    /// The direction of frames that the edge receives from it.
    #[must_use]
    pub fn direction(&self) -> &'static str {
        if self.side == "customer" { "inbound" } else { "outbound" }
    }
}
