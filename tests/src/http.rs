//! HTTP requests, one at a time, without any code of edge.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
};

use anyhow::{Context as _, Result};
use edge_user::lab::Lab;
use serde_json::Value;

use crate::patience::PATIENCE;

/// The metrics address that a test's configuration may name.
pub const METRICS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9478);
/// The control socket.
pub const CONTROL: &str = "/run/edge/control.sock";

/// An answer.
#[derive(Debug)]
pub struct HttpAnswer {
    /// Its status.
    pub status: u16,
    /// Its headers, with names in small letters.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
}

impl HttpAnswer {
    /// The body as a document.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("no JSON: {self:?}"))
    }

    /// The digest of the configuration that ran, with its quotes.
    pub fn etag(&self) -> Result<&str> {
        self.headers.get("etag").map(String::as_str).with_context(|| format!("no ETag: {self:?}"))
    }
}

/// Asks at the control socket. `request` is the method and the path.
pub fn at_the_socket(request: &str, headers: &[(&str, &str)], body: &str) -> Result<HttpAnswer> {
    let stream = UnixStream::connect(CONTROL)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    exchange(stream, request, headers, body)
}

/// Asks at the metrics address in the lab's edge namespace.
pub fn at_the_address(
    lab: &Lab,
    request: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<HttpAnswer> {
    lab.edge().run(|| {
        let stream = TcpStream::connect(METRICS)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        exchange(stream, request, headers, body)
    })
}

/// Sends a request, and reads the answer to the connection's end.
pub fn exchange(
    mut stream: impl Read + Write,
    request: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<HttpAnswer> {
    let mut text = format!(
        "{request} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    if !body.is_empty() {
        text.push_str("Content-Type: application/json\r\n");
    }
    for (name, value) in headers {
        // Writing to a string can't fail.
        let _written = write!(text, "{name}: {value}\r\n");
    }
    stream.write_all(format!("{text}\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) =
        answer.split_once("\r\n\r\n").with_context(|| format!("no head: {answer}"))?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("no status")?;
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Ok(HttpAnswer { status: status.parse()?, headers: headers.collect(), body: body.to_owned() })
}
