//! Questions about one circuit.

use hyper::Method;
use jiff::Timestamp;

use super::{Client, ClientError, RequestBody, percent_encoded, with_query};
use crate::{
    CircuitHistory, CircuitRecord, CircuitStep, CircuitStepped, ConfigChanges, DrainRequest,
    LinksOutOfUse, Status, TrafficRates,
};

impl Client {
    /// Changes the use of a circuit's links.
    pub fn drain(
        &self,
        circuit: &str,
        request: &DrainRequest,
    ) -> Result<LinksOutOfUse, ClientError> {
        let path = format!("/v1/circuits/{}/links", percent_encoded(circuit));
        self.document(Method::PATCH, &path, Some(self.json(request)?))
    }

    /// The changes that a step in a circuit's life would make. Nothing is changed.
    pub fn step_changes(
        &self,
        circuit: &str,
        step: &CircuitStep,
    ) -> Result<ConfigChanges, ClientError> {
        let path = format!("/v1/circuits/{}/steps?dry_run=true", percent_encoded(circuit));
        self.document(Method::POST, &path, Some(self.json(step)?))
    }

    /// Takes a step in a circuit's life, if the configuration with this digest still runs. `confirm`: the daemon takes it back unless it is
    /// confirmed in this time, such as `10m`.
    pub fn step(
        &self,
        circuit: &str,
        step: &CircuitStep,
        running: &str,
        message: Option<&str>,
        confirm: Option<&str>,
    ) -> Result<CircuitStepped, ClientError> {
        let path = format!("/v1/circuits/{}/steps", percent_encoded(circuit));
        let path = with_query(path, [("message", message), ("confirm", confirm)]);
        let body = RequestBody { if_match: Some(running.to_owned()), ..self.json(step)? };
        self.document(Method::POST, &path, Some(body))
    }

    /// The record that a circuit's provider and customer know.
    pub fn circuit_record(&self, circuit: &str) -> Result<CircuitRecord, ClientError> {
        let path = format!("/v1/circuits/{}/record", percent_encoded(circuit));
        self.document(Method::GET, &path, None)
    }

    /// The state of the edge, with this circuit alone.
    pub fn status_of(&self, circuit: &str) -> Result<Status, ClientError> {
        let path = format!("/v1/status?circuit={}", percent_encoded(circuit));
        self.document(Method::GET, &path, None)
    }

    /// A circuit's history from a moment up to now.
    pub fn circuit_history(
        &self,
        circuit: &str,
        from: Timestamp,
    ) -> Result<CircuitHistory, ClientError> {
        let path = format!("/v1/circuits/{}/history?from={from:.0}", percent_encoded(circuit));
        self.document(Method::GET, &path, None)
    }

    /// The rates of the last second, of all ports and of this circuit.
    pub fn rates_of(&self, circuit: &str) -> Result<TrafficRates, ClientError> {
        let path = format!("/v1/rates?circuit={}", percent_encoded(circuit));
        self.document(Method::GET, &path, None)
    }
}
