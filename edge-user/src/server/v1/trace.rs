//! A trace of frames, as lines for as long as the client reads them.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::{
    Extension,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
};
use edge_api::{ErrorDocument, TraceLine};
use edge_common::abi::trace::MAX_CAPTURED_BYTES;
use hyper::body::{Body as HttpBody, Frame};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::super::{
    connections::Asked,
    error::ApiError,
    role::Operator,
    shared::{self, InQuery},
};
use crate::{
    daemon::trace::{
        DEFAULT_LASTS, DEFAULT_RATE, DEFAULT_SNAP_BYTES, LONGEST, MOST_RATE, TraceRefused,
        TraceRequest,
    },
    units::when,
};

/// The frames to trace; without any of these, all that come.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct TraceQuery {
    /// The circuit that they belong to.
    circuit: Option<String>,
    /// The port that they come by.
    port: Option<String>,
    /// The reason, as in `docs/reasons.md`.
    reason: Option<String>,
    /// The class.
    class: Option<String>,
    /// One of so many frames is looked at, by chance; 1, all of them, without it.
    sample: Option<u32>,
    /// The trace ends after so many frames.
    count: Option<u64>,
    /// It ends after this time, such as `1h`: `10m` without it, and `24h` at the most.
    r#for: Option<String>,
    /// Frames a second at most, of all CPUs together: 1,000 without it, and 50,000 at the most.
    rate: Option<u32>,
    /// Bytes of each frame: 128 without it, and 16,512 at the most.
    snap: Option<u32>,
}

/// Frames as ports receive them, and what becomes of them. It is for operators, as frames are the customers'.
#[utoipa::path(
    get,
    path = "/v1/trace",
    tag = "change",
    params(TraceQuery),
    responses(
        (status = OK, description = "Lines of JSON for as long as the trace lasts. It ends with the connection.", body = TraceLine, content_type = "application/x-ndjson"),
        (status = BAD_REQUEST, description = "The request is wrong.", body = ErrorDocument),
        (status = FORBIDDEN, description = "The client may only look at figures.", body = ErrorDocument),
        (status = NOT_FOUND, description = "There is no such circuit, port, reason or class.", body = ErrorDocument),
        (status = CONFLICT, description = "Another trace runs, or no port has a program.", body = ErrorDocument),
        (status = UNPROCESSABLE_ENTITY, description = "The path has no frames of this reason.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The kernel refuses it.", body = ErrorDocument),
        (status = SERVICE_UNAVAILABLE, description = "The daemon is ending.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn trace(
    operator: Operator,
    State(state): State<shared::ServerState>,
    Extension(asked): Extension<Asked>,
    InQuery(query): InQuery<TraceQuery>,
) -> Result<impl IntoResponse, ApiError> {
    let request = query.request()?;
    let feed = state.engine.trace(request, operator.requester(None).await).await?;
    let lines = feed.start().map_err(|error| ApiError::internal(&error))?;
    Ok(([(CONTENT_TYPE, "application/x-ndjson")], Body::new(TraceBody { lines, asked })))
}

impl TraceQuery {
    fn request(self) -> Result<TraceRequest, ApiError> {
        let within = |name, number: u32, most| {
            if (1..=most).contains(&number) {
                return Ok(number);
            }
            Err(ApiError::bad_request(format!("`{name}` is 1 to {most}, and not {number}")))
        };
        let most_snap = u32::try_from(MAX_CAPTURED_BYTES).unwrap_or(u32::MAX);
        let lasts = self.r#for.as_deref().map(|text| when::duration(text, LONGEST));
        let lasts = lasts.transpose().map_err(|wrong| {
            ApiError::bad_request(format!("`for` is not a time of a trace: {wrong}"))
        })?;
        if self.count == Some(0) {
            return Err(ApiError::bad_request("`count` is at least 1"));
        }
        Ok(TraceRequest {
            circuit: self.circuit,
            port: self.port,
            reason: self.reason,
            class: self.class,
            one_in: within("sample", self.sample.unwrap_or(1), u32::MAX)?,
            count: self.count,
            lasts: lasts.unwrap_or(DEFAULT_LASTS),
            rate: within("rate", self.rate.unwrap_or(DEFAULT_RATE), MOST_RATE)?,
            snap_bytes: within("snap", self.snap.unwrap_or(DEFAULT_SNAP_BYTES), most_snap)?,
        })
    }
}

/// The lines as the client takes them.
struct TraceBody {
    lines: mpsc::Receiver<Vec<u8>>,
    /// A client that takes lines keeps its connection. One that has stopped loses it in a minute.
    asked: Asked,
}

impl HttpBody for TraceBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let lines = ready!(self.lines.poll_recv(context));
        self.asked.note();
        Poll::Ready(lines.map(|lines| Ok(Frame::data(lines.into()))))
    }
}

impl From<TraceRefused> for ApiError {
    fn from(refused: TraceRefused) -> Self {
        let status = match &refused {
            TraceRefused::NoSuch { .. } => StatusCode::NOT_FOUND,
            TraceRefused::RefusedByDevices => StatusCode::UNPROCESSABLE_ENTITY,
            TraceRefused::Busy(_) | TraceRefused::NothingAttached(_) => StatusCode::CONFLICT,
            TraceRefused::Ending => StatusCode::SERVICE_UNAVAILABLE,
            TraceRefused::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, refused.to_string(), None)
    }
}
