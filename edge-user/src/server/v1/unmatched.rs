//! Looking at frames that no circuit claims.

use axum::{Json, extract::State};
use edge_api::{ErrorDocument, Unmatched};

use super::super::{error::ApiError, shared};
use crate::daemon::unmatched;

/// Frames that no circuit claims, by their tags, and the nearest circuits.
#[utoipa::path(
    get,
    path = "/v1/unmatched",
    tag = "look",
    responses(
        (status = OK, description = "The document of `edge unmatched --json`.", body = Unmatched),
        (status = INTERNAL_SERVER_ERROR, description = "The kernel can't be read.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn unmatched(
    State(state): State<shared::ServerState>,
) -> Result<Json<Unmatched>, ApiError> {
    // Each request reads the lists of all ports: one at a time.
    let _turn = state.unmatched_turn.lock().await;
    let engine = state.engine.clone();
    let read = tokio::task::spawn_blocking(move || unmatched::unmatched(&engine));
    Ok(Json(read.await.map_err(|error| ApiError::internal(&error))??))
}
