//! The ledger: its usage, and a booking of the counts since the last one.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use edge_api::{Booked, ErrorDocument, Usage};
use serde::Deserialize;

use super::super::{
    error::ApiError,
    role::Operator,
    shared::{self, InQuery, moment},
};
use crate::{
    billing::ledger::{Grain, UsageQuery},
    daemon::look::{View, Warnings, look},
};

/// Longest time that a client waits for a booking.
const BOOK_WITHIN: Duration = Duration::from_secs(20);

/// Books all counts up to now.
#[utoipa::path(
    post,
    path = "/v1/ledger/book",
    tag = "change",
    responses(
        (
            status = OK,
            description = "The place of the ledger, and the reason if it was not written.",
            body = Booked,
        ),
        (status = FORBIDDEN, description = "The client may only look.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn book(
    _operator: Operator,
    State(state): State<shared::ServerState>,
) -> Result<Json<Booked>, ApiError> {
    let bookkeeper = state.engine.bookkeeper();
    let (state_dir, booking) = (bookkeeper.status().state_dir, bookkeeper.request_booking());
    // The disk may be slow: the wait must not hold up other requests.
    let booked = tokio::task::spawn_blocking(move || booking.wait(BOOK_WITHIN)).await;
    let booked = booked.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(Booked { state_dir, error: booked.err().map(|error| format!("{error:#}")) }))
}

/// The usage that is asked for; without any of these, all of it.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct UsageSelection {
    /// Shows only this circuit.
    circuit: Option<String>,
    /// Shows only usage under this name of the edge, where the edge was renamed.
    edge: Option<String>,
    /// Shows periods that start at this moment or later: `2026-01`, `2026-01-31` or
    /// `2026-01-31T12:00:00Z`.
    from: Option<String>,
    /// Shows periods that start before this moment, written in the same way.
    to: Option<String>,
    /// The time that each sum is over: `period` (as the ledger keeps them, the default), `hour`,
    /// `day`, `month` or `total`.
    by: Option<String>,
}

/// Usage, with all counts up to now.
#[utoipa::path(
    get,
    path = "/v1/usage",
    tag = "look",
    params(UsageSelection),
    responses(
        (status = OK, description = "Records of the ledger, with the meters' later counts.", body = Usage),
        (status = BAD_REQUEST, description = "The query is wrong.", body = ErrorDocument),
        (status = NOT_FOUND, description = "The ledger has no such circuit.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The ledger can't be read.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn usage(
    State(state): State<shared::ServerState>,
    InQuery(wanted): InQuery<UsageSelection>,
) -> Result<Json<Usage>, ApiError> {
    let query = wanted.query()?;
    let state_dir = state.engine.bookkeeper().status().state_dir;
    let engine = state.engine.clone();
    // Each request makes a private copy of the ledger: one at a time.
    let _turn = state.usage_turn.lock().await;
    let read = move || {
        let view = look(&state_dir, Some(&engine.books()), &engine.control())?;
        taken(&view, &query)
    };
    let usage = tokio::task::spawn_blocking(read).await;
    Ok(Json(usage.map_err(|error| ApiError::internal(&error))??))
}

impl UsageSelection {
    fn query(self) -> Result<UsageQuery, ApiError> {
        let (from, to) = (moment("from", self.from.as_deref())?, moment("to", self.to.as_deref())?);
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err(ApiError::bad_request("`from` is not before `to`"));
        }
        let grain = match self.by.as_deref() {
            None | Some("period") => Grain::Period,
            Some("hour") => Grain::Hour,
            Some("day") => Grain::Day,
            Some("month") => Grain::Month,
            Some("total") => Grain::Total,
            Some(other) => {
                let error = format!("by={other}: give period, hour, day, month or total");
                return Err(ApiError::bad_request(error));
            }
        };
        Ok(UsageQuery { edge: self.edge, circuit: self.circuit, from, to, grain })
    }
}

fn taken(view: &View, query: &UsageQuery) -> Result<Usage, ApiError> {
    let failed = |error: crate::billing::ledger::LedgerError| ApiError::internal(&error);
    let ledger = &view.ledger;
    if let Some(circuit) = &query.circuit
        && !ledger.circuits().map_err(failed)?.iter().any(|(_, name)| name == circuit)
    {
        let error = format!("the ledger has no circuit {circuit:?}");
        let hint = "GET /v1/usage without it has all there is";
        return Err(ApiError::new(StatusCode::NOT_FOUND, error, Some(hint)));
    }
    let mut warnings = Warnings::of(view, query.to).map_err(failed)?;
    let expired = ledger.expired_until().map_err(failed)?;
    warnings.add_expired("usage", query.from, expired);
    let records = ledger.usage(query).map_err(failed)?;
    Ok(Usage { records, is_complete: warnings.is_complete, warnings: warnings.texts })
}
