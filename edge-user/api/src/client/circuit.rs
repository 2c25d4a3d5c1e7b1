//! Questions about one circuit.

use hyper::Method;
use jiff::Timestamp;

use super::{Client, ClientError, percent_encoded};
use crate::{CircuitHistory, DrainRequest, LinksOutOfUse, Status, TrafficRates};

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
