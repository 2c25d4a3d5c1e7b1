//! Looking: status, circuits and ports.

use axum::{
    Json,
    extract::{Path, State},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, ETAG, LINK},
    },
    response::{IntoResponse, Response},
};
use edge_api::{CircuitStatus, ErrorDocument, Health, Ports, Status};

use super::{
    super::{
        error::ApiError,
        shared::{self, InQuery, tagged},
    },
    select::StatusSelection,
};

const JSON: &str = "application/json";

/// Whether frames flow and usage is booked.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "look",
    responses(
        (status = OK, description = "Every port runs its program and has a carrier, the ledger is written, and routed circuits are forwarded by their routes.", body = Health),
        (status = SERVICE_UNAVAILABLE, description = "A port does not run its program, or has no carrier, the ledger is not written, the router is not as the configuration has it, the BGP speaker does not answer, or a routing domain can't follow its routes. The answer names the faults.", body = Health),
    )
)]
pub(in crate::server) async fn health(
    State(state): State<shared::ServerState>,
) -> Result<Response, ApiError> {
    let snapshot = state.snapshot().await?;
    let health = Health::of(&snapshot.status);
    let status =
        if health.faults.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok((status, Json(health)).into_response())
}

/// The state of the edge, and its counters, read after the request has come.
#[utoipa::path(
    get,
    path = "/v1/status",
    tag = "look",
    params(StatusSelection),
    responses(
        (
            status = OK,
            description = "The document of `edge status --json`. Where `limit` has left circuits out, \
                           the header `Link` leads to the next ones (RFC 8288).",
            body = Status,
            headers(("ETag" = String, description = "Digest of the configuration that runs.")),
        ),
        (status = BAD_REQUEST, description = "The query is wrong.", body = ErrorDocument),
        (status = NOT_FOUND, description = "There is no such circuit.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn status(
    State(state): State<shared::ServerState>,
    InQuery(selection): InQuery<StatusSelection>,
) -> Result<Response, ApiError> {
    let snapshot = state.snapshot().await?;
    // The text of many circuits takes a while: other clients are answered meanwhile.
    let rendered = tokio::task::spawn_blocking(move || {
        let page = selection.of(&snapshot.status)?;
        let headers = [
            (ETAG, format!("\"{}\"", snapshot.status.config.digest)),
            (CONTENT_TYPE, JSON.to_owned()),
        ];
        let mut answer = (headers, page.json).into_response();
        if let Some(next) = page.next
            && let Ok(next) = format!("<{next}>; rel=\"next\"").parse()
        {
            answer.headers_mut().insert(LINK, next);
        }
        Ok(answer)
    });
    rendered.await.map_err(|error| ApiError::internal(&error))?
}

/// One circuit.
#[utoipa::path(
    get,
    path = "/v1/circuits/{name}",
    tag = "look",
    params(("name" = String, Path, description = "The circuit's name.")),
    responses(
        (
            status = OK,
            description = "Its entry in the document of `edge status --json`.",
            body = CircuitStatus,
            headers(("ETag" = String, description = "Digest of the configuration that runs.")),
        ),
        (status = NOT_FOUND, description = "There is no such circuit.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn circuit(
    State(state): State<shared::ServerState>,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let snapshot = state.snapshot().await?;
    let circuit = snapshot.status.circuits.iter().find(|circuit| circuit.name == name);
    let circuit = circuit.ok_or_else(|| ApiError::no_circuit(&name))?;
    Ok(tagged(&snapshot.status.config.digest, circuit).into_response())
}

/// The ports.
#[utoipa::path(
    get,
    path = "/v1/ports",
    tag = "look",
    responses((
        status = OK,
        description = "Their entries in the document of `edge status --json`.",
        body = Ports,
        headers(("ETag" = String, description = "Digest of the configuration that runs.")),
    ))
)]
pub(in crate::server) async fn ports(
    State(state): State<shared::ServerState>,
) -> Result<Response, ApiError> {
    let snapshot = state.snapshot().await?;
    let ports = Ports { ports: snapshot.status.ports.clone() };
    Ok(tagged(&snapshot.status.config.digest, ports).into_response())
}
