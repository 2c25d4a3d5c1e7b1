//! The client of a daemon, for programs that wait for its answers.

mod circuit;
mod error;
mod events;
mod path;
mod routing;
#[cfg(test)]
mod tests;
mod trace;
mod unmatched;

use std::{
    io,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, IF_MATCH},
};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::{sleep, timeout};

pub use self::error::ClientError;
use self::path::{percent_encoded, with_query};
use crate::{
    Applied, BandwidthChange, BandwidthRequest, Booked, ConfigChanges, Confirmed, ErrorDocument,
    History, LedgerStatus, Reloaded, RollbackRequest, Status,
};

/// Longest time that a call takes.
const CALL_WITHIN: Duration = Duration::from_secs(30);
/// Pause before another try to connect where too many clients wait for the daemon.
const CONNECT_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// A client of the daemon behind a control socket. Every call connects anew, blocks its thread for 30 s
/// at most, and must not be made from within an asynchronous runtime.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    call_within: Duration,
}

/// The body of a request.
struct RequestBody {
    bytes: Vec<u8>,
    content_type: &'static str,
    /// The digest of the configuration that has to run (RFC 9110, 13.1.1).
    if_match: Option<String>,
}

impl RequestBody {
    fn toml(text: &str, if_match: Option<&str>) -> Self {
        let if_match = if_match.map(str::to_owned);
        Self { bytes: text.into(), content_type: "application/toml", if_match }
    }
}

/// Whether a daemon answers at `socket`.
#[must_use]
pub fn is_answered(socket: &Path) -> bool {
    UnixStream::connect(socket).is_ok()
}

impl Client {
    /// A client of the daemon at `socket`, whether one answers there or not.
    #[must_use]
    pub fn new(socket: &Path) -> Self {
        Self { socket: socket.to_owned(), call_within: CALL_WITHIN }
    }

    /// The state of the edge, and its counters.
    pub fn status(&self) -> Result<Status, ClientError> {
        self.document(Method::GET, "/v1/status", None)
    }

    /// The document of [`Self::status`] as the daemon sent it, with fields that this version may
    /// not know.
    pub fn status_json(&self) -> Result<String, ClientError> {
        self.text("/v1/status")
    }

    /// The document at a path, such as `/v1/ports`, as the daemon sent it.
    pub fn document_text(&self, path: &str) -> Result<String, ClientError> {
        self.text(path)
    }

    /// The state of the books.
    pub fn ledger(&self) -> Result<LedgerStatus, ClientError> {
        #[derive(Deserialize)]
        struct LedgerPart {
            ledger: LedgerStatus,
        }
        let path = "/v1/status?fields=ledger&limit=0";
        Ok(self.document::<LedgerPart>(Method::GET, path, None)?.ledger)
    }

    /// Has the daemon read its configuration again: all of it takes effect or, with an error, none.
    pub fn reload(&self) -> Result<Reloaded, ClientError> {
        self.document(Method::POST, "/v1/config/reload", None)
    }

    /// The changes that a configuration would make. Nothing is changed.
    pub fn changes(&self, config: &str) -> Result<ConfigChanges, ClientError> {
        let body = RequestBody::toml(config, None);
        self.document(Method::PUT, "/v1/config?dry_run=true", Some(body))
    }

    /// Brings the edge to a configuration, if the one with this digest still runs: all of it takes effect or, with an
    /// error, none. `confirm`: the daemon takes it back unless it is confirmed in this time, such as `10m`.
    pub fn apply(
        &self,
        config: &str,
        running: &str,
        message: Option<&str>,
        confirm: Option<&str>,
    ) -> Result<Applied, ClientError> {
        let body = RequestBody::toml(config, Some(running));
        let query = [("message", message), ("confirm", confirm)];
        let path = with_query("/v1/config".to_owned(), query);
        self.document(Method::PUT, &path, Some(body))
    }

    /// Keeps the change that waits for its confirmation.
    pub fn confirm(&self) -> Result<Confirmed, ClientError> {
        self.document(Method::POST, "/v1/config/confirm", None)
    }

    /// The configurations that the edge has had.
    pub fn history(&self) -> Result<History, ClientError> {
        self.document(Method::GET, "/v1/config/history", None)
    }

    /// Brings the edge back to a configuration that it has had; `None`: the one before the newest.
    pub fn roll_back(&self, revision: Option<u64>) -> Result<Applied, ClientError> {
        let body = self.json(&RollbackRequest { revision })?;
        self.document(Method::POST, "/v1/config/rollback", Some(body))
    }

    /// Gives a circuit another bandwidth.
    pub fn set_bandwidth(
        &self,
        circuit: &str,
        request: &BandwidthRequest,
    ) -> Result<BandwidthChange, ClientError> {
        let path = format!("/v1/circuits/{}", percent_encoded(circuit));
        self.document(Method::PATCH, &path, Some(self.json(request)?))
    }

    /// Has the daemon book what was counted up to now.
    pub fn book(&self) -> Result<Booked, ClientError> {
        self.document(Method::POST, "/v1/ledger/book", None)
    }

    /// A document as the daemon sent it.
    fn text(&self, path: &str) -> Result<String, ClientError> {
        let body = self.call(Method::GET, path, None)?;
        String::from_utf8(body.into()).map_err(|error| self.not_edge(&error))
    }

    fn document<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<RequestBody>,
    ) -> Result<T, ClientError> {
        let body = self.call(method, path, body)?;
        serde_json::from_slice(&body).map_err(|error| self.not_edge(&error))
    }

    fn json(&self, request: &impl Serialize) -> Result<RequestBody, ClientError> {
        let bytes = serde_json::to_vec(request).map_err(|error| self.io(error.into()))?;
        Ok(RequestBody { bytes, content_type: "application/json", if_match: None })
    }

    /// The body of the answer to a request, unless the answer is an error.
    fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<RequestBody>,
    ) -> Result<Bytes, ClientError> {
        // HTTP/1.1 asks for a host (RFC 9112, 3.2), which a socket has not.
        let mut request = Request::builder().method(method).uri(path).header(HOST, "localhost");
        let mut bytes = Vec::new();
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, body.content_type);
            if let Some(digest) = body.if_match {
                request = request.header(IF_MATCH, format!("\"{digest}\""));
            }
            bytes = body.bytes;
        }
        let body = Full::new(Bytes::from(bytes));
        let request = request.body(body).map_err(|error| self.io(io::Error::other(error)))?;
        let (status, body) = self
            .runtime()?
            .block_on(async { timeout(self.call_within, self.exchange(request)).await })
            .map_err(|_elapsed| self.timeout())??;
        if status.is_success() {
            return Ok(body);
        }
        let document: ErrorDocument =
            serde_json::from_slice(&body).map_err(|error| self.not_edge(&error))?;
        Err(ClientError::Refused { status: status.as_u16(), document })
    }

    /// A runtime for one call.
    fn runtime(&self) -> Result<tokio::runtime::Runtime, ClientError> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_io().enable_time().build().map_err(|error| self.io(error))
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let stream = self.connect().await?;
        let talk = async {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            // The task ends with the runtime, at the end of this call.
            tokio::spawn(connection);
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            Ok((status, answer.into_body().collect().await?.to_bytes()))
        };
        talk.await.map_err(|error: hyper::Error| {
            // An answer breaks off when the daemon ends.
            if error.is_parse() && !error.is_incomplete_message() {
                self.not_edge(&error)
            } else {
                self.io(io::Error::other(error))
            }
        })
    }

    /// The body of an answer that comes bit by bit, as soon as it begins.
    async fn begin(
        &self,
        request: Request<Full<Bytes>>,
        within: Duration,
    ) -> Result<Incoming, ClientError> {
        let failed = |error: hyper::Error| self.io(io::Error::other(error));
        let begun = async {
            let stream = self.connect().await?;
            let (mut sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
            // The task ends with the runtime, at the end of the caller's call.
            tokio::spawn(connection);
            sender.send_request(request).await.map_err(failed)
        };
        let answer = timeout(within, begun).await.map_err(|_elapsed| self.timeout())??;
        let (status, body) = (answer.status(), answer.into_body());
        if status.is_success() {
            return Ok(body);
        }
        let text = body.collect().await.map_err(failed)?.to_bytes();
        let document: ErrorDocument =
            serde_json::from_slice(&text).map_err(|error| self.not_edge(&error))?;
        Err(ClientError::Refused { status: status.as_u16(), document })
    }

    async fn connect(&self) -> Result<tokio::net::UnixStream, ClientError> {
        loop {
            match tokio::net::UnixStream::connect(&self.socket).await {
                Ok(stream) => return Ok(stream),
                // EAGAIN: the socket's queue has no room for another client (unix(7)), and a call
                // that doesn't block can't wait for its turn.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    sleep(CONNECT_AGAIN_AFTER).await;
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(ClientError::NotLetIn { socket: self.socket.clone() });
                }
                Err(source) => {
                    return Err(ClientError::NoDaemon { socket: self.socket.clone(), source });
                }
            }
        }
    }

    fn not_edge(&self, error: &dyn std::error::Error) -> ClientError {
        ClientError::NotEdge { socket: self.socket.clone(), why: error.to_string() }
    }

    fn timeout(&self) -> ClientError {
        ClientError::Timeout { socket: self.socket.clone(), limit: self.call_within }
    }

    fn io(&self, source: io::Error) -> ClientError {
        ClientError::Io { socket: self.socket.clone(), source }
    }
}
