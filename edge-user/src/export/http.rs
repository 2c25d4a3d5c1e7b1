//! Batches by HTTP, to whatever takes them at a URL.

use std::{fs, io::Read as _, path::PathBuf, sync::Arc, time::Duration};

use ureq::{
    Agent, Body,
    http::{HeaderValue, Response, StatusCode, Uri, header},
    tls::{RootCerts, TlsConfig, TlsProvider},
};

use super::{
    Receiver,
    encode::Format,
    error::{DeliveryError, FailureKind},
};
use crate::ledger::Batch;

/// The longest that a receiver can ask to be left alone.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// How much of an answer an operator gets to read, in characters.
const EXCERPT: usize = 200;

/// A receiver that gets each batch as the body of a POST, a JSON object a line, and has it when it
/// answers 2xx.
#[derive(Debug)]
pub struct Http {
    url: String,
    token_file: Option<PathBuf>,
    timeouts: Timeouts,
    /// Kept while all goes well. After a failure the next try looks everything up anew: names,
    /// and the system's certificates.
    agent: Option<Agent>,
}

#[derive(Clone, Copy, Debug)]
struct Timeouts {
    connect: Duration,
    /// From looking up the name to the end of the answer.
    whole: Duration,
}

impl Http {
    /// Connects to nothing yet. The token in `token_file` is read for each batch.
    #[must_use]
    pub fn new(url: &str, token_file: Option<PathBuf>) -> Self {
        let timeouts = Timeouts { connect: Duration::from_secs(10), whole: Duration::from_mins(1) };
        Self { url: url.to_owned(), token_file, timeouts, agent: None }
    }

    /// With another timeout for the whole request.
    #[cfg(test)]
    pub(super) fn with_timeout(mut self, whole: Duration) -> Self {
        self.timeouts.whole = whole;
        self
    }

    fn send(&self, agent: &Agent, batch: &Batch) -> Result<(), DeliveryError> {
        let body = Format::Jsonl.encode(batch).map_err(|error| {
            let message = format!("batch {} can't be written: {error:#}", batch.number);
            DeliveryError::new(FailureKind::Defect, message)
        })?;
        let key = format!("{}-{}", batch.ledger, batch.number);
        let mut request = agent
            .post(&self.url)
            .header(header::CONTENT_TYPE, "application/x-ndjson")
            .header("idempotency-key", &key);
        if let Some(authorization) = self.authorization()? {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let response = request.send(&body[..]).map_err(|error| self.unreached(&error))?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(self.not_taken(response, &key))
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, DeliveryError> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let failed = |what: String| {
            let message = format!("{}: {what}", path.display());
            DeliveryError::new(FailureKind::Local, message)
        };
        let token = fs::read_to_string(path).map_err(|error| {
            failed(format!("reading the receiver's token: {error}; put it there"))
        })?;
        let token = token.trim();
        if token.is_empty() {
            return Err(failed("the file is empty; put the receiver's token there".to_owned()));
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_invalid| {
            failed("a token is one line without control characters".to_owned())
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    fn unreached(&self, error: &ureq::Error) -> DeliveryError {
        let place = place(&self.url);
        if is_tls(error) {
            let message = format!(
                "{place}: {error}; the receiver needs a certificate for this name from an \
                 authority in the system's certificate store"
            );
            return DeliveryError::new(FailureKind::Tls, message);
        }
        DeliveryError::new(FailureKind::Network, format!("{place}: {error}"))
    }

    fn not_taken(&self, mut response: Response<Body>, key: &str) -> DeliveryError {
        let place = place(&self.url);
        let status = response.status();
        if status.is_redirection() {
            let to = response.headers().get(header::LOCATION);
            let to = to.map_or("elsewhere".to_owned(), |to| excerpt(to.as_bytes()));
            let message = format!(
                "{place}: refused, with a redirect ({status}) to {to}; redirects are not \
                 followed: set `url` to where batches are taken"
            );
            return DeliveryError::new(FailureKind::Refused(status.as_u16()), message);
        }
        let retry_after = retry_after(&response);
        let mut body = Vec::new();
        // What has arrived of it is better than nothing.
        let _cut = response.body_mut().as_reader().take(4 * EXCERPT as u64).read_to_end(&mut body);
        let said = match excerpt(&body) {
            body if body.is_empty() => String::new(),
            body => format!(": {body}"),
        };
        if is_temporary(status) {
            let message = format!("{place}: the receiver can't take it now ({status}){said}");
            return DeliveryError { kind: FailureKind::Unavailable, message, retry_after };
        }
        let message =
            format!("{place}: refused ({status}){said}; {}", self.what_to_do(status, key));
        DeliveryError { kind: FailureKind::Refused(status.as_u16()), message, retry_after: None }
    }

    fn what_to_do(&self, status: StatusCode, key: &str) -> String {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => match &self.token_file {
                Some(path) => format!("check the token in {}", path.display()),
                None => "set `token_file`".to_owned(),
            },
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => {
                "check `url`".to_owned()
            }
            StatusCode::CONFLICT => {
                format!("the receiver has something else under {key}: compare the two")
            }
            StatusCode::PAYLOAD_TOO_LARGE => "have the receiver take larger bodies".to_owned(),
            _ => format!("see at the receiver why it does not take {key}"),
        }
    }
}

impl Receiver for Http {
    fn deliver(&mut self, batch: &Batch) -> Result<(), DeliveryError> {
        let agent = self.agent.take().unwrap_or_else(|| agent(self.timeouts));
        self.send(&agent, batch)?;
        self.agent = Some(agent);
        Ok(())
    }
}

fn agent(timeouts: Timeouts) -> Agent {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    Agent::config_builder()
        .tls_config(tls)
        // Whatever the environment says: no variable sends records another way.
        .proxy(None)
        .user_agent(concat!("edge/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(timeouts.connect))
        .timeout_global(Some(timeouts.whole))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        // Connections are for catching up: one that is idle until the next batch may be gone then,
        // and would look like a failure.
        .max_idle_age(Duration::from_secs(5))
        .build()
        .new_agent()
}

/// Such as 503: it passes, or is the receiver's own matter.
fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
}

/// In seconds; a date would need clocks that agree.
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = value.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// Without what may be secret: the user's part, and the query.
fn place(url: &str) -> String {
    let Ok(uri) = url.parse::<Uri>() else { return "`url`".to_owned() };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit_once('@').map_or(authority, |(_user, host)| host);
    format!("{}://{host}{}", uri.scheme_str().unwrap_or("http"), uri.path())
}

/// The first characters of what a receiver says, on one line.
fn excerpt(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line: String = text
        .trim()
        .chars()
        .take(EXCERPT)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect();
    line.trim_end().to_owned()
}

fn is_tls(error: &ureq::Error) -> bool {
    if let ureq::Error::Io(error) = error {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        return inner.is_some();
    }
    matches!(error, ureq::Error::Tls(_) | ureq::Error::Rustls(_))
}

#[cfg(test)]
mod tests;
