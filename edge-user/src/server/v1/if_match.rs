//! The header by which a change names the configuration that its client has in mind.

/// The header in the description of the API. [`super::change::expected`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes, and is never made")]
#[expect(clippy::doc_markdown, reason = "the description is no Markdown")]
pub(super) struct IfMatch {
    /// The ETag of an earlier answer: nothing is changed if another configuration runs by now.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}
