//! The availability of routed peerings in a month.

use axum::{Json, extract::State};
use edge_api::{Availability, ErrorDocument};
use serde::Deserialize;

use super::super::{
    error::ApiError,
    shared::{self, InQuery},
};
use crate::{
    billing::{ledger::Ledger, rating::Month},
    daemon::look::{month_availability, today},
};

/// The month and the circuit that are asked for.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct AvailabilitySelection {
    /// The calendar month in UTC, such as `2026-01`; without it, this month.
    month: Option<String>,
    /// Shows only this circuit.
    circuit: Option<String>,
}

/// The minutes of a month in which routed peerings were up, degraded, down, unknown, or out of use on purpose. A circuit
/// that the ledger knows no routed link of has no peerings.
#[utoipa::path(
    get,
    path = "/v1/availability",
    tag = "look",
    params(AvailabilitySelection),
    responses(
        (
            status = OK,
            description = "The document of `edge availability --format json`.",
            body = Availability,
        ),
        (status = BAD_REQUEST, description = "The query is wrong.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The ledger can't be read.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn availability(
    State(state): State<shared::ServerState>,
    InQuery(wanted): InQuery<AvailabilitySelection>,
) -> Result<Json<Availability>, ApiError> {
    let month: Option<Month> = match &wanted.month {
        None => None,
        Some(text) => Some(
            text.parse()
                .map_err(|error| ApiError::bad_request(format!("month={text}: {error}")))?,
        ),
    };
    let state_dir = state.engine.bookkeeper().status().state_dir;
    // Each request makes a private copy of the ledger: one at a time.
    let _turn = state.usage_turn.lock().await;
    let read = move || {
        let copy = Ledger::look(&state_dir).map_err(|error| ApiError::internal(&error))?;
        let month = match month {
            Some(month) => month,
            None => Month::of(today(&copy.ledger)?),
        };
        Ok::<_, ApiError>(month_availability(&copy.ledger, month, wanted.circuit.as_deref())?)
    };
    let found = tokio::task::spawn_blocking(read).await;
    Ok(Json(found.map_err(|error| ApiError::internal(&error))??))
}
