//! The paths that the daemon answers, on each way in.

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef},
    http::{StatusCode, Uri},
    routing::{any, get, patch, post, put},
};

use super::{
    error::ApiError,
    metrics, openapi, page,
    shared::ServerState,
    v1::{
        availability, bill, change, circuit_step, config, drain, events, history, ledger, look,
        rates, reach, recent, routing, trace, unmatched,
    },
};
use crate::daemon::router_view::RouterSlot;

/// Longest body of a request in bytes.
const BODY_LEN_BYTES: usize = 64 * 1024;
/// Longest configuration in bytes: many times that of 64,000 circuits.
const CONFIG_LEN_BYTES: usize = 64 << 20;

/// The paths of the control socket.
pub(super) fn control(state: ServerState) -> Router {
    let changes = Router::new()
        .route("/v1/circuits/{name}", patch(change::set_bandwidth))
        .route("/v1/circuits/{name}/links", patch(drain::drain))
        .route("/v1/circuits/{name}/steps", post(circuit_step::step))
        .route("/v1/config/reload", post(change::reload))
        .route("/v1/config/rollback", post(config::roll_back))
        .route("/v1/config/confirm", post(config::confirm))
        .route("/v1/config", put(config::put).layer(DefaultBodyLimit::max(CONFIG_LEN_BYTES)))
        .route("/v1/ledger/book", post(ledger::book))
        .route("/v1/trace", get(trace::trace));
    complete(reads().merge(changes), state)
}

/// The paths of the metrics address, where no change is possible, and the page.
pub(super) fn metrics(state: ServerState) -> Router {
    let router = reads()
        .merge(page::paths())
        .route("/metrics", get(metrics::answer))
        .route("/v1/circuits/{name}/links", any(not_that_way))
        .route("/v1/circuits/{name}/steps", any(not_that_way))
        .route("/v1/config", any(not_that_way))
        .route("/v1/config/reload", any(not_that_way))
        .route("/v1/config/rollback", any(not_that_way))
        .route("/v1/config/confirm", any(not_that_way))
        .route("/v1/ledger/book", any(not_that_way))
        .route("/v1/trace", any(not_that_way));
    complete(router, state)
}

fn reads() -> Router<ServerState> {
    Router::new()
        .route("/healthz", get(look::health))
        .route("/v1/openapi.json", get(openapi::answer))
        .route("/v1/status", get(look::status))
        .route("/v1/circuits/{name}", get(look::circuit))
        .route("/v1/circuits/{name}/history", get(history::history))
        .route("/v1/circuits/{name}/recent", get(recent::recent))
        .route("/v1/circuits/{name}/reach", get(reach::reach))
        .route("/v1/circuits/{name}/record", get(circuit_step::record))
        .route("/v1/ports", get(look::ports))
        .route("/v1/rates", get(rates::rates))
        .route("/v1/unmatched", get(unmatched::unmatched))
        .route("/v1/availability", get(availability::availability))
        .route("/v1/bill", get(bill::bill))
        .route("/v1/events", get(events::events))
        .route("/v1/usage", get(ledger::usage))
        .route("/v1/config/history", get(config::history))
        .merge(routing())
}

/// The paths that look at the router.
pub(super) fn routing<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    RouterSlot: FromRef<S>,
{
    Router::new()
        .route("/v1/sessions", get(routing::sessions))
        .route("/v1/circuits/{circuit}/peerings/{peering}/routes", get(routing::routes))
        .route("/v1/circuits/{circuit}/peerings/{peering}/lookup", get(routing::lookup))
}

fn complete(router: Router<ServerState>, state: ServerState) -> Router {
    router
        .fallback(no_such_path)
        .method_not_allowed_fallback(not_that_way)
        .layer(DefaultBodyLimit::max(BODY_LEN_BYTES))
        .with_state(state)
}

async fn no_such_path(uri: Uri) -> ApiError {
    let error = format!("there is no {}", uri.path());
    ApiError::new(
        StatusCode::NOT_FOUND,
        error,
        Some("GET /v1/openapi.json has all paths; client and daemon may differ in version"),
    )
}

async fn not_that_way(uri: Uri) -> ApiError {
    let error = format!("{} does not take this method here", uri.path());
    let hint = "changes are made on the control socket; GET /v1/openapi.json has all methods";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, error, Some(hint))
}
