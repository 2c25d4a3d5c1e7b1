//! Faults under the traffic of routed circuits.
//!
//! * No packet reaches another customer, and none whose source is not its sender's reaches anybody.
//! * The wire and the ledger have the same of each customer.
//! * Whenever all is put right, everybody reaches the other end again, without an operator.
//!
//! `EDGE_FAULT_SEED=… EDGE_ROUTED_FAULTS=…` repeats it, but for the moments of the scheduler.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use edge_tests::{faults::routed::run::RoutedRun, frames::how_many};
use edge_user::lab::{private_mounts, root_or_skip};

/// Faults in a run of the tests.
const FAULTS: u64 = 45;

#[test]
fn routed_circuits_survive_what_happens_to_routers() -> Result<()> {
    if !root_or_skip("routed_circuits_survive_what_happens_to_routers") {
        return Ok(());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos();
    let seed = how_many("EDGE_FAULT_SEED", now.into());
    let faults = u32::try_from(how_many("EDGE_ROUTED_FAULTS", FAULTS))?;
    eprintln!("EDGE_FAULT_SEED={seed} EDGE_ROUTED_FAULTS={faults}");
    private_mounts()?;
    let mut run = RoutedRun::start(seed)?;
    let ended = run.suffer(faults).and_then(|()| run.put_right()).and_then(|()| run.finish());
    if ended.is_err() {
        eprintln!("seed {seed}:\n{}", run.story());
    }
    let (sent, back) = ended?;
    eprintln!("seed {seed}: {faults} faults, {sent} packets sent, {back} came back");
    eprintln!("{}", run.times());
    Ok(())
}
