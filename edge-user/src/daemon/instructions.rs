//! What the bookkeeper goes by.

use crate::{
    billing::ledger::Policy,
    config::{Circuit, Config, Export, LedgerConfig},
    model::Terms,
};

/// What the bookkeeper goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instructions {
    /// The edge's name.
    pub edge: String,
    /// How the ledger is kept.
    pub ledger: LedgerConfig,
    /// What circuits are sold as.
    pub terms: Vec<Terms>,
    /// Where records go.
    pub exports: Vec<Export>,
}

impl Instructions {
    /// Those of a configuration.
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
    /// How readings become usage.
    #[must_use]
    pub fn policy(&self) -> Policy {
        // A reading that was missed is no gap yet.
        Policy { period: self.period, gap: 3 * self.checkpoint }
    }
}
