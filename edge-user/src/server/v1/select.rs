//! A part of the status: some circuits, some fields.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use edge_api::{CircuitStatus, DomainStatus, Status};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::IntoParams;

use super::super::error::ApiError;

/// The part of the status that is asked for; without any of these, all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct StatusSelection {
    /// The name of the only circuit to show.
    pub(super) circuit: Option<String>,
    /// Names of fields, with commas between them. A field inside a list has the list's name and a
    /// dot before it: `edge,circuits.name,circuits.bandwidth_bps`.
    pub(super) fields: Option<String>,
    /// Number of circuits at most.
    pub(super) limit: Option<usize>,
    /// Only circuits behind the one of this name, in the configuration's order.
    pub(super) after: Option<String>,
}

/// A part of the status as JSON, and the path of the next part.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) json: Vec<u8>,
    pub(super) next: Option<String>,
}

impl StatusSelection {
    /// Takes this part out of `status`.
    pub(super) fn of(&self, status: &Status) -> Result<Page, ApiError> {
        let (circuits, is_last) = self.circuits(&status.circuits)?;
        let next = circuits.last().filter(|_| !is_last).map(|last| self.behind(&last.name));
        let status = if circuits.len() == status.circuits.len() {
            Cow::Borrowed(status)
        } else {
            Cow::Owned(Status {
                domains: domains_of(circuits, &status.domains),
                circuits: circuits.to_vec(),
                edge: status.edge.clone(),
                ledger: status.ledger.clone(),
                ports: status.ports.clone(),
                sessions: status.sessions.clone(),
                router_faults: status.router_faults.clone(),
                config: status.config.clone(),
                conditions: status.conditions.clone(),
                ..*status
            })
        };
        let json = match &self.fields {
            None => serde_json::to_vec(&*status),
            Some(fields) => serde_json::to_value(&*status).and_then(|mut document| {
                keep(&mut document, &FieldTree::parse(fields));
                serde_json::to_vec(&document)
            }),
        };
        Ok(Page { json: json.map_err(|error| ApiError::internal(&error))?, next })
    }

    /// The circuits that are asked for, and whether there are none behind them.
    fn circuits<'s>(
        &self,
        all: &'s [CircuitStatus],
    ) -> Result<(&'s [CircuitStatus], bool), ApiError> {
        let place = |name: &str| {
            let place = all.iter().position(|circuit| circuit.name == name);
            place.ok_or_else(|| ApiError::no_circuit(name))
        };
        if let Some(name) = &self.circuit {
            let place = place(name)?;
            return Ok((&all[place..=place], true));
        }
        let first = self.after.as_deref().map(place).transpose()?.map_or(0, |place| place + 1);
        let rest = &all[first..];
        let len = self.limit.unwrap_or(rest.len()).min(rest.len());
        Ok((&rest[..len], len == rest.len() || len == 0))
    }

    /// The path of the same request for circuits behind this one.
    fn behind(&self, name: &str) -> String {
        let mut query = form_urlencoded::Serializer::new("/v1/status?".to_owned());
        if let Some(fields) = &self.fields {
            query.append_pair("fields", fields);
        }
        if let Some(limit) = self.limit {
            query.append_pair("limit", &limit.to_string());
        }
        query.append_pair("after", name);
        query.finish()
    }
}

/// The routing domains of these circuits.
fn domains_of(circuits: &[CircuitStatus], domains: &[DomainStatus]) -> Vec<DomainStatus> {
    let names: BTreeSet<&str> = circuits.iter().map(|circuit| &*circuit.name).collect();
    domains.iter().filter(|domain| names.contains(&*domain.circuit)).cloned().collect()
}

/// Fields of a document by name, each with the requested fields inside it; none: all.
#[derive(Default)]
struct FieldTree<'a>(BTreeMap<&'a str, FieldTree<'a>>);

impl<'a> FieldTree<'a> {
    fn parse(text: &'a str) -> Self {
        let mut fields = Self::default();
        for path in text.split(',').map(str::trim) {
            let mut level = &mut fields;
            for name in path.split('.') {
                level = level.0.entry(name).or_default();
            }
        }
        fields
    }
}

/// Removes all other fields from a document. An unknown field is no error: a later version may have
/// it.
fn keep(document: &mut Value, fields: &FieldTree<'_>) {
    if fields.0.is_empty() {
        return;
    }
    match document {
        Value::Object(object) => keep_in(object, fields),
        Value::Array(entries) => entries.iter_mut().for_each(|entry| keep(entry, fields)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn keep_in(object: &mut Map<String, Value>, fields: &FieldTree<'_>) {
    object.retain(|name, value| match fields.0.get(name.as_str()) {
        Some(of_it) => {
            keep(value, of_it);
            true
        }
        None => false,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::router_view::sample;

    fn status(circuits: &[&str]) -> Status {
        let circuits = circuits.iter().map(|name| CircuitStatus {
            name: (*name).to_owned(),
            bandwidth_bps: 1_000_000,
            enabled: true,
            provisioning: "Provisioned".to_owned(),
            peerings: Vec::new(),
            policers: Vec::new(),
        });
        Status {
            edge: "ams-1".to_owned(),
            uptime_s: 1.5,
            taken: jiff::Timestamp::UNIX_EPOCH,
            ledger: edge_api::LedgerStatus::default(),
            watches_egress: true,
            ports: Vec::new(),
            circuits: circuits.collect(),
            sessions: edge_api::SessionCounts::default(),
            domains: Vec::new(),
            router_faults: Vec::new(),
            config: edge_api::ConfigStatus::default(),
            conditions: Vec::new(),
            conditions_left_out: 0,
        }
    }

    fn page(query: &str, status: &Status) -> Result<(Value, Option<String>), String> {
        let uri = format!("/v1/status?{query}").parse().expect("a URI");
        let selection: axum::extract::Query<StatusSelection> =
            axum::extract::Query::try_from_uri(&uri).map_err(|error| error.body_text())?;
        let page = selection.0.of(status).map_err(|error| format!("{error:?}"))?;
        Ok((serde_json::from_slice(&page.json).expect("JSON"), page.next))
    }

    fn names(document: &Value) -> Vec<&str> {
        let circuits = document["circuits"].as_array().expect("a list");
        circuits.iter().map(|circuit| circuit["name"].as_str().expect("a name")).collect()
    }

    #[test]
    fn without_a_query_it_is_all() {
        let status = status(&["a", "b"]);
        let (document, next) = page("", &status).unwrap();
        assert_eq!(document, serde_json::to_value(&status).unwrap());
        assert_eq!(next, None);
    }

    #[test]
    fn pages_have_each_circuit_once_and_in_order() {
        let all = ["a", "ö & co", "c", "d", "e"];
        let status = status(&all);
        for limit in 1..=6 {
            let (mut seen, mut query) = (Vec::new(), format!("limit={limit}"));
            loop {
                let (document, next) = page(&query, &status).unwrap();
                seen.extend(names(&document).iter().map(|name| (*name).to_owned()));
                let Some(next) = next else { break };
                query = next.strip_prefix("/v1/status?").expect("the same path").to_owned();
            }
            assert_eq!(seen, all, "{limit} a page");
        }
    }

    #[test]
    fn one_circuit_or_some_fields_may_be_asked_for() {
        let status = status(&["a", "b"]);
        let (document, next) = page("circuit=b", &status).unwrap();
        assert_eq!((names(&document), next), (vec!["b"], None));
        let (document, _) = page("fields=edge,circuits.name,none.such", &status).unwrap();
        let expected = serde_json::json!({
            "edge": "ams-1", "circuits": [{ "name": "a" }, { "name": "b" }],
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn domains_are_those_of_the_circuits_that_are_shown() {
        let mut status = status(&["a", "contoso", "c"]);
        status.sessions.configured = 3;
        status.domains = vec![sample::domain()];
        for (query, domains) in [("", 1), ("circuit=contoso", 1), ("circuit=c", 0), ("limit=1", 0)]
        {
            let (document, _) = page(query, &status).unwrap();
            assert_eq!(document["domains"].as_array().map(Vec::len), Some(domains), "{query}");
            assert_eq!(document["sessions"]["configured"], 3, "of the whole edge");
        }
    }

    #[test]
    fn mistakes_are_told() {
        let status = status(&["a"]);
        for (query, expected) in [
            ("circuit=x", "there is no circuit"),
            ("after=x", "there is no circuit"),
            ("limit=many", "invalid digit"),
            ("circuits=a", "unknown field"),
        ] {
            let error = page(query, &status).unwrap_err();
            assert!(error.contains(expected), "{query}: {error}");
        }
    }
}
