//! Counters for Prometheus.
//!
//! A scrape has at most eight series a circuit, some for each session and neighbour, and detail of the circuits that it asks for
//! (`docs/metrics.md`, which is made from the table in `families`).

mod detail_families;
mod exposition;
mod families;
mod family;
mod figures;
mod format;
#[cfg(test)]
mod reference;
mod selection;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};

use self::{
    exposition::exposition,
    figures::ScrapeFigures,
    format::TextFormat,
    selection::{DetailSelection, RefusedQuery},
};
use super::{error::ApiError, shared};

/// Age of figures that are recent enough for a scrape.
const RECENT: Duration = Duration::from_secs(1);

/// Answers a scrape.
pub(super) async fn answer(
    State(state): State<shared::ServerState>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let refuse = |status, refused: RefusedQuery| (status, format!("{refused}\n")).into_response();
    // Answers are made one at a time, as each takes a CPU and some memory.
    let _turn = state.scrape_turn.lock().await;
    let now = Instant::now();
    let snapshot = state.snapshots.since(now.checked_sub(RECENT).unwrap_or(now)).await?;
    let selection = match DetailSelection::asked_by(&uri, snapshot.metrics_detail) {
        Ok(selection) => selection,
        Err(refused) => return Ok(refuse(StatusCode::BAD_REQUEST, refused)),
    };
    if let Err(refused) = selection.check(&snapshot.status) {
        return Ok(refuse(StatusCode::NOT_FOUND, refused));
    }
    let format = TextFormat::asked_by(&headers);
    let figures = ScrapeFigures::from(&*snapshot);
    let text = tokio::task::spawn_blocking(move || exposition(figures, &selection, format)).await;
    let text = text.map_err(|error| ApiError::internal(&error))?;
    let text = text.map_err(|error| ApiError::internal(&error))?;
    Ok(([(CONTENT_TYPE, format.content_type())], text).into_response())
}
