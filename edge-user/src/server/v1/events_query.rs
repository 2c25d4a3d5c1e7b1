//! The query for events.

use serde::Deserialize;
use utoipa::IntoParams;

/// The events that are asked for.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct EventsQuery {
    /// The id of an event, for those behind it; `all`, for those that are kept; `now`, which is the default, for new ones. The
    /// header `Last-Event-ID` comes before it.
    #[serde(default = "now")]
    pub(super) since: String,
    /// Whether the answer goes on with new events, for up to a minute.
    #[serde(default = "yes")]
    pub(super) follow: bool,
}

fn now() -> String {
    "now".to_owned()
}

const fn yes() -> bool {
    true
}
