//! Step 11, forwarding: the frame goes to the port's destination, or to its next hop's port.

use crate::{
    env::{Egress, Way},
    reason::Reason,
};

/// Sends the frame. The meter comes after this step, so that a frame that can't be sent is not
/// billed.
#[inline(always)]
pub fn forward(egress: &mut impl Egress, way: Way) -> Result<(), Reason> {
    if egress.forward(way) { Ok(()) } else { Err(Reason::NoEgress) }
}
