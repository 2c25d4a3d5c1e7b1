//! Step 8, forwarding: the frame goes to where the port forwards.

use crate::{env::Egress, reason::Reason};

/// Sends the frame on its way. A frame that could not be sent is not billed: the meter comes after this.
#[inline(always)]
pub fn forward(egress: &mut impl Egress) -> Result<(), Reason> {
    if egress.forward() { Ok(()) } else { Err(Reason::NoEgress) }
}
