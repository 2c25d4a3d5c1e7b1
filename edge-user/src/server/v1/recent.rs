//! A circuit's last minutes by the second.

use axum::{
    Json,
    extract::{Path, State},
};
use edge_api::{CircuitRecent, ErrorDocument};
use serde::Deserialize;

use super::super::{
    error::ApiError,
    shared::{self, InQuery, moment},
};

/// The seconds that are asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct RecentSelection {
    /// Shows only seconds that end after this moment, such as the last one of an earlier answer.
    after: Option<String>,
}

/// The last minutes of a circuit by the second, since somebody first asked for it.
#[utoipa::path(
    get,
    path = "/v1/circuits/{name}/recent",
    tag = "look",
    params(("name" = String, Path, description = "The circuit's name."), RecentSelection),
    responses(
        (status = OK, description = "Its seconds: none yet, at the first request.", body = CircuitRecent),
        (status = BAD_REQUEST, description = "The query is wrong.", body = ErrorDocument),
        (status = NOT_FOUND, description = "There is no such circuit.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn recent(
    State(state): State<shared::ServerState>,
    Path(name): Path<String>,
    InQuery(wanted): InQuery<RecentSelection>,
) -> Result<Json<CircuitRecent>, ApiError> {
    let after = moment("after", wanted.after.as_deref())?;
    let recent = state.recent.of(name.clone(), after).await?;
    Ok(Json(recent.ok_or_else(|| ApiError::no_circuit(&name))?))
}
