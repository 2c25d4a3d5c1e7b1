//! `edge demo`: a whole edge on one machine, real traffic through it, and a comparison of what it
//! says with what the wire saw.

mod account;
mod checks;
mod routed;
mod scenario;
mod verdict;

use std::{fs, io::Write, path::Path};

use anyhow::{Context as _, Result, bail};
use edge_api::Client;

pub use self::routed::demo_routed;
use self::{
    scenario::{CORE, CUSTOMER, Circuits, Scenario},
    verdict::report,
};
use super::{edge::EdgeProcess, mounts::private_mounts, preflight::preflight, topology::Lab};
use crate::{
    billing::ledger::{Ledger, UsageQuery},
    units::bit_rate,
};

const CONFIG: &str = "/run/edge/demo.toml";
const CONTROL: &str = "/run/edge/control.sock";
/// Another name for the running binary, which works wherever that is.
const SELF: &str = "/proc/self/exe";

/// Runs the demo and tells `out` about it. An error where the edge does not do what it says.
///
/// Everything goes with the demo, however it ends, even by a signal: namespaces, mounts and pins
/// have no names outside.
pub fn demo(out: &mut dyn Write) -> Result<()> {
    preflight()?;
    private_mounts()?;
    let circuits = Circuits::default();
    writeln!(
        out,
        "A lab of network namespaces: a customer and the cloud, {CUSTOMER} and {CORE} of an edge \
         between them.\n\
         \n  contoso   {}, QinQ S-tag 100: private peering C-tag 10, Microsoft peering C-tag 20\
         \n  fabrikam  {}, Dot1Q C-tag 300: private peering\n",
        bit_rate(circuits.contoso_bps),
        bit_rate(circuits.fabrikam_bps),
    )?;
    let mut lab = Lab::new(&[CUSTOMER, CORE])?;
    configure(&circuits)?;
    let edge = EdgeProcess::start(lab.edge(), Path::new(SELF), Path::new(CONFIG))?;
    let outcome = Scenario::new(&mut lab, circuits)?.run(out)?;
    let client = Client::new(Path::new(CONTROL));
    let status = client.status()?;

    let booked = client.book()?;
    let ledger = Ledger::open_read_only(&booked.state_dir)?;
    let account = account::take(&lab, &status, &ledger.usage(&UsageQuery::default())?)?;
    writeln!(out, "\n{}\n", account.table(outcome.flood.elapsed))?;
    let failed = report(out, &checks::check(&outcome, &account, &status))?;
    let said = edge.said();
    drop(edge);
    drop(lab);
    if failed != 0 {
        bail!("{failed} of the demo's checks failed; the edge said:\n{said}");
    }
    writeln!(out, "\nEverything is removed again.")?;
    Ok(())
}

fn configure(circuits: &Circuits) -> Result<()> {
    let config = circuits.config().to_string();
    fs::write(CONFIG, config).with_context(|| format!("cannot write {CONFIG}"))
}

fn reconfigure(circuits: &Circuits) -> Result<()> {
    configure(circuits)?;
    Client::new(Path::new(CONTROL)).reload()?;
    Ok(())
}
