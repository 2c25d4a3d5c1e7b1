//! The two formats of an answer.

use axum::http::{HeaderMap, header::ACCEPT};
use prometheus_client::encoding::prometheus_text;

/// A format, by what a scraper asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextFormat {
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
    /// Prometheus's older text format, 0.0.4.
    ///
    /// One text can't serve both. This format has `_total` in the counter's name of `# TYPE`, and
    /// knows no `info`: a parser of it would take counters of an `OpenMetrics` text for untyped
    /// values.
    Text,
}

impl TextFormat {
    /// `OpenMetrics` for a client that names it, else the older format, as for curl.
    pub(super) fn asked_by(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut ranges = accepted.flat_map(|value| value.split(','));
        let names_it = ranges.any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            kind.eq_ignore_ascii_case("application/openmetrics-text") && !parts.any(refuses)
        });
        if names_it { Self::OpenMetrics } else { Self::Text }
    }

    /// The format's `Content-Type`.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => prometheus_text::CONTENT_TYPE,
        }
    }
}

/// Whether a parameter of a media range is a weight of zero, which means "not this one" (RFC 9110,
/// 12.4.2).
fn refuses(parameter: &str) -> bool {
    let weight = parameter.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("q"));
    weight.is_some_and(|(_, weight)| weight.parse() == Ok(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrapers_get_the_format_that_they_name() {
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,\
                          application/openmetrics-text;version=0.0.1;q=0.4,\
                          text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            (prometheus, TextFormat::OpenMetrics),
            ("text/html, Application/OpenMetrics-Text", TextFormat::OpenMetrics),
            ("application/openmetrics-text; q=0.0, text/plain", TextFormat::Text),
            ("text/plain;version=0.0.4;q=1,*/*;q=0.1", TextFormat::Text),
            ("*/*", TextFormat::Text),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT, accept.parse().expect("a header"))]);
            assert_eq!(TextFormat::asked_by(&headers), format, "{accept}");
        }
        assert_eq!(TextFormat::asked_by(&HeaderMap::new()), TextFormat::Text);
    }
}
