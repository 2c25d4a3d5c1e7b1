//! Changes, which operators may make.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header::IF_MATCH},
};
use edge_api::{Bandwidth, BandwidthChange, BandwidthRequest, ErrorDocument, Reloaded};
use jiff::Timestamp;

use super::{
    super::{error::ApiError, role::Operator, shared},
    if_match::IfMatch,
};
use crate::{
    config,
    daemon::bandwidth::SetBandwidth,
    time,
    units::when::{self, LONGEST_HOLD},
};

/// Has the daemon read its configuration file again: all of it takes effect or, with an error, none.
#[utoipa::path(
    post,
    path = "/v1/config/reload",
    tag = "change",
    params(IfMatch),
    responses(
        (status = OK, description = "The changes, which are in effect.", body = Reloaded),
        (status = FORBIDDEN, description = "The client may only look.", body = ErrorDocument),
        (status = CONFLICT, description = "A change waits for its confirmation; or the file asks for changes that need a restart, or for an interface that is not there or that somebody else has.", body = ErrorDocument),
        (status = PRECONDITION_FAILED, description = "Another configuration runs.", body = ErrorDocument),
        (status = UNPROCESSABLE_ENTITY, description = "The file is wrong.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The machine refused it: for example, an interface can't carry a port as it is set up now, or the daemon lacks a permission. Or the changes are in effect, and the look at the ports after them failed.", body = ErrorDocument),
        (status = SERVICE_UNAVAILABLE, description = "The machine has no room for it, the ledger can't be written, or the daemon is ending: nothing was changed, and the same request may do later.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn reload(
    operator: Operator,
    State(state): State<shared::ServerState>,
    headers: HeaderMap,
) -> Result<Json<Reloaded>, ApiError> {
    Ok(Json(state.engine.reload(operator.requester(None).await, expected(&headers)?).await?))
}

/// Gives a circuit another bandwidth, without a lost frame.
#[utoipa::path(
    patch,
    path = "/v1/circuits/{name}",
    tag = "change",
    params(
        ("name" = String, Path, description = "The circuit's name."),
        IfMatch
    ),
    request_body = BandwidthRequest,
    responses(
        (status = OK, description = "The change, which is in effect.", body = BandwidthChange),
        (status = BAD_REQUEST, description = "The request is wrong.", body = ErrorDocument),
        (status = FORBIDDEN, description = "The client may only look.", body = ErrorDocument),
        (status = NOT_FOUND, description = "There is no such circuit.", body = ErrorDocument),
        (status = CONFLICT, description = "A change of the configuration waits for its confirmation; or this one needs new tables, and the configuration has an interface that is not there or that somebody else has.", body = ErrorDocument),
        (status = PRECONDITION_FAILED, description = "Another configuration runs.", body = ErrorDocument),
        (status = UNPROCESSABLE_ENTITY, description = "The circuit can't have this bandwidth.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The machine refused it; or the bandwidth is in effect and could not be saved, which the message says.", body = ErrorDocument),
        (status = SERVICE_UNAVAILABLE, description = "The machine has no room for it, the ledger can't be written, or the daemon is ending: nothing was changed, and the same request may do later.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn set_bandwidth(
    operator: Operator,
    State(state): State<shared::ServerState>,
    Path(circuit): Path<String>,
    headers: HeaderMap,
    request: Result<Json<BandwidthRequest>, JsonRejection>,
) -> Result<Json<BandwidthChange>, ApiError> {
    let Json(BandwidthRequest { bandwidth, save, until, holds_for }) = request?;
    let holds_for = hold(save, until, holds_for.as_deref())?;
    let bandwidth_bps = match bandwidth {
        Bandwidth::BitsPerSecond(bandwidth_bps) => bandwidth_bps,
        Bandwidth::Text(text) => config::bandwidth_bps(&text).map_err(|message| {
            let error = format!("the bandwidth {message}");
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, error, None)
        })?,
    };
    let request = SetBandwidth { circuit, bandwidth_bps, save, holds_for };
    Ok(Json(
        state
            .engine
            .set_bandwidth(request, operator.requester(None).await, expected(&headers)?)
            .await?,
    ))
}

/// The time that a bandwidth is to hold; `None`: without an end.
fn hold(
    save: bool,
    until: Option<Timestamp>,
    holds_for: Option<&str>,
) -> Result<Option<Duration>, ApiError> {
    if [save, until.is_some(), holds_for.is_some()].into_iter().filter(|is_given| *is_given).count()
        > 1
    {
        return Err(ApiError::bad_request("give one of save, until and for"));
    }
    let hold = match (until, holds_for) {
        (Some(until), _) => {
            let now = time::now().map_err(|error| ApiError::internal(&error))?;
            let left = Duration::try_from(until.duration_since(now.wall)).unwrap_or_default();
            when::in_range(left, LONGEST_HOLD).map_err(|hint| format!("until: {hint} from now on"))
        }
        (None, Some(text)) => {
            when::duration(text, LONGEST_HOLD).map_err(|hint| format!("for: {hint}"))
        }
        (None, None) => return Ok(None),
    };
    hold.map(Some).map_err(ApiError::bad_request)
}

/// The digest of the configuration that the client believes to run (RFC 9110, 13.1.1); `*`: any.
pub(super) fn expected(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let digest = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    digest.filter(|digest| !digest.contains('"')).map(|digest| Some(digest.to_owned())).ok_or_else(
        || {
            ApiError::bad_request(
                "If-Match is an ETag in double quotes, as an answer of the daemon has it",
            )
        },
    )
}
