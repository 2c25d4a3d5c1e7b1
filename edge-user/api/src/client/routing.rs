//! Questions about sessions and routes.

use std::{fmt::Write as _, net::IpAddr};

use hyper::Method;

use super::{Client, ClientError, percent_encoded};
use crate::{CircuitReach, RouteLookup, Routes, RoutesView, Sessions};

impl Client {
    /// The BGP sessions.
    pub fn sessions(&self) -> Result<Sessions, ClientError> {
        self.document(Method::GET, "/v1/sessions", None)
    }

    /// The document of [`Self::sessions`] as the daemon sent it, with fields that this version may
    /// not know.
    pub fn sessions_json(&self) -> Result<String, ClientError> {
        self.text("/v1/sessions")
    }

    /// The regions and virtual networks that a circuit reaches.
    pub fn reach(&self, circuit: &str) -> Result<CircuitReach, ClientError> {
        self.document(Method::GET, &reach_path(circuit), None)
    }

    /// The document of [`Self::reach`] as the daemon sent it.
    pub fn reach_json(&self, circuit: &str) -> Result<String, ClientError> {
        self.text(&reach_path(circuit))
    }

    /// The routes of a circuit's peering (`private`, `public` or `microsoft`) from one point of
    /// view.
    pub fn routes(
        &self,
        circuit: &str,
        peering: &str,
        view: RoutesView,
    ) -> Result<Routes, ClientError> {
        self.document(Method::GET, &routes_path(circuit, peering, view), None)
    }

    /// The document of [`Self::routes`] as the daemon sent it.
    pub fn routes_json(
        &self,
        circuit: &str,
        peering: &str,
        view: RoutesView,
    ) -> Result<String, ClientError> {
        self.text(&routes_path(circuit, peering, view))
    }

    /// The fate of a frame of a peering's customer to `address`, from `from` if that is given; or,
    /// where `address` is on the customer's side, of one from the core.
    pub fn lookup(
        &self,
        circuit: &str,
        peering: &str,
        address: IpAddr,
        from: Option<IpAddr>,
    ) -> Result<RouteLookup, ClientError> {
        self.document(Method::GET, &lookup_path(circuit, peering, address, from), None)
    }

    /// The document of [`Self::lookup`] as the daemon sent it.
    pub fn lookup_json(
        &self,
        circuit: &str,
        peering: &str,
        address: IpAddr,
        from: Option<IpAddr>,
    ) -> Result<String, ClientError> {
        self.text(&lookup_path(circuit, peering, address, from))
    }
}

fn reach_path(circuit: &str) -> String {
    format!("/v1/circuits/{}/reach", percent_encoded(circuit))
}

fn routes_path(circuit: &str, peering: &str, view: RoutesView) -> String {
    format!("{}/routes?view={}", peering_path(circuit, peering), view.as_str())
}

fn lookup_path(circuit: &str, peering: &str, address: IpAddr, from: Option<IpAddr>) -> String {
    let address = percent_encoded(&address.to_string());
    let mut path = format!("{}/lookup?address={address}", peering_path(circuit, peering));
    if let Some(from) = from {
        // Writing to a string doesn't fail.
        let _ = write!(path, "&from={}", percent_encoded(&from.to_string()));
    }
    path
}

fn peering_path(circuit: &str, peering: &str) -> String {
    let (circuit, peering) = (percent_encoded(circuit), percent_encoded(peering));
    format!("/v1/circuits/{circuit}/peerings/{peering}")
}
