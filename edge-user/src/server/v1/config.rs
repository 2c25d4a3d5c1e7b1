//! Another configuration: the changes that it would make, and makes.

use std::time::Duration;

use axum::{
    Json,
    extract::{
        State,
        rejection::{JsonRejection, StringRejection},
    },
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use edge_api::{Applied, ConfigChanges, Confirmed, ErrorDocument, History, RollbackRequest};

use super::{
    super::{
        error::ApiError,
        role::Operator,
        shared::{InQuery, ServerState},
    },
    apply_query::ApplyQuery,
    change::expected,
    if_match::IfMatch,
    traffic::note_traffic,
};
use crate::daemon::engine::new_config::NewConfig;

/// Time between two looks at the counters of circuits that a change concerns.
const WATCHED_FOR: Duration = Duration::from_secs(1);

/// Brings the edge to the configuration that the body has, in TOML: all of it takes effect, and is the daemon's file, or,
/// with an error, none. With `dry_run`, the answer is what would change, and nothing does.
#[utoipa::path(
    put,
    path = "/v1/config",
    tag = "change",
    params(
        ApplyQuery,
        IfMatch
    ),
    request_body(content = String, content_type = "application/toml", description = "A configuration file."),
    responses(
        (status = OK, description = "The changes, which are in effect and in the daemon's file. With `dry_run`, `ConfigChanges`.", body = Applied),
        (status = BAD_REQUEST, description = "The query or the body is none.", body = ErrorDocument),
        (status = FORBIDDEN, description = "The client may only look.", body = ErrorDocument),
        (status = CONFLICT, description = "A change waits for its confirmation; or the configuration asks for changes that need a restart, or for an interface that is not there or that somebody else has.", body = ErrorDocument),
        (status = PRECONDITION_FAILED, description = "Another configuration runs.", body = ErrorDocument),
        (status = UNPROCESSABLE_ENTITY, description = "The configuration is wrong.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The machine refused it, or the file can't be written. Or the changes are in effect, and a later step failed, which the message says.", body = ErrorDocument),
        (status = SERVICE_UNAVAILABLE, description = "The machine has no room for it, the ledger can't be written, or the daemon is ending: nothing was changed, and the same request may do later.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn put(
    operator: Operator,
    State(state): State<ServerState>,
    InQuery(query): InQuery<ApplyQuery>,
    headers: HeaderMap,
    text: Result<String, StringRejection>,
) -> Result<Response, ApiError> {
    let text = text.map_err(|error| ApiError::bad_request(error.body_text()))?;
    let confirm = query.confirm_within()?;
    let engine = state.engine.clone();
    let checked = tokio::task::spawn_blocking(move || engine.new_config(text)).await;
    let checked = checked.map_err(|error| ApiError::internal(&error))?;
    let other = checked.map_err(|errors| ApiError::from(&errors))?;
    if query.dry_run {
        return Ok(Json(changes(&state, other).await?).into_response());
    }
    let requester = operator.requester(query.message).await;
    let applied = state.engine.apply(other, confirm, requester, expected(&headers)?).await?;
    Ok(Json(applied).into_response())
}

/// Keeps the change that waits for its confirmation.
#[utoipa::path(
    post,
    path = "/v1/config/confirm",
    tag = "change",
    params((
        "If-Match" = Option<String>,
        Header,
        description = "The ETag of an earlier answer: nothing is confirmed if another configuration runs by now."
    )),
    responses(
        (status = OK, description = "The change stays.", body = Confirmed),
        (status = FORBIDDEN, description = "The client may only look.", body = ErrorDocument),
        (status = CONFLICT, description = "No change waits for a confirmation.", body = ErrorDocument),
        (status = PRECONDITION_FAILED, description = "Another configuration runs.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The state directory can't be written; the change still waits.", body = ErrorDocument),
        (status = SERVICE_UNAVAILABLE, description = "The daemon is ending.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn confirm(
    operator: Operator,
    State(state): State<ServerState>,
    headers: HeaderMap,
) -> Result<Json<Confirmed>, ApiError> {
    let requester = operator.requester(None).await;
    Ok(Json(state.engine.confirm(requester, expected(&headers)?).await?))
}

/// The configurations that the edge has had: the last hundred.
#[utoipa::path(
    get,
    path = "/v1/config/history",
    tag = "look",
    responses(
        (status = OK, description = "The document of `edge history --json`.", body = History),
        (status = INTERNAL_SERVER_ERROR, description = "It can't be read.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn history(
    State(state): State<ServerState>,
) -> Result<Json<History>, ApiError> {
    let read = tokio::task::spawn_blocking(move || state.engine.history()).await;
    Ok(Json(read.map_err(|error| ApiError::internal(&error))??))
}

/// Brings the edge back to a configuration that it has had, as `PUT /v1/config` does.
#[utoipa::path(
    post,
    path = "/v1/config/rollback",
    tag = "change",
    params(IfMatch),
    request_body = RollbackRequest,
    responses(
        (status = OK, description = "The changes, which are in effect and in the daemon's file.", body = Applied),
        (status = BAD_REQUEST, description = "The request is wrong.", body = ErrorDocument),
        (status = FORBIDDEN, description = "The client may only look.", body = ErrorDocument),
        (status = NOT_FOUND, description = "There is no such revision.", body = ErrorDocument),
        (status = CONFLICT, description = "A change waits for its confirmation, and the request names another revision; or the configuration asks for changes that need a restart, or for an interface that is not there or that somebody else has.", body = ErrorDocument),
        (status = PRECONDITION_FAILED, description = "Another configuration runs.", body = ErrorDocument),
        (status = UNPROCESSABLE_ENTITY, description = "This version can't read that configuration.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The machine refused it, or the file can't be written. Or the changes are in effect, and a later step failed, which the message says.", body = ErrorDocument),
        (status = SERVICE_UNAVAILABLE, description = "The machine has no room for it, the ledger can't be written, or the daemon is ending: nothing was changed, and the same request may do later.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn roll_back(
    operator: Operator,
    State(state): State<ServerState>,
    headers: HeaderMap,
    request: Result<Json<RollbackRequest>, JsonRejection>,
) -> Result<Json<Applied>, ApiError> {
    let Json(RollbackRequest { revision }) = request?;
    let requester = operator.requester(None).await;
    Ok(Json(state.engine.roll_back(revision, requester, expected(&headers)?).await?))
}

/// The changes that a configuration would make, with the traffic that they concern.
pub(super) async fn changes(
    state: &ServerState,
    other: NewConfig,
) -> Result<ConfigChanges, ApiError> {
    let engine = state.engine.clone();
    let compared = tokio::task::spawn_blocking(move || engine.changes(&other)).await;
    let mut changes = compared.map_err(|error| ApiError::internal(&error))?;
    watch(state, &mut changes).await?;
    Ok(changes)
}

/// Notes the traffic of what changes.
async fn watch(state: &ServerState, changes: &mut ConfigChanges) -> Result<(), ApiError> {
    if !changes.changes.iter().any(super::traffic::has_traffic) {
        return Ok(());
    }
    let before = state.snapshot().await?;
    tokio::time::sleep(WATCHED_FOR).await;
    let after = state.snapshot().await?;
    note_traffic(changes, &before.status, &after.status);
    Ok(())
}
