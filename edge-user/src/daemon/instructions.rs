//! The bookkeeper's instructions.

use crate::{
    billing::ledger::Policy,
    config::{Circuit, Config, Export, LedgerConfig},
    model::Terms,
};

/// Instructions that the bookkeeper follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// The edge's name.
    pub edge: String,
    /// The ledger's settings.
    pub ledger: LedgerConfig,
    /// The terms that circuits are sold at.
    pub terms: Vec<Terms>,
    /// The exports of records.
    pub exports: Vec<Export>,
}

impl Instructions {
    /// The instructions of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let terms = config.circuits.iter().map(|circuit| terms(&config.edge.name, circuit));
        Self {
            edge: config.edge.name.clone(),
            ledger: config.ledger,
            terms: terms.collect(),
            exports: config.exports.clone(),
        }
    }
}

/// The terms that a circuit of an edge is sold by.
pub(super) fn terms(edge: &str, circuit: &Circuit) -> Terms {
    Terms {
        edge: edge.to_owned(),
        circuit: circuit.name.clone(),
        service_key: circuit.service_key.clone(),
        bandwidth_bps: circuit.bandwidth_bps,
        billing: circuit.billing,
        sku: circuit.sku,
        zone: circuit.zone.clone(),
    }
}

impl LedgerConfig {
    /// The rules by which readings become usage.
    #[must_use]
    pub fn policy(&self) -> Policy {
        // One missed reading is no gap yet.
        Policy { period: self.period, gap: 3 * self.checkpoint }
    }
}
