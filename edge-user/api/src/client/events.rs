//! Events as the daemon sends them (server-sent events, WHATWG HTML, 9.2).

use std::ops::ControlFlow;

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    body::{Bytes, Incoming},
    header::HOST,
};
use tokio::time::timeout;

use super::{Client, ClientError, percent_encoded};

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
            .body(Full::new(Bytes::new()))
            .map_err(|error| self.io(std::io::Error::other(error)))?;
        self.runtime()?.block_on(self.follow_events(request, since, each))
    }

    async fn follow_events<B>(
        &self,
        request: Request<Full<Bytes>>,
        since: &mut String,
        mut each: impl FnMut(&str) -> ControlFlow<B>,
    ) -> Result<Option<B>, ClientError> {
        let mut body = self.begin(request, self.call_within).await?;
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
