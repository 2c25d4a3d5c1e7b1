//! Looking at the router: sessions, routes and look-ups.

#[cfg(test)]
mod tests;

use std::{net::IpAddr, sync::Arc};

use axum::{
    Json,
    extract::{Path, State},
};
use edge_api::{ErrorDocument, RouteFamily, RouteLookup, Routes, RoutesView, Sessions};
use serde::Deserialize;

use super::super::{error::ApiError, shared::InQuery};
use crate::daemon::router_view::{LookRefused, RouterSlot, RouterView};

/// The BGP sessions. An edge without any has an empty list.
#[utoipa::path(
    get,
    path = "/v1/sessions",
    tag = "look",
    responses(
        (status = OK, description = "The document of `edge sessions --json`.", body = Sessions),
        (status = SERVICE_UNAVAILABLE, description = "The BGP speaker does not answer.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn sessions(
    State(slot): State<RouterSlot>,
) -> Result<Json<Sessions>, ApiError> {
    let Some(view) = slot.get() else { return Ok(Json(Sessions::default())) };
    let sessions = ask(view, |view| view.sessions()).await?;
    Ok(Json(Sessions { sessions }))
}

/// The view of routes that is asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct RoutesQuery {
    /// `received`, `advertised`, `forwarding` (the default) or `diff`.
    #[param(inline)]
    view: Option<RoutesView>,
}

/// The routes of a peering, from one point of view.
#[utoipa::path(
    get,
    path = "/v1/circuits/{circuit}/peerings/{peering}/routes",
    tag = "look",
    params(
        ("circuit" = String, Path, description = "The circuit's name."),
        ("peering" = String, Path, description = "`private`, `public` or `microsoft`."),
        RoutesQuery,
    ),
    responses(
        (status = OK, description = "The document of `edge routes --json`.", body = Routes),
        (status = BAD_REQUEST, description = "The query is wrong.", body = ErrorDocument),
        (status = NOT_FOUND, description = "There is no such circuit or peering, or no peering of the configuration is routed.", body = ErrorDocument),
        (status = UNPROCESSABLE_ENTITY, description = "The peering is a wire; or the edge has no BGP speaker that could tell this view.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The tables can't be read.", body = ErrorDocument),
        (status = SERVICE_UNAVAILABLE, description = "The BGP speaker does not answer.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn routes(
    State(slot): State<RouterSlot>,
    Path((circuit, peering)): Path<(String, String)>,
    InQuery(query): InQuery<RoutesQuery>,
) -> Result<Json<Routes>, ApiError> {
    let wanted = query.view.unwrap_or_default();
    let routes = ask(slot.view()?, move |view| view.routes(&circuit, &peering, wanted)).await?;
    Ok(Json(routes))
}

/// The addresses of the frame that a look-up is about.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct LookupQuery {
    /// The destination, an IPv4 or IPv6 address.
    #[param(value_type = String)]
    address: IpAddr,
    /// The source: the answer says whether it passes the source check, too.
    #[param(value_type = Option<String>)]
    from: Option<IpAddr>,
}

/// The fate of a frame by its addresses: of one of the customer's, or, where the address is on the customer's
/// side, of one from the core. A frame that would be dropped is an answer, not an error.
#[utoipa::path(
    get,
    path = "/v1/circuits/{circuit}/peerings/{peering}/lookup",
    tag = "look",
    params(
        ("circuit" = String, Path, description = "The circuit's name."),
        ("peering" = String, Path, description = "`private`, `public` or `microsoft`."),
        LookupQuery,
    ),
    responses(
        (status = OK, description = "The document of `edge lookup --json`.", body = RouteLookup),
        (status = BAD_REQUEST, description = "The query is wrong.", body = ErrorDocument),
        (status = NOT_FOUND, description = "There is no such circuit or peering, or no peering of the configuration is routed.", body = ErrorDocument),
        (status = UNPROCESSABLE_ENTITY, description = "The peering is a wire.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The tables can't be read.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn lookup(
    State(slot): State<RouterSlot>,
    Path((circuit, peering)): Path<(String, String)>,
    InQuery(LookupQuery { address, from }): InQuery<LookupQuery>,
) -> Result<Json<RouteLookup>, ApiError> {
    if let Some(from) = from
        && RouteFamily::of(from) != RouteFamily::of(address)
    {
        let error = format!("{from} can't send to {address}: one is IPv4 and the other IPv6");
        return Err(ApiError::bad_request(error));
    }
    let look = move |view: &dyn RouterView| view.lookup(&circuit, &peering, address, from);
    Ok(Json(ask(slot.view()?, look).await?))
}

/// Asks the router. It may wait for the BGP speaker, and other clients are answered meanwhile.
async fn ask<T: Send + 'static>(
    view: Arc<dyn RouterView>,
    question: impl FnOnce(&dyn RouterView) -> Result<T, LookRefused> + Send + 'static,
) -> Result<T, ApiError> {
    let asked = tokio::task::spawn_blocking(move || question(&*view)).await;
    Ok(asked.map_err(|error| ApiError::internal(&error))??)
}
