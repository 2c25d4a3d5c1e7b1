//! Step 1, the port: what is fixed for every frame that one interface receives.
//!
//! One program is loaded for each port with these as constants, so that the verifier folds them
//! and removes the branches that this port can't take.

use crate::reason::UnmatchedPolicy;

/// Outer TPIDs that a port can accept at the most.
pub const MAX_TPIDS: usize = 4;

/// The constants of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortConfig {
    /// Accepted outer TPIDs; 0 where fewer than [`MAX_TPIDS`] are.
    pub tpids: [u16; MAX_TPIDS],
    /// What happens to frames that belong to no circuit.
    pub unmatched: UnmatchedPolicy,
    /// Whether a profile of its circuits has rules.
    pub has_rules: bool,
}

impl PortConfig {
    /// Whether `ether_type` starts an outer tag on this port.
    #[inline(always)]
    #[must_use]
    pub fn accepts_tpid(&self, ether_type: u16) -> bool {
        let [a, b, c, d] = self.tpids;
        // 0 marks an unused place, and an EtherType of 0 (an IEEE 802.3 length) is never a TPID.
        ether_type != 0
            && (ether_type == a || ether_type == b || ether_type == c || ether_type == d)
    }
}
