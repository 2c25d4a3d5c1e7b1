//! Step 8, forwarding: the frame goes to the port's destination.

use crate::{env::Egress, reason::Reason};

/// Sends the frame. The meter comes after this step, so that a frame that can't be sent is not
/// billed.
#[inline(always)]
pub fn forward(egress: &mut impl Egress) -> Result<(), Reason> {
    if egress.forward() { Ok(()) } else { Err(Reason::NoEgress) }
}
