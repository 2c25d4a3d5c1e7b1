//! The page for a browser: a few files that are part of the program, and use nothing from elsewhere.

use std::sync::LazyLock;

use axum::{
    Router,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
            REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
    response::{IntoResponse, Response},
    routing::get,
};
use sha2::{Digest as _, Sha256};

/// A browser loads nothing from anywhere else, runs no script that is written into a document, sends no form, and shows
/// the page in no frame of another one (Content Security Policy Level 3).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Powerful features of a browser that the page never asks for.
const PERMISSIONS: &str = "camera=(), geolocation=(), microphone=(), usb=()";

/// A file of the page.
struct PageFile {
    path: &'static str,
    content_type: &'static str,
    text: &'static str,
}

static FILES: [PageFile; 4] = [
    PageFile {
        path: "/",
        content_type: "text/html; charset=utf-8",
        text: include_str!("../../page/src/index.html"),
    },
    PageFile {
        path: "/page.js",
        content_type: "text/javascript; charset=utf-8",
        text: include_str!("../../page/dist/page.js"),
    },
    PageFile {
        path: "/page.css",
        content_type: "text/css; charset=utf-8",
        text: include_str!("../../page/dist/page.css"),
    },
    PageFile {
        path: "/icon.svg",
        content_type: "image/svg+xml",
        text: include_str!("../../page/src/icon.svg"),
    },
];
/// A file's digest: a browser that has the file asks whether there is another one, and gets none again.
static TAGS: LazyLock<[String; 4]> = LazyLock::new(|| {
    FILES.each_ref().map(|file| {
        let digest: [u8; 32] = Sha256::digest(file.text).into();
        let (head, _) = digest.split_at(16);
        let head: [u8; 16] = head.try_into().expect("16 bytes");
        format!("\"{:032x}\"", u128::from_be_bytes(head))
    })
});

/// The paths of the page.
pub(super) fn paths<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.iter().zip(&*TAGS).fold(Router::new(), |router, (file, tag)| {
        router.route(file.path, get(async |headers: HeaderMap| answer(file, tag, &headers)))
    })
}

fn answer(file: &'static PageFile, tag: &'static str, request: &HeaderMap) -> Response {
    let is_there = |value: &HeaderValue| {
        value.to_str().is_ok_and(|tags| tags.split(',').any(|one| one.trim() == tag))
    };
    let headers = [
        (CONTENT_TYPE, file.content_type),
        (ETAG, tag),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    ];
    if request.get(IF_NONE_MATCH).is_some_and(is_there) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, file.text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_has_a_file_gets_it_no_second_time() {
        let [page, ..] = &FILES;
        let mut request = HeaderMap::new();
        let first = answer(page, &TAGS[0], &request);
        assert_eq!(first.status(), StatusCode::OK);
        assert!(first.headers().contains_key(CONTENT_SECURITY_POLICY));
        request.insert(IF_NONE_MATCH, first.headers()[ETAG].clone());
        assert_eq!(answer(page, &TAGS[0], &request).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(answer(page, &TAGS[1], &request).status(), StatusCode::OK);
    }

    #[test]
    fn the_page_uses_nothing_from_elsewhere() {
        let [page, ..] = &FILES;
        // Inline scripts and styles, which the policy forbids, would be left out by a browser.
        for part in ["http:", "https:", "<style", "style=", "<script>", "onclick"] {
            assert!(!page.text.contains(part), "{part}");
        }
        for file in &FILES[1..] {
            assert!(
                !file.text.contains("@import") && !file.text.contains("url(http"),
                "{}",
                file.path
            );
        }
    }
}
