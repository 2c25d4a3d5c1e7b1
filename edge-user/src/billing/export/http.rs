//! Batches by HTTP to a receiver at a URL.

mod agent;
mod early;
mod parts;

use std::{fs, io::Read as _, path::PathBuf, time::Duration};

use ureq::{
    Agent, Body,
    http::{HeaderValue, Response, StatusCode, Uri, header},
};

use self::{
    agent::{Timeouts, agent},
    early::Unsent,
    parts::{BatchPart, BatchParts},
};
use super::{
    Receiver,
    encode::{self, RecordFormat},
    error::{DeliveryError, FailureKind},
};
use crate::billing::ledger::{Batch, Watermark};

/// The longest that a receiver can ask to be left alone.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// The answer of a receiver that takes no body of this length.
const TOO_LARGE: FailureKind = FailureKind::Refused(StatusCode::PAYLOAD_TOO_LARGE.as_u16());

/// Length in characters of the part of an answer that messages show.
const EXCERPT: usize = 200;

/// A receiver that gets each batch as the body of a POST, or of several where the batch is too long
/// for one, and a watermark in the same way. A body has one JSON object a line. An answer of 2xx means that the receiver has it.
#[derive(Debug)]
pub struct Http {
    url: String,
    token_file: Option<PathBuf>,
    timeouts: Timeouts,
    /// Kept until a failure: the next try then looks up names and the system's certificates anew.
    agent: Option<Agent>,
    parts: BatchParts,
    unsent: Unsent,
}

impl Http {
    /// Opens no connection yet. Each batch reads the token in `token_file` anew.
    #[must_use]
    pub fn new(url: &str, token_file: Option<PathBuf>) -> Self {
        let timeouts = Timeouts::default();
        let (parts, unsent) = (BatchParts::default(), Unsent::default());
        Self { url: url.to_owned(), token_file, timeouts, agent: None, parts, unsent }
    }

    /// With another timeout for the whole request.
    #[cfg(test)]
    pub(super) fn with_timeout(mut self, whole: Duration) -> Self {
        self.timeouts.whole = whole;
        self
    }

    /// With other timeouts for a piece of the body, and for the whole request.
    #[cfg(test)]
    pub(super) fn with_timeouts(mut self, write: Duration, whole: Duration) -> Self {
        (self.timeouts.write, self.timeouts.whole) = (write, whole);
        self
    }

    /// With bodies of another length at most.
    #[cfg(test)]
    pub(super) fn with_body_len(mut self, max_len_bytes: usize) -> Self {
        self.parts = BatchParts::with_body_len(max_len_bytes);
        self
    }

    /// The one that worked last, or another.
    fn agent(&mut self) -> Agent {
        self.agent.take().unwrap_or_else(|| agent(self.timeouts, self.unsent.clone()))
    }

    fn send_parts(&mut self, agent: &Agent, batch: &Batch) -> Result<(), DeliveryError> {
        let text = encode::batch(RecordFormat::Jsonl, batch)?;
        while let Some(part) = self.parts.next(batch, &text) {
            match self.send(agent, &part, &text) {
                Ok(()) => self.parts.took(batch, &part),
                Err(error) if error.kind == TOO_LARGE && self.parts.refused(&part) => {}
                Err(error) => return Err(error),
            }
            if part.records.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn send(&self, agent: &Agent, part: &BatchPart, text: &[u8]) -> Result<(), DeliveryError> {
        let BatchPart { bytes, key, .. } = part;
        let body = text.get(bytes.clone()).unwrap_or_default();
        let mut request = agent
            .post(&self.url)
            .header(header::CONTENT_TYPE, "application/x-ndjson")
            .header("idempotency-key", key);
        if let Some(authorization) = self.authorization()? {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let _earlier = self.unsent.take();
        let answered = request.send(body);
        let unsent = self.unsent.take();
        let response = answered.map_err(|error| self.unreached(&error))?;
        match unsent {
            // A success does not count for a body that was not sent to its end.
            Some(failure) if response.status().is_success() => {
                let (place, status) = (place(&self.url), response.status());
                let message = format!(
                    "{place}: the receiver answered {status} before it had all of {key}: {failure}"
                );
                Err(DeliveryError::new(FailureKind::Network, message))
            }
            None if response.status().is_success() => Ok(()),
            _ => Err(self.not_taken(response, part)),
        }
    }

    fn authorization(&self) -> Result<Option<HeaderValue>, DeliveryError> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let failed = |what: String| {
            let message = format!("{}: {what}", path.display());
            DeliveryError::new(FailureKind::Local, message)
        };
        let token = fs::read_to_string(path).map_err(|error| {
            failed(format!("the receiver's token can't be read: {error}; put it there"))
        })?;
        let token = token.trim();
        if token.is_empty() {
            return Err(failed("the file is empty; put the receiver's token there".to_owned()));
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_invalid| {
            failed("the token is not one line of printable characters; correct it".to_owned())
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

    fn not_taken(&self, mut response: Response<Body>, part: &BatchPart) -> DeliveryError {
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
        // A part of the body is enough for a message.
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
            format!("{place}: refused ({status}){said}; {}", self.what_to_do(status, part));
        DeliveryError { kind: FailureKind::Refused(status.as_u16()), message, retry_after: None }
    }

    fn what_to_do(&self, status: StatusCode, part: &BatchPart) -> String {
        let key = &part.key;
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
            StatusCode::PAYLOAD_TOO_LARGE => format!(
                "have the receiver take larger bodies: a single record has {} bytes",
                part.bytes.len()
            ),
            _ => format!("see at the receiver why it does not take {key}"),
        }
    }
}

impl Receiver for Http {
    fn deliver(&mut self, batch: &Batch) -> Result<(), DeliveryError> {
        let agent = self.agent();
        self.send_parts(&agent, batch)?;
        self.agent = Some(agent);
        Ok(())
    }

    fn announce(&mut self, watermark: &Watermark) -> Result<(), DeliveryError> {
        let text = encode::watermark(watermark)?;
        let Watermark { ledger, sealed_until, last_seq } = watermark;
        let key = format!("{ledger}-watermark-{}-{last_seq}", sealed_until.as_second());
        let whole = BatchPart { bytes: 0..text.len(), records: 0..0, key };
        let agent = self.agent();
        self.send(&agent, &whole, &text)?;
        self.agent = Some(agent);
        Ok(())
    }

    fn notice(&self) -> Option<String> {
        self.parts.notice()
    }
}

/// Whether a status, such as 503, passes by itself or is for the receiver to mend.
fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT
}

/// The pause that a receiver asks for in seconds. A date is passed over, as it needs clocks that
/// agree.
fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    let seconds = value.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// A URL without the parts that may be secret: user, password and query.
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
