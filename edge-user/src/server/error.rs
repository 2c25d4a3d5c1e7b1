//! Errors of the API: a status for programs, and a document for people.

use std::error::Error;

use axum::{
    Json,
    extract::rejection::{JsonRejection, QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use edge_api::ErrorDocument;

use crate::{
    config::{BandwidthRefused, ConfigErrors},
    daemon::{engine::error::ChangeError, error::DaemonError, refusals, router_view::LookRefused},
    report::chain,
};

/// An answer that is an error: 4xx is the caller's, 5xx is ours.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    document: ErrorDocument,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, error: impl Into<String>, hint: Option<&str>) -> Self {
        Self { status, document: ErrorDocument::new(error, hint.map(str::to_owned)) }
    }

    pub(super) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "this client may look, and not change anything",
            Some(
                "root, the daemon's own user and members of the group edge-admin may make changes, on the control \
                 socket",
            ),
        )
    }

    pub(super) fn no_circuit(name: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("there is no circuit {name:?}"),
            Some("GET /v1/status?fields=circuits.name has all names"),
        )
    }

    pub(super) fn no_prices() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "the configuration has no prices, so that nothing can be billed",
            Some("add [prices] with `currency` and [prices.zones.NAME]"),
        )
    }

    pub(super) fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, Some("GET /v1/openapi.json describes requests"))
    }

    /// An error of the machine or of edge, with its causes.
    pub(super) fn internal(error: &(dyn Error + 'static)) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, chain(error), None)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.document)).into_response()
    }
}

/// An error of a request that only looks: the kernel or the ledger can't be read.
impl From<DaemonError> for ApiError {
    fn from(error: DaemonError) -> Self {
        Self::internal(&error)
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        let status = match &error {
            ChangeError::Config(errors) => return Self::from(errors),
            ChangeError::NoRevision
            | ChangeError::NoLink(_)
            | ChangeError::Bandwidth(BandwidthRefused::NoCircuit(_)) => StatusCode::NOT_FOUND,
            ChangeError::Bandwidth(BandwidthRefused::NotAllowed(_)) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            // The file asks for something that this machine lacks or that another program has. An
            // operator can mend either.
            ChangeError::NeedsRestart
            | ChangeError::Sandboxed(_)
            | ChangeError::OtherFile(_)
            | ChangeError::Unconfirmed
            | ChangeError::NothingToConfirm
            | ChangeError::NoWayBack
            | ChangeError::RoutesBeyond(_)
            | ChangeError::LastLink(_)
            | ChangeError::NoInterface(_)
            | ChangeError::Taken(_) => StatusCode::CONFLICT,
            ChangeError::HasChanged => StatusCode::PRECONDITION_FAILED,
            // The client may send the request again later.
            ChangeError::Ending | ChangeError::OutOfRoom(_) | ChangeError::Ledger(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            ChangeError::Unsuitable(_)
            | ChangeError::Permission(_)
            | ChangeError::InEffect(_)
            | ChangeError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string(), None)
    }
}

/// A question that the router can't answer: the names are the caller's.
impl From<LookRefused> for ApiError {
    fn from(refused: LookRefused) -> Self {
        let status = match &refused {
            LookRefused::NothingRouted
            | LookRefused::NoCircuit(_)
            | LookRefused::NoPeering { .. } => StatusCode::NOT_FOUND,
            LookRefused::IsWire { .. } | LookRefused::NoSpeaker => StatusCode::UNPROCESSABLE_ENTITY,
            // The speaker is started again, and the same request may do later.
            LookRefused::Silent(_) => StatusCode::SERVICE_UNAVAILABLE,
            LookRefused::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, format!("{refused:#}"), None)
    }
}

/// A mistake in the file is the caller's to mend.
impl From<&ConfigErrors> for ApiError {
    fn from(errors: &ConfigErrors) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, document: refusals::of_config(errors) }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Told;

    #[test]
    fn a_status_tells_who_can_mend_it() {
        let told = || Told::new("why").after("what");
        for (error, status) in [
            (DaemonError::NoInterface(told()), StatusCode::CONFLICT),
            (DaemonError::Taken(told()), StatusCode::CONFLICT),
            (DaemonError::OutOfRoom(told()), StatusCode::SERVICE_UNAVAILABLE),
            (DaemonError::Ledger(told()), StatusCode::SERVICE_UNAVAILABLE),
            (DaemonError::Permission(told()), StatusCode::INTERNAL_SERVER_ERROR),
            (DaemonError::Unsuitable(told()), StatusCode::INTERNAL_SERVER_ERROR),
            (DaemonError::Failed(told()), StatusCode::INTERNAL_SERVER_ERROR),
        ] {
            let answer = ApiError::from(ChangeError::from(error));
            assert_eq!((answer.status, &*answer.document.error), (status, "what: why"));
        }
    }

    #[test]
    fn a_change_in_effect_is_not_asked_for_again() {
        let error = ChangeError::InEffect(DaemonError::OutOfRoom(Told::new("no room")));
        assert_eq!(ApiError::from(error).status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
