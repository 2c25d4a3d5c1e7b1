//! The bills of a month.

use axum::{Json, extract::State};
use edge_api::ErrorDocument;
use serde::{Deserialize, Serialize};

use super::super::{
    error::ApiError,
    shared::{self, InQuery},
};
use crate::{
    billing::rating::{Invoice, Month},
    daemon::look::{MonthBill, look, month_bill},
};

/// The month and the circuit that are asked for.
#[derive(Clone, Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct BillSelection {
    /// The calendar month in UTC, such as `2026-01`.
    month: String,
    /// Bills only the circuit that has, or had, this name.
    circuit: Option<String>,
}

/// The document of `edge bill --format json`, with the warnings that go with it.
#[derive(Debug, Serialize)]
pub(in crate::server) struct BillDocument {
    invoice: Invoice,
    is_complete: bool,
    warnings: Vec<String>,
}

/// The bills of a month, by the prices of the configuration that runs. Those of a month that is not over have its fees up
/// to its end, and its volumes so far.
#[utoipa::path(
    get,
    path = "/v1/bill",
    tag = "look",
    params(BillSelection),
    responses(
        (
            status = OK,
            description = "An object: `invoice`, the document of `edge bill --format json`; `is_complete`, whether no \
                           count of the month is missing; and `warnings`, sentences for a reader of the amounts.",
            body = serde_json::Value,
        ),
        (status = BAD_REQUEST, description = "The query is wrong.", body = ErrorDocument),
        (status = NOT_FOUND, description = "The configuration has no prices.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The ledger can't be read.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn bill(
    State(state): State<shared::ServerState>,
    InQuery(wanted): InQuery<BillSelection>,
) -> Result<Json<BillDocument>, ApiError> {
    let month: Month = wanted
        .month
        .parse()
        .map_err(|error| ApiError::bad_request(format!("month={}: {error}", wanted.month)))?;
    let engine = state.engine.clone();
    // Each request makes a private copy of the ledger: one at a time.
    let _turn = state.usage_turn.lock().await;
    let read = move || {
        let state_dir = engine.bookkeeper().status().state_dir;
        let (edge, prices) = engine.prices();
        let prices = prices.ok_or_else(ApiError::no_prices)?;
        let view = look(&state_dir, Some(&engine.books()), &engine.control())?;
        let MonthBill { invoice, warnings } =
            month_bill(&view, &edge, &prices, month, wanted.circuit.as_deref())?;
        let (is_complete, warnings) = (warnings.is_complete, warnings.texts);
        Ok::<_, ApiError>(BillDocument { invoice, is_complete, warnings })
    };
    let bill = tokio::task::spawn_blocking(read).await;
    Ok(Json(bill.map_err(|error| ApiError::internal(&error))??))
}
