//! The description of the API, made from the code.

use std::sync::LazyLock;

use axum::{http::header::CONTENT_TYPE, response::IntoResponse};
use utoipa::OpenApi;

use super::v1;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "edge",
        version = "1",
        description = "The control API of a cloud-exchange edge. It is served on the control socket; \
                       paths that only look are served on the metrics address, too.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    servers((url = "http://localhost", description = "The control socket, or the metrics address.")),
    tags(
        (name = "look", description = "Paths that change nothing."),
        (name = "change", description = "Changes: on the control socket, for root and the daemon's own user.")
    ),
    paths(
        v1::look::health,
        v1::look::status,
        v1::look::circuit,
        v1::history::history,
        v1::recent::recent,
        v1::reach::reach,
        v1::look::ports,
        v1::rates::rates,
        v1::routing::sessions,
        v1::routing::routes,
        v1::routing::lookup,
        v1::unmatched::unmatched,
        v1::events::events,
        v1::ledger::usage,
        v1::availability::availability,
        v1::bill::bill,
        v1::ledger::book,
        v1::change::reload,
        v1::config::put,
        v1::config::history,
        v1::config::confirm,
        v1::config::roll_back,
        v1::change::set_bandwidth,
        v1::drain::drain,
        v1::circuit_step::step,
        v1::circuit_step::record,
        v1::trace::trace,
        answer,
    )
)]
struct Description;

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = Description::openapi().to_pretty_json().expect("a document");
    text.push('\n');
    text
});

/// The description as JSON.
#[must_use]
pub fn description() -> &'static str {
    &TEXT
}

/// The description of the API, for programs.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    tag = "look",
    responses((status = OK, description = "This description, as OpenAPI 3.1."))
)]
pub(super) async fn answer() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], description())
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use super::*;

    #[test]
    fn the_committed_description_is_that_of_the_code() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
        if env::var_os("EDGE_WRITE_DOCS").is_some() {
            fs::write(&path, description()).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            committed,
            description(),
            "EDGE_WRITE_DOCS=1 cargo test -p edge-user --lib committed writes docs/openapi.json anew"
        );
    }
}
