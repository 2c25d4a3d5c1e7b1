//! Questions about the configuration that runs. Each waits while a change is stored.

use std::fs;

use edge_api::{CircuitReach, CircuitRecord};

use super::{
    super::look::LookedAt, Engine, circuit_record::circuit_record, error::ChangeError,
    new_config::NewConfig,
};
use crate::{config::ConfigDigest, model::Prices};

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

    /// The record of a circuit, as its provider and its customer know it; `None`: there is no such circuit.
    #[must_use]
    pub fn circuit_record(&self, circuit: &str) -> Option<CircuitRecord> {
        let running = self.running.read();
        let circuit = running.config.circuits.iter().find(|known| known.name == circuit)?;
        Some(circuit_record(circuit, &running.config.ports))
    }

    /// The daemon's file, and the digest of what runs, which the file says, too. This may take long.
    ///
    /// # Errors
    ///
    /// The file says something else, is wrong, or can't be read.
    pub fn file_of_what_runs(&self) -> Result<(NewConfig, String), ChangeError> {
        let text = fs::read_to_string(&self.config_path);
        let file = text.ok().and_then(|text| NewConfig::new(text, &self.config_path).ok());
        let (running, digest) = {
            let running = self.running.read();
            (running.digest_of_file(), running.digest.to_string())
        };
        let file = file.filter(|file| ConfigDigest::new(&file.config).to_string() == running);
        let file =
            file.ok_or_else(|| ChangeError::OtherFile(self.config_path.display().to_string()))?;
        Ok((file, digest))
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
