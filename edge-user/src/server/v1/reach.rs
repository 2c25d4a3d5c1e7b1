//! The regions and virtual networks that a circuit reaches.

use axum::{
    Json,
    extract::{Path, State},
};
use edge_api::{CircuitReach, ErrorDocument};

use super::super::{error::ApiError, shared};

/// The reach of a circuit.
#[utoipa::path(
    get,
    path = "/v1/circuits/{name}/reach",
    tag = "look",
    params(("name" = String, Path, description = "The circuit's name.")),
    responses(
        (status = OK, description = "The document of `edge reach --json`.", body = CircuitReach),
        (status = NOT_FOUND, description = "There is no such circuit.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn reach(
    State(state): State<shared::ServerState>,
    Path(name): Path<String>,
) -> Result<Json<CircuitReach>, ApiError> {
    // A change may be stored, and the answer waits for it.
    let (engine, asked) = (state.engine.clone(), name.clone());
    let reach = tokio::task::spawn_blocking(move || engine.reach(&asked));
    let reach = reach.await.map_err(|error| ApiError::internal(&error))?;
    Ok(Json(reach.ok_or_else(|| ApiError::no_circuit(&name))?))
}
