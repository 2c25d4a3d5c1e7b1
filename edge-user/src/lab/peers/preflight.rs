//! The peers' needs of the machine.

use anyhow::{Result, bail};

use super::frr_peer::FrrPeer;
use crate::lab::preflight::on_path;

/// Checks that BIRD and FRR are here. An error names what is missing, and the cure.
pub fn peers_preflight() -> Result<()> {
    if !on_path("bird") {
        bail!(
            "routed circuits need BIRD 2, and `bird` is not on PATH; install it (Debian: apt-get install bird2) and see \
             that PATH has /usr/sbin"
        );
    }
    if let Some(missing) = FrrPeer::missing() {
        bail!(
            "one of the customers' routers is an FRR, and {missing} is missing; install it (Debian: apt-get install frr)"
        );
    }
    Ok(())
}
