//! The carriers of links, as the ports that they are on have them.

use std::collections::{BTreeMap, BTreeSet};

use super::tables::KernelRouterTables;
use crate::{
    daemon::ports::PortStates,
    plan::Plan,
    routing::engine::{RouterEngine, error::EngineError},
};

/// Whether each interface of the router has a carrier, as the engine was told.
#[derive(Default)]
pub(super) struct Carriers(BTreeMap<u32, bool>);

impl Carriers {
    /// Tells the engine of changes. After an error, all are told once more.
    pub(super) fn follow(
        &mut self,
        plan: &Plan,
        states: &PortStates,
        engine: &RouterEngine<KernelRouterTables>,
    ) -> Result<(), EngineError> {
        let carriers: BTreeMap<u32, bool> = carriers(plan, states).collect();
        for is_present in [false, true] {
            let changed: BTreeSet<u32> = carriers
                .iter()
                // An interface that nobody has told of has a carrier.
                .filter(|(index, now)| {
                    **now == is_present && **now != self.0.get(index).copied().unwrap_or(true)
                })
                .map(|(index, _)| *index)
                .collect();
            if !changed.is_empty() {
                engine.set_carrier(&changed, is_present)?;
            }
        }
        self.0 = carriers;
        Ok(())
    }
}

/// Each interface of the router, and whether its port has a carrier.
fn carriers(plan: &Plan, states: &PortStates) -> impl Iterator<Item = (u32, bool)> {
    plan.interfaces.iter().filter_map(|interface| {
        let port = plan.ports.iter().find(|port| port.index == interface.value.egress)?;
        Some((interface.index, states.get(&port.name)?.has_carrier))
    })
}
