//! The parts that answers share: the edge, the query of a request, and the tag of a document.

use std::{sync::Arc, time::Instant};

use axum::{
    Json,
    extract::{FromRequestParts, Query},
    http::{header::ETAG, request::Parts},
    response::IntoResponse,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use super::error::ApiError;
use crate::daemon::{
    engine::Engine,
    snapshot::{Snapshot, Snapshots},
};

/// The state that all answers are made from.
#[derive(Clone)]
pub(super) struct State {
    pub(super) engine: Engine,
    pub(super) snapshots: Snapshots,
    /// Scrapes come one after the other,
    pub(super) scrape_turn: Arc<Mutex<()>>,
    /// and so do readers of the ledger.
    pub(super) usage_turn: Arc<Mutex<()>>,
}

impl State {
    /// All figures, as they are after the request has come.
    pub(super) async fn snapshot(&self) -> Result<Arc<Snapshot>, ApiError> {
        Ok(self.snapshots.since(Instant::now()).await?)
    }
}

/// The query of a request, whose mistakes are told as a document.
pub(super) struct InQuery<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for InQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(asked) = Query::from_request_parts(parts, state).await?;
        Ok(Self(asked))
    }
}

/// A document, with the digest of the configuration that ran as its `ETag`: a client that wants to
/// change what it has seen sends it back as `If-Match` (RFC 9110, 13.1.1).
pub(super) fn tagged(digest: &str, document: impl Serialize) -> impl IntoResponse {
    ([(ETAG, format!("\"{digest}\""))], Json(document))
}
