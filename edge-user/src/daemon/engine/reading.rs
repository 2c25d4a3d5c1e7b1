//! Questions about the configuration that runs. Each waits while a change is stored.

use edge_api::CircuitReach;

use super::{super::look::LookedAt, Engine};
use crate::model::Prices;

impl Engine {
    /// Where the ledger and the meters are.
    #[must_use]
    pub fn books(&self) -> LookedAt {
        LookedAt::of(&self.running.read().config)
    }

    /// The reach of a circuit; `None`: there is no such circuit.
    #[must_use]
    pub fn reach(&self, circuit: &str) -> Option<CircuitReach> {
        self.running.read().config.reach(circuit)
    }

    /// The edge's name and prices.
    #[must_use]
    pub fn prices(&self) -> (String, Option<Prices>) {
        let running = self.running.read();
        (running.config.edge.name.clone(), running.config.prices.clone())
    }

    /// The edge's name, and whether its configuration has a circuit.
    #[must_use]
    pub fn edge_with(&self, circuit: &str) -> (String, bool) {
        let running = self.running.read();
        let has_it = running.config.circuits.iter().any(|known| known.name == circuit);
        (running.config.edge.name.clone(), has_it)
    }
}
