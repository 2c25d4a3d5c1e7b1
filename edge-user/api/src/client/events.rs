//! Events as the daemon sends them (server-sent events, WHATWG HTML, 9.2).

use std::ops::ControlFlow;

use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::HOST,
};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use super::{Client, ClientError, percent_encoded};
use crate::ErrorDocument;

/// The longest line of an event that is read.
const LINE_LEN_BYTES: usize = 1 << 20;

impl Client {
    /// Calls `each` with the document of each event behind `since`: an event's id, `all` or `now`, which becomes the id of the
    /// last one. With `follow`, new ones come for up to a minute, and the caller then asks again. Returns the break of
    /// `each`, or, at the end of the daemon's answer, `None`.
    ///
    /// # Errors
    ///
    /// As with each call; the daemon may be silent for 30 s at most.
    pub fn events<B>(
        &self,
        since: &mut String,
        follow: bool,
        each: impl FnMut(&str) -> ControlFlow<B>,
    ) -> Result<Option<B>, ClientError> {
        let from = percent_encoded(since);
        let request = Request::get(format!("/v1/events?since={from}&follow={follow}"))
            .header(HOST, "localhost")
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.io(std::io::Error::other(error)))?;
        self.runtime()?.block_on(self.follow(request, since, each))
    }

    async fn follow<B>(
        &self,
        request: Request<Empty<Bytes>>,
        since: &mut String,
        mut each: impl FnMut(&str) -> ControlFlow<B>,
    ) -> Result<Option<B>, ClientError> {
        let io = |error: hyper::Error| self.io(std::io::Error::other(error));
        let begun = async {
            let stream = self.connect().await?;
            let (mut sender, connection) =
                http1::handshake(TokioIo::new(stream)).await.map_err(io)?;
            // The task ends with the runtime, at the end of this call.
            tokio::spawn(connection);
            sender.send_request(request).await.map_err(io)
        };
        let begun = timeout(self.call_within, begun).await;
        let answer = begun.map_err(|_elapsed| self.timeout())??;
        let status = answer.status();
        let mut body = answer.into_body();
        if !status.is_success() {
            let text = body.collect().await.map_err(io)?.to_bytes();
            let document: ErrorDocument =
                serde_json::from_slice(&text).map_err(|error| self.not_edge(&error))?;
            return Err(ClientError::Refused { status: status.as_u16(), document });
        }
        let mut lines = Vec::new();
        while let Some(piece) = self.next_piece(&mut body).await? {
            lines.extend_from_slice(&piece);
            while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = lines.drain(..=end).collect();
                let line = std::str::from_utf8(&line).map_err(|error| self.not_edge(&error))?;
                let (field, value) = line.trim_end().split_once(':').unwrap_or_default();
                let value = value.trim_start();
                // A document is one line, and comes behind its id.
                match field {
                    "id" => value.clone_into(since),
                    "data" => {
                        if let ControlFlow::Break(end) = each(value) {
                            return Ok(Some(end));
                        }
                    }
                    _ => {}
                }
            }
            if lines.len() > LINE_LEN_BYTES {
                return Err(self.not_edge(&std::io::Error::other("a line without an end")));
            }
        }
        Ok(None)
    }

    async fn next_piece(&self, body: &mut Incoming) -> Result<Option<Bytes>, ClientError> {
        let frame = timeout(self.call_within, body.frame()).await;
        let frame = frame.map_err(|_elapsed| self.timeout())?;
        let frame = frame.transpose().map_err(|error| self.io(std::io::Error::other(error)))?;
        Ok(frame.map(|frame| frame.into_data().unwrap_or_default()))
    }
}
