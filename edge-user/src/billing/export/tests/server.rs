//! A receiver by HTTP that does what it is told, wrong things too.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) line: String,
    /// By name in small letters.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

/// The way in which a request is dealt with.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// The connection is closed before anything is read.
    CloseUnread,
    /// It is closed when half of the body is read.
    CloseHalfRead,
    /// The batch is kept, if it is to be, at once or late, and this is written, at once or in
    /// pieces; then the connection is closed.
    Answer { keep: bool, late: Duration, text: String, pieces: bool },
    /// The batch is kept, and the connection too.
    Take,
}

impl Behaviour {
    /// The batch is not kept, and this answered.
    pub(crate) fn status(status: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        Self::Answer { keep: false, late: Duration::ZERO, text, pieces: false }
    }
}

/// The server, for as long as the process lives.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) kept: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Each connection's requests are dealt with as `next` says.
    pub(crate) fn start(next: impl FnMut() -> Behaviour + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), kept: Arc::default() };
        let next: Arc<Mutex<Next>> = Arc::new(Mutex::new(next));
        let kept = Arc::clone(&server.kept);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, next, kept) = (stream.unwrap(), Arc::clone(&next), Arc::clone(&kept));
                thread::spawn(move || {
                    // The sender may go at any time.
                    drop(serve(&stream, &next, &kept));
                });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/usage", self.address)
    }
}

type Next = dyn FnMut() -> Behaviour + Send;

fn serve(stream: &TcpStream, next: &Mutex<Next>, kept: &Mutex<Vec<Request>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    loop {
        // The behaviour is drawn when there is a request, not when there is a connection.
        if reader.fill_buf()?.is_empty() {
            return Ok(());
        }
        let behaviour = (next.lock().unwrap())();
        if matches!(behaviour, Behaviour::CloseUnread) {
            return Ok(());
        }
        let (mut request, length) = read_head(&mut reader)?;
        let is_half = matches!(behaviour, Behaviour::CloseHalfRead);
        let mut body = vec![0; if is_half { length / 2 } else { length }];
        reader.read_exact(&mut body)?;
        request.body = String::from_utf8(body).unwrap();
        match behaviour {
            Behaviour::CloseUnread | Behaviour::CloseHalfRead => return Ok(()),
            Behaviour::Answer { keep, late, text, pieces } => {
                thread::sleep(late);
                if keep {
                    kept.lock().unwrap().push(request);
                }
                for piece in text.as_bytes().chunks(if pieces { 4 } else { usize::MAX }) {
                    writer.write_all(piece)?;
                    thread::sleep(Duration::from_millis(if pieces { 3 } else { 0 }));
                }
                return Ok(());
            }
            Behaviour::Take => {
                kept.lock().unwrap().push(request);
                writer.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
            }
        }
    }
}

/// A request without its body, and the body's length.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<(Request, usize)> {
    let mut request = Request::default();
    reader.read_line(&mut request.line)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        request.headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = request.headers.get("content-length").and_then(|length| length.parse().ok());
    let length = length.ok_or(io::ErrorKind::InvalidData)?;
    Ok((request, length))
}
