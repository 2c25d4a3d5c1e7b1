use std::{fs, io::Write as _, net::TcpListener};

use super::*;
use crate::billing::export::tests::{
    LEDGER, batch,
    server::{Behaviour, Server},
    watermark,
};

/// The error of a delivery that is dealt with like this.
fn error_of(behaviour: &Behaviour, token_file: Option<PathBuf>) -> DeliveryError {
    let behaviour = behaviour.clone();
    let server = Server::start(move || behaviour.clone());
    let error = Http::new(&server.url(), token_file).deliver(&batch(7, 3)).unwrap_err();
    assert_eq!(server.kept.lock().unwrap().len(), 0);
    error
}

#[test]
fn a_request_says_what_it_is() {
    let server = Server::start(|| Behaviour::Take);
    let token = tempfile::NamedTempFile::new().unwrap();
    let mut http = Http::new(&server.url(), Some(token.path().to_owned()));
    for (text, number) in [("secret-1\n", 7), ("  secret-2 \r\n\n", 8)] {
        fs::write(token.path(), text).unwrap();
        http.deliver(&batch(number, 3)).unwrap();
    }
    Http::new(&server.url(), None).deliver(&batch(9, 3)).unwrap();

    let kept = server.kept.lock().unwrap();
    let tokens = [Some("Bearer secret-1"), Some("Bearer secret-2"), None];
    assert_eq!(kept.len(), tokens.len());
    for ((request, token), number) in kept.iter().zip(tokens).zip(7..) {
        assert_eq!(request.line, "POST /usage HTTP/1.1\r\n");
        let header = |name: &str| request.headers.get(name).map(String::as_str);
        assert_eq!(header("content-type"), Some("application/x-ndjson"));
        assert_eq!(header("idempotency-key"), Some(&*format!("{LEDGER}-{number}")));
        assert_eq!(header("user-agent"), Some(concat!("edge/", env!("CARGO_PKG_VERSION"))));
        assert_eq!(header("authorization"), token);
        assert_eq!(request.body.as_bytes(), RecordFormat::Jsonl.encode(&batch(number, 3)).unwrap());
    }
}

#[test]
fn a_watermark_is_a_request_of_its_own() {
    let server = Server::start(|| Behaviour::Take);
    let watermark = watermark("2026-01-01T01:00:00Z", 6);
    Http::new(&server.url(), None).announce(&watermark).unwrap();
    let kept = server.kept.lock().unwrap();
    let header = |name: &str| kept[0].headers.get(name).map(String::as_str);
    assert_eq!(header("content-type"), Some("application/x-ndjson"));
    assert_eq!(header("idempotency-key"), Some(&*format!("{LEDGER}-watermark-1767229200-6")));
    let body = format!(
        "{{\"ledger\":\"{LEDGER}\",\"sealed_until\":\"2026-01-01T01:00:00Z\",\"last_seq\":6}}\n"
    );
    assert_eq!(kept[0].body, body);
}

#[test]
fn what_passes_is_waited_for_as_long_as_the_receiver_asks() {
    for (status, header, seconds) in [
        ("500 Internal Server Error", "", None),
        ("503 Service Unavailable", "Retry-After: 7\r\n", Some(7)),
        ("429 Too Many Requests", "Retry-After: 0\r\n", Some(0)),
        ("408 Request Timeout", "Retry-After: 3601\r\n", Some(3600)),
        ("429 Too Many Requests", "Retry-After: 99999999999999999999\r\n", None),
        ("429 Too Many Requests", "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n", None),
    ] {
        let error = error_of(&Behaviour::status(status, header, "no \"room\"\n"), None);
        assert_eq!(error.kind, FailureKind::Unavailable, "{error}");
        assert_eq!(error.retry_after, seconds.map(Duration::from_secs), "{header}");
        assert!(error.message.contains(status), "{error}");
        assert!(error.message.ends_with(": no \"room\""), "{error}");
    }
}

#[test]
fn a_refusal_says_status_reason_and_what_to_do() {
    let path = tempfile::NamedTempFile::new().unwrap();
    fs::write(path.path(), "secret").unwrap();
    let path = Some(path.path().to_owned()).zip(Some(path));
    let (path, _file) = path.unwrap();
    let key = format!("{LEDGER}-7");
    for (status, token_file, todo) in [
        ("401 Unauthorized", Some(&path), path.to_str().unwrap()),
        ("403 Forbidden", None, "set `token_file`"),
        ("404 Not Found", None, "check `url`"),
        ("409 Conflict", None, key.as_str()),
        ("413 Payload Too Large", None, "larger bodies"),
        ("422 Unprocessable Entity", None, key.as_str()),
    ] {
        let body = format!(" a\nb\u{1b}[31m{}", "é".repeat(500));
        let behaviour = Behaviour::status(status, "retry-after: 5\r\n", &body);
        let error = error_of(&behaviour, token_file.cloned());
        let code: u16 = status[..3].parse().unwrap();
        assert_eq!(error.kind, FailureKind::Refused(code), "{error}");
        assert_eq!(error.retry_after, None);
        let said = format!("refused ({status}): a b [31m{}; ", "é".repeat(192));
        assert!(error.message.contains(&said), "{error}");
        assert!(error.message.contains(todo), "{error}");
        assert!(!error.message.contains("secret"), "{error}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    for (status, code) in [("302 Found", 302), ("308 Permanent Redirect", 308)] {
        let target = Server::start(|| Behaviour::Take);
        let location = format!("location: {}\r\n", target.url());
        let error = error_of(&Behaviour::status(status, &location, ""), None);
        assert_eq!(error.kind, FailureKind::Refused(code), "{error}");
        assert!(error.message.contains("redirect"), "{error}");
        assert!(error.message.contains(&target.url()), "{error}");
        assert_eq!(target.kept.lock().unwrap().len(), 0);
    }
}

#[test]
fn no_answer_is_an_error_of_the_network() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Connections wait in its queue.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let garbage = Server::start(|| Behaviour::Answer {
        keep: false,
        late: Duration::ZERO,
        text: "220 mail ESMTP\r\n".to_owned(),
        pieces: false,
    });
    for address in [closed, silent.local_addr().unwrap(), garbage.address] {
        let url = format!("http://user:pass@{address}/usage?key=hidden");
        let mut http = Http::new(&url, None).with_timeout(Duration::from_millis(100));
        let error = http.deliver(&batch(1, 3)).unwrap_err();
        assert_eq!(error.kind, FailureKind::Network, "{error}");
        assert!(error.message.starts_with(&format!("http://{address}/usage: ")), "{error}");
        assert!(!error.message.contains("pass") && !error.message.contains("hidden"), "{error}");
    }
    for url in ["", "nonsense", "ftp://127.0.0.1/x", "http://"] {
        let error = Http::new(url, None).deliver(&batch(1, 3)).unwrap_err();
        assert_eq!(error.kind, FailureKind::Network, "{error}");
    }
}

#[test]
fn a_token_that_is_none_is_said_and_not_sent() {
    let server = Server::start(|| Behaviour::Take);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let mut http = Http::new(&server.url(), Some(file.path().to_owned()));
    let error = http.deliver(&batch(1, 3)).unwrap_err();
    assert!(error.message.contains("empty"), "{error}");
    file.write_all(b"secret\nsecret").unwrap();
    let error = http.deliver(&batch(1, 3)).unwrap_err();
    assert!(error.message.contains("one line"), "{error}");
    assert!(!error.message.contains("secret"), "{error}");
    let path = file.path().to_owned();
    drop(file);
    let error = http.deliver(&batch(1, 3)).unwrap_err();
    assert_eq!(error.kind, FailureKind::Local);
    assert!(error.message.contains(path.to_str().unwrap()), "{error}");
    assert_eq!(server.kept.lock().unwrap().len(), 0);
}
