//! Receivers that answer before they have read a batch, such as 413 (too large).

use std::{
    io::{self, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use super::{
    batch,
    server::{Request, read_head},
};
use crate::billing::{
    export::{FailureKind, Http, Receiver as _},
    ledger::ExportRecord,
};

/// A receiver that takes bodies up to a length, and of others reads the head alone.
#[derive(Clone)]
struct Limited {
    address: SocketAddr,
    kept: Arc<Mutex<Vec<Request>>>,
    refused: Arc<Mutex<u64>>,
    /// The answer to bodies that are too long.
    early: Early,
}

#[derive(Clone, Copy)]
enum Early {
    /// Answer with this, and close.
    Close(&'static str),
    /// Answer with this, and neither read nor close.
    Stall(&'static str),
}

const TOO_LARGE: &str = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\nlarge";

impl Limited {
    fn start(limit_bytes: usize, early: Early) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { address, kept: Arc::default(), refused: Arc::default(), early };
        let theirs = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, server) = (stream.unwrap(), theirs.clone());
                thread::spawn(move || drop(server.serve(&stream, limit_bytes)));
            }
        });
        server
    }

    fn serve(&self, stream: &TcpStream, limit_bytes: usize) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let (mut request, length) = read_head(&mut reader)?;
            if length > limit_bytes {
                *self.refused.lock().unwrap() += 1;
                let (Early::Close(text) | Early::Stall(text)) = self.early;
                (&mut &*stream).write_all(text.as_bytes())?;
                match self.early {
                    Early::Close(_) => return Ok(()),
                    Early::Stall(_) => loop {
                        thread::park();
                    },
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            request.body = String::from_utf8(body).unwrap();
            self.kept.lock().unwrap().push(request);
            (&mut &*stream).write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
        }
    }

    fn http(&self) -> Http {
        Http::new(&format!("http://{}/usage", self.address), None)
    }

    /// The records that it has, in the order in which they came.
    fn records(&self) -> Vec<u64> {
        let kept = self.kept.lock().unwrap();
        let lines = kept.iter().flat_map(|request| request.body.lines());
        lines.map(|line| serde_json::from_str::<ExportRecord>(line).unwrap().seq).collect()
    }
}

#[test]
fn an_early_refusal_is_read_though_the_body_can_t_be_sent() {
    let server = Limited::start(0, Early::Close("HTTP/1.1 401 Unauthorized\r\n\r\nwho?"));
    for number in 1..=5 {
        let error = server.http().deliver(&batch(number, 2_000)).unwrap_err();
        assert_eq!(error.kind, FailureKind::Refused(401), "{error}");
        assert!(error.message.contains("refused (401 Unauthorized)"), "{error}");
    }
}

#[test]
fn an_early_refusal_is_read_though_the_receiver_reads_no_more() {
    let server =
        Limited::start(0, Early::Stall("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"));
    let http = server.http().with_timeouts(Duration::from_millis(50), Duration::from_secs(20));
    // More than the connection holds.
    let mut http = http.with_body_len(64 * 1024 * 1024);
    let error = http.deliver(&batch(1, 40_000)).unwrap_err();
    assert_eq!(error.kind, FailureKind::Refused(401), "{error}");
}

#[test]
fn what_was_not_sent_is_not_delivered_whatever_the_receiver_says() {
    let server = Limited::start(0, Early::Close("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"));
    let mut http = server.http().with_body_len(64 * 1024 * 1024);
    let error = http.deliver(&batch(1, 40_000)).unwrap_err();
    assert_eq!(error.kind, FailureKind::Network, "{error}");
    assert!(error.message.contains("before it had all of"), "{error}");
}

#[test]
fn a_batch_that_is_too_large_goes_out_in_parts_each_record_once() {
    let server = Limited::start(20_000, Early::Close(TOO_LARGE));
    let mut http = server.http();
    assert_eq!(http.notice(), None);
    for number in 1..=3 {
        http.deliver(&batch(number, 1_000)).unwrap();
    }
    assert_eq!(server.records(), (1..=3_000).collect::<Vec<_>>());
    // The limit that the sender has learned from the first batch holds for the next.
    let refused = *server.refused.lock().unwrap();
    assert!((4..=6).contains(&refused), "{refused}");
    let notice = http.notice().expect("a notice");
    assert!(notice.contains("(413)") && notice.contains("at most 31 records"), "{notice}");
    let kept = server.kept.lock().unwrap();
    let keys: std::collections::BTreeSet<&String> =
        kept.iter().map(|request| &request.headers["idempotency-key"]).collect();
    assert_eq!(keys.len(), kept.len());
    assert!(kept.iter().all(|request| request.body.len() <= 20_000));
}

#[test]
fn a_single_record_that_is_too_large_is_told_of() {
    let server = Limited::start(10, Early::Close(TOO_LARGE));
    let error = server.http().deliver(&batch(1, 4)).unwrap_err();
    assert_eq!(error.kind, FailureKind::Refused(413), "{error}");
    assert!(error.message.contains("larger bodies: a single record has"), "{error}");
    assert_eq!(*server.refused.lock().unwrap(), 3);
}
