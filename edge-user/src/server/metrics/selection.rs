//! The circuits that a request asks to see in detail.

use std::collections::BTreeSet;

use axum::{extract::Query, http::Uri};
use edge_api::Status;
use thiserror::Error;

use crate::config::{MetricsDetail, nearest};

/// The one parameter of a request.
const PARAMETER: &str = "circuit";

/// The circuits that an answer has in detail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DetailSelection {
    /// Names of circuits.
    pub(super) circuits: BTreeSet<String>,
    /// Whether the configuration asks for the detail of every circuit.
    pub(super) all: bool,
}

/// A request that can't be answered.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum RefusedQuery {
    /// Another parameter.
    #[error("there is no parameter {0:?}; ask for a circuit in detail with ?circuit=NAME")]
    Parameter(String),
    /// A malformed query.
    #[error("the query can't be read: {0}; ask for a circuit in detail with ?circuit=NAME")]
    Query(String),
    /// A circuit that the configuration doesn't have.
    #[error("there is no circuit {name:?}{}", .nearest.as_ref().map(|it| format!("; did you mean {it:?}?")).unwrap_or_default())]
    Circuit {
        /// The name that was asked for.
        name: String,
        /// A circuit's name that it may be a misspelling of.
        nearest: Option<String>,
    },
}

impl DetailSelection {
    /// The circuits of a request's query, such as `?circuit=contoso&circuit=fabrikam`, and those
    /// that the configuration adds.
    pub(super) fn asked_by(uri: &Uri, detail: MetricsDetail) -> Result<Self, RefusedQuery> {
        let query = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| RefusedQuery::Query(error.to_string()))?;
        let mut circuits = BTreeSet::new();
        for (parameter, value) in query.0 {
            if parameter != PARAMETER {
                return Err(RefusedQuery::Parameter(parameter));
            }
            circuits.insert(value);
        }
        Ok(Self { circuits, all: detail == MetricsDetail::All })
    }

    /// Refuses the first name that no circuit has. Without the refusal, a misspelt name would look
    /// like a circuit without traffic.
    pub(super) fn check(&self, status: &Status) -> Result<(), RefusedQuery> {
        let names = || status.circuits.iter().map(|circuit| circuit.name.as_str());
        let known: BTreeSet<&str> = names().filter(|name| self.circuits.contains(*name)).collect();
        match self.circuits.iter().find(|name| !known.contains(name.as_str())) {
            None => Ok(()),
            Some(name) => Err(RefusedQuery::Circuit {
                name: name.clone(),
                nearest: nearest(name, names()).map(str::to_owned),
            }),
        }
    }

    /// Whether an answer has this circuit in detail.
    pub(super) fn has(&self, circuit: &str) -> bool {
        self.all || self.circuits.contains(circuit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<DetailSelection, RefusedQuery> {
        let uri = format!("/metrics{query}").parse().expect("an address");
        DetailSelection::asked_by(&uri, MetricsDetail::Circuit)
    }

    #[test]
    fn a_query_names_circuits() {
        assert_eq!(asked(""), Ok(DetailSelection::default()));
        assert_eq!(asked("?"), Ok(DetailSelection::default()));
        let selection = asked("?circuit=a%20b&circuit=%C3%A9%26&circuit=a+b").expect("a query");
        assert_eq!(Vec::from_iter(&selection.circuits), ["a b", "é&"]);
        assert!(!selection.all && selection.has("é&") && !selection.has("é"));
        let uri = Uri::from_static("/metrics");
        let all = DetailSelection::asked_by(&uri, MetricsDetail::All).expect("a query");
        assert!(all.all && all.has("any"));
    }

    #[test]
    fn another_parameter_is_refused() {
        let refused = asked("?circuits=a").expect_err("a misspelling");
        assert_eq!(
            refused.to_string(),
            "there is no parameter \"circuits\"; ask for a circuit in detail with ?circuit=NAME"
        );
    }
}
