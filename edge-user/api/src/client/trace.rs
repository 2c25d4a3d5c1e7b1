//! A trace of frames, line by line as it comes.

use std::{future::Future, ops::ControlFlow, time::Duration};

use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, body::Bytes, header::HOST};
use tokio::time::timeout;

use super::{Client, ClientError, percent_encoded};
use crate::TraceLine;

/// Longest time until a trace begins: each port gets another program.
const BEGINS_WITHIN: Duration = Duration::from_mins(2);
/// Longest time without a line, of which two come in a second.
const SILENT_FOR: Duration = Duration::from_secs(10);

impl Client {
    /// Has the daemon trace frames until `stop` is there, `take` breaks, the trace ends, or the daemon does. `query` has the parameters of
    /// `GET /v1/trace` and their values.
    pub fn trace(
        &self,
        query: &[(&str, String)],
        stop: impl Future<Output = ()>,
        take: impl FnMut(TraceLine) -> ControlFlow<()>,
    ) -> Result<(), ClientError> {
        let query = query.iter().map(|(key, value)| format!("{key}={}", percent_encoded(value)));
        let path = format!("/v1/trace?{}", query.collect::<Vec<_>>().join("&"));
        let request = Request::builder().method(Method::GET).uri(path).header(HOST, "localhost");
        let request = request
            .body(Full::new(Bytes::new()))
            .map_err(|error| self.io(std::io::Error::other(error)))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| self.io(error))?;
        runtime.block_on(async {
            tokio::select! {
                () = stop => Ok(()),
                ended = self.follow_trace(request, take) => ended,
            }
        })
    }

    async fn follow_trace(
        &self,
        request: Request<Full<Bytes>>,
        mut take: impl FnMut(TraceLine) -> ControlFlow<()>,
    ) -> Result<(), ClientError> {
        let mut body = self.begin(request, BEGINS_WITHIN).await?;
        let mut pending = Vec::new();
        loop {
            let Ok(frame) = timeout(SILENT_FOR, body.frame()).await else {
                return Err(self.timeout());
            };
            // The connection breaks off where the daemon ends, and its last line is missing then.
            let Some(Ok(frame)) = frame else { return Ok(()) };
            let Ok(bytes) = frame.into_data() else { continue };
            pending.extend_from_slice(&bytes);
            let whole = pending.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            for line in pending[..whole].split(|byte| *byte == b'\n') {
                if line.is_empty() {
                    continue;
                }
                let line = serde_json::from_slice(line).map_err(|error| self.not_edge(&error))?;
                if take(line).is_break() {
                    return Ok(());
                }
            }
            pending.drain(..whole);
        }
    }
}
