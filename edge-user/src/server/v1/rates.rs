//! Rates of circuits and ports.

use axum::{Json, extract::State};
use edge_api::{ErrorDocument, TrafficRates};
use serde::Deserialize;

use super::super::{
    error::ApiError,
    shared::{self, InQuery},
};
use crate::rates::order::{SortBy, ordered};

/// Circuits in an answer, unless the client wants fewer or more.
const LIMIT: usize = 100;
/// Most circuits in an answer.
const MOST: usize = 1000;

/// The circuits that are wanted, and their order.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct RatesSelection {
    /// The name of the only circuit to show.
    circuit: Option<String>,
    /// The text that names of circuits must have in them, in any case.
    filter: Option<String>,
    /// The figure to sort by: `rate` (the default), `used`, `drops` or `peak`, each with the highest first, or `name`.
    sort: Option<String>,
    /// Turns the order round.
    #[serde(default)]
    inverted: bool,
    /// Number of circuits at most: 100, unless it is given, and 1,000 at most.
    limit: Option<usize>,
}

/// The rates of circuits and ports over the last second, or over the time since a client has asked for the last time. The
/// first client for 15 seconds waits for a second.
#[utoipa::path(
    get,
    path = "/v1/rates",
    tag = "look",
    params(RatesSelection),
    responses(
        (status = OK, description = "Rates as `edge top` shows them.", body = TrafficRates),
        (status = BAD_REQUEST, description = "The query is wrong.", body = ErrorDocument),
        (status = NOT_FOUND, description = "There is no such circuit.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn rates(
    State(state): State<shared::ServerState>,
    InQuery(selection): InQuery<RatesSelection>,
) -> Result<Json<TrafficRates>, ApiError> {
    let sort_by = selection.sort_by()?;
    let rates = state.rate_watch.rates().await?;
    let selected = tokio::task::spawn_blocking(move || selection.of(&rates, sort_by)).await;
    Ok(Json(selected.map_err(|error| ApiError::internal(&error))??))
}

impl RatesSelection {
    fn sort_by(&self) -> Result<SortBy, ApiError> {
        let Some(name) = &self.sort else { return Ok(SortBy::default()) };
        let all = SortBy::KEYS.map(|(_, sort_by)| sort_by);
        let found = all.into_iter().find(|sort_by| sort_by.as_str() == name);
        found.ok_or_else(|| {
            let names = all.map(SortBy::as_str).join(", ");
            ApiError::bad_request(format!("sort={name}: give one of {names}"))
        })
    }

    fn of(&self, all: &TrafficRates, sort_by: SortBy) -> Result<TrafficRates, ApiError> {
        let places = if let Some(name) = &self.circuit {
            let place = all.circuits.iter().position(|circuit| circuit.name == *name);
            vec![place.ok_or_else(|| ApiError::no_circuit(name))?]
        } else {
            let filter = self.filter.as_deref().unwrap_or("");
            ordered(&all.circuits, sort_by, self.inverted, filter)
        };
        let limit = self.limit.unwrap_or(LIMIT).min(MOST);
        Ok(TrafficRates {
            edge: all.edge.clone(),
            uptime_s: all.uptime_s,
            taken: all.taken,
            interval_s: all.interval_s,
            faults: all.faults.clone(),
            matching: places.len(),
            circuits: places.iter().take(limit).map(|place| all.circuits[*place].clone()).collect(),
            ports: all.ports.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use edge_api::CircuitRates;

    use super::*;

    fn selected(query: &RatesSelection) -> Result<(usize, Vec<String>), ApiError> {
        let circuit = |name: &str, in_bps, dropped_fps| CircuitRates {
            name: name.to_owned(),
            in_bps,
            dropped_fps,
            ..CircuitRates::default()
        };
        let circuits = vec![circuit("quiet", 0, 0), circuit("busy", 5, 1), circuit("Late", 3, 9)];
        let all = TrafficRates { circuits, ..TrafficRates::default() };
        let selected = query.of(&all, query.sort_by()?)?;
        Ok((selected.matching, selected.circuits.into_iter().map(|one| one.name).collect()))
    }

    #[test]
    fn circuits_are_filtered_sorted_and_limited() {
        let some = |text: &str| Some(text.to_owned());
        let query = RatesSelection::default;
        let names = |query| selected(&query).unwrap();
        assert_eq!(names(query()).1, ["busy", "Late", "quiet"]);
        assert_eq!(names(RatesSelection { sort: some("drops"), ..query() }).1[0], "Late");
        assert_eq!(names(RatesSelection { inverted: true, ..query() }).1[0], "quiet");
        let few = names(RatesSelection { limit: Some(1), ..query() });
        assert_eq!((few.0, few.1.len()), (3, 1));
        assert_eq!(names(RatesSelection { filter: some("LAT"), ..query() }).1, ["Late"]);
        assert_eq!(names(RatesSelection { circuit: some("quiet"), ..query() }).1, ["quiet"]);
        assert!(selected(&RatesSelection { circuit: some("lat"), ..query() }).is_err());
        assert!(selected(&RatesSelection { sort: some("size"), ..query() }).is_err());
    }
}
