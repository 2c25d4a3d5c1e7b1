//! Links that are taken out of use, and back.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::HeaderMap,
};
use edge_api::{DrainRequest, ErrorDocument, LinksOutOfUse};

use super::{
    super::{error::ApiError, role::Operator, shared},
    change::expected,
    if_match::IfMatch,
};

/// Characters of a reason at most.
const MESSAGE_CHARS: usize = 500;

/// Takes links of a circuit out of use for planned work, or back into use.
///
/// `draining` asks for traffic to leave (RFC 8326): when it has gone, `drained` shuts the sessions down.
#[utoipa::path(
    patch,
    path = "/v1/circuits/{name}/links",
    tag = "change",
    params(
        ("name" = String, Path, description = "The circuit's name."),
        IfMatch
    ),
    request_body = DrainRequest,
    responses(
        (status = OK, description = "The circuit's links that are not in use, after the change.", body = LinksOutOfUse),
        (status = BAD_REQUEST, description = "The request is wrong.", body = ErrorDocument),
        (status = FORBIDDEN, description = "The client may only look.", body = ErrorDocument),
        (status = NOT_FOUND, description = "There is no such circuit, or it has no such routed link.", body = ErrorDocument),
        (status = CONFLICT, description = "No other link of the circuit is up and in use.", body = ErrorDocument),
        (status = PRECONDITION_FAILED, description = "Another configuration runs.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The router can't follow, or the state can't be written.", body = ErrorDocument),
        (status = SERVICE_UNAVAILABLE, description = "The daemon is ending: nothing was changed.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn drain(
    operator: Operator,
    State(state): State<shared::ServerState>,
    Path(circuit): Path<String>,
    headers: HeaderMap,
    request: Result<Json<DrainRequest>, JsonRejection>,
) -> Result<Json<LinksOutOfUse>, ApiError> {
    let Json(request) = request?;
    if request.message.as_ref().is_some_and(|text| text.chars().count() > MESSAGE_CHARS) {
        let text = format!("the message is longer than {MESSAGE_CHARS} characters");
        return Err(ApiError::bad_request(text));
    }
    let requester = operator.requester(None).await;
    Ok(Json(state.engine.drain(circuit, request, requester, expected(&headers)?).await?))
}
