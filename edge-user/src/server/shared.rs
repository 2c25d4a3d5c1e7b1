//! The parts that answers share: the edge, the query of a request, and the tag of a document.

use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::{FromRef, FromRequestParts, Query},
    http::{header::ETAG, request::Parts},
    response::IntoResponse,
};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::{Mutex, Semaphore};

use super::{error::ApiError, rate_watch::RateWatch};
use crate::{
    daemon::{
        engine::Engine,
        recent::RecentTraffic,
        router_view::RouterSlot,
        snapshot::{Snapshot, Snapshots},
    },
    units::when,
};

/// The state that all answers are made from.
#[derive(Clone)]
pub(super) struct ServerState {
    pub(super) engine: Engine,
    pub(super) snapshots: Snapshots,
    /// The rates that all who watch the edge share.
    pub(super) rate_watch: Arc<RateWatch>,
    /// The lock that has scrapes answered one after the other.
    pub(super) scrape_turn: Arc<Mutex<()>>,
    /// The lock that has readers of the ledger answered one after the other.
    pub(super) usage_turn: Arc<Mutex<()>>,
    /// The turns of readers of circuits' histories.
    pub(super) history_turns: Arc<Semaphore>,
    /// The reader of circuits by the second.
    pub(super) recent: RecentTraffic,
    /// The lock that has readers of unmatched frames answered one after the other.
    pub(super) unmatched_turn: Arc<Mutex<()>>,
    /// The places of those who follow events.
    pub(super) event_places: EventPlaces,
}

/// Most clients that follow events on one way in: others have places, too.
const EVENT_READERS: usize = 16;

/// The places of those who follow events, on the control socket and on the metrics' address.
#[derive(Clone)]
pub(super) struct EventPlaces {
    pub(super) control: Arc<Semaphore>,
    pub(super) metrics: Arc<Semaphore>,
}

impl Default for EventPlaces {
    fn default() -> Self {
        let places = || Arc::new(Semaphore::new(EVENT_READERS));
        Self { control: places(), metrics: places() }
    }
}

impl ServerState {
    /// All figures, read after the request has come.
    pub(super) async fn snapshot(&self) -> Result<Arc<Snapshot>, ApiError> {
        Ok(self.snapshots.since(Instant::now()).await?)
    }
}

/// Paths that look at the router need nothing else.
impl FromRef<ServerState> for RouterSlot {
    fn from_ref(state: &ServerState) -> Self {
        state.engine.router()
    }
}

/// The query of a request. A mistake in it is answered with an error document.
pub(super) struct InQuery<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for InQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(asked) = Query::from_request_parts(parts, state).await?;
        Ok(Self(asked))
    }
}

/// A moment in a query, under its name there.
pub(super) fn moment(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, ApiError> {
    let moment = text.map(|text| {
        when::timestamp(text)
            .map_err(|help| ApiError::bad_request(format!("{name}={text}: {help}")))
    });
    moment.transpose()
}

/// A document, with the digest of the running configuration as its `ETag`. A client that then wants
/// to change something sends the digest back as `If-Match` (RFC 9110, 13.1.1).
pub(super) fn tagged(digest: &str, document: impl Serialize) -> impl IntoResponse {
    ([(ETAG, format!("\"{digest}\""))], Json(document))
}
