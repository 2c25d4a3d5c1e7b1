//! The buckets of circuits that run.

use edge_api::PolicerStatus;

use super::{
    engine::running::Running,
    policers::{self, PolicerStates},
};
use crate::{config::Circuit, daemon::error::Result, plan::PolicerKey};

/// Reads the policers of these circuits.
pub(super) fn states<'c>(
    running: &Running,
    circuits: impl IntoIterator<Item = &'c Circuit>,
) -> Result<PolicerStates> {
    let own = circuits.into_iter().flat_map(|circuit| own_policers(running, circuit));
    let mut indices: Vec<u32> = own.map(|(_, index)| index).collect();
    indices.sort_unstable();
    let states = running.set.tables.policers(&indices)?;
    Ok(indices.into_iter().zip(states).collect())
}

/// The buckets of a circuit, whose states were read.
pub(super) fn buckets(
    running: &Running,
    circuit: &Circuit,
    states: &PolicerStates,
) -> Vec<PolicerStatus> {
    let own = own_policers(running, circuit);
    policers::policers(&running.config, circuit, own, states, &running.peaks)
}

fn own_policers<'r>(
    running: &'r Running,
    circuit: &'r Circuit,
) -> impl Iterator<Item = (&'r PolicerKey, u32)> + Clone {
    let own = running.installed.plan.policers.range(PolicerKey::first_of(&circuit.name)..);
    let own = own.take_while(|(key, _)| key.circuit == circuit.name);
    let own = own.filter(|(key, _)| !key.scope.is_of_router());
    own.map(|(key, claim)| (key, claim.index))
}
