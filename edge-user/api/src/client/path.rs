//! Paths of requests.

use std::fmt::Write as _;

/// A path with the parts of the query that have a value.
pub(super) fn with_query(mut path: String, query: [(&str, Option<&str>); 2]) -> String {
    for (key, value) in query {
        if let Some(value) = value {
            let sign = if path.contains('?') { '&' } else { '?' };
            // Writing to a string doesn't fail.
            let _ = write!(path, "{sign}{key}={}", percent_encoded(value));
        }
    }
    path
}

/// A segment of a path (RFC 3986, 3.3), of which all but unreserved characters (2.3) are encoded.
pub(super) fn percent_encoded(segment: &str) -> String {
    segment.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a string doesn't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}
