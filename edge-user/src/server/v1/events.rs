//! Events, as they happen (server-sent events, WHATWG HTML, 9.2).

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use edge_api::{EdgeEvent, ErrorDocument};
use futures_util::stream::{self, StreamExt as _};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::{Instant, sleep_until},
};

use super::{
    super::{
        error::ApiError,
        role::Peer,
        shared::{InQuery, ServerState},
    },
    events_query::EventsQuery,
};
use crate::daemon::events::{EventCursor, EventPosition, Events, KeptEvent};

/// An answer ends after this time, before its connection does. The client asks again.
const LASTS: Duration = Duration::from_secs(50);
/// A client may wait this long before that.
const RETRY: Duration = Duration::from_secs(1);
/// A comment is sent after this time without an event.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// The header of a client that asks again.
const LAST_EVENT_ID: &str = "last-event-id";

/// Events, those that are kept and new ones.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "look",
    params(
        EventsQuery,
        (
            "Last-Event-ID" = Option<String>,
            Header,
            description = "The id of the last event that the client has. Where the daemon does not have those behind it, an \
                           event of the kind `gap` comes first."
        ),
    ),
    responses(
        (
            status = OK,
            description = "Server-sent events: `id`, `event` (the kind) and `data` (the document, in one line). The answer ends \
                           after a minute at the most, and the client asks again with `Last-Event-ID`.",
            body = EdgeEvent,
            content_type = "text/event-stream",
        ),
        (status = BAD_REQUEST, description = "The query is wrong.", body = ErrorDocument),
        (status = SERVICE_UNAVAILABLE, description = "Too many clients follow events.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn events(
    State(state): State<ServerState>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    InQuery(query): InQuery<EventsQuery>,
) -> Result<Response, ApiError> {
    let position = match headers.get(LAST_EVENT_ID) {
        // A client that asks again can't mend its id.
        Some(id) => id.to_str().ok().and_then(|id| id.parse().ok()),
        None => Some(query.since.parse().map_err(|error| {
            ApiError::bad_request(format!("`since` is {:?}: {error}", query.since))
        })?),
    };
    let places =
        if peer.is_some() { state.event_places.control } else { state.event_places.metrics };
    let place = query.follow.then(|| places.try_acquire_owned()).transpose().map_err(|_full| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "as many clients follow events as may",
            Some("try again in a minute, or ask with follow=false again and again"),
        )
    })?;
    let events = state.engine.events().clone();
    let reader = EventReader {
        cursor: events.cursor(&position.unwrap_or(EventPosition::Unknown)),
        newest: events.newest(),
        events: events.clone(),
        page: VecDeque::new(),
        ends: query.follow.then(|| Instant::now() + LASTS),
        _place: place,
    };
    // A client that is cut off before the first event goes on from here.
    let begin = Event::default().retry(RETRY).id(events.id_before(&reader.cursor));
    let begin = stream::once(std::future::ready(Ok::<_, Infallible>(begin)));
    let sent = stream::unfold(reader, EventReader::next).map(|event| {
        Ok(Event::default().id(&event.id).event(event.kind.as_str()).data(&event.json))
    });
    let heartbeat = KeepAlive::new().interval(HEARTBEAT);
    Ok(Sse::new(begin.chain(sent)).keep_alive(heartbeat).into_response())
}

/// A client that reads events: a page of them is at hand, whatever time it takes.
struct EventReader {
    events: Events,
    cursor: EventCursor,
    newest: watch::Receiver<u64>,
    page: VecDeque<Arc<KeptEvent>>,
    /// The end of the answer; `None`: with the last event that is kept.
    ends: Option<Instant>,
    /// Given back with the answer's end.
    _place: Option<OwnedSemaphorePermit>,
}

impl EventReader {
    async fn next(mut self) -> Option<(Arc<KeptEvent>, Self)> {
        loop {
            if let Some(event) = self.page.pop_front() {
                return Some((event, self));
            }
            if self.ends.is_some_and(|ends| ends <= Instant::now()) {
                return None;
            }
            // Events that come from here on wake it.
            self.newest.mark_unchanged();
            self.page = self.events.next(&mut self.cursor).into();
            if self.page.is_empty() {
                tokio::select! {
                    changed = self.newest.changed() => changed.ok()?,
                    () = sleep_until(self.ends?) => return None,
                }
            }
        }
    }
}
