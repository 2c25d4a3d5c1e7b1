//! The client against daemons that answer well, badly and never.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixListener,
    sync::mpsc,
    thread,
    time::Instant,
};

use tempfile::TempDir;

use super::*;
use crate::{Bandwidth, LedgerState, RoutesView};

/// A socket whose first client gets `answer`, and the request that it sends.
struct Server {
    _directory: TempDir,
    socket: PathBuf,
    request: mpsc::Receiver<String>,
}

impl Server {
    fn new(answer: impl Into<String>) -> Self {
        let directory = TempDir::new().unwrap();
        let socket = directory.path().join("control.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let (sent, request) = mpsc::channel();
        let answer = answer.into();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            sent.send(read_request(&mut stream)).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        Self { _directory: directory, socket, request }
    }

    fn client(&self) -> Client {
        Client::new(&self.socket)
    }
}

/// The head of a request, and as much of a body as it announces.
fn read_request(stream: &mut UnixStream) -> String {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let len = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            if body.len() >= len.map_or(0, |len| len.parse().unwrap()) {
                return String::from_utf8(read).unwrap();
            }
        }
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        read.push(byte[0]);
    }
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_document_is_read_and_its_text_is_as_it_came() {
    let json = r#"{"edge":"e","uptime_s":1.0,"taken":"2026-01-01T00:00:00Z","ledger":{"state_dir":"/s",
        "state":"ok","error":null,"failing_since":null,"notice":null,"last_booked":null,"exports":[]},
        "watches_egress":true,"ports":[],"circuits":[],"of_a_later_version":1}"#;
    let server = Server::new(answer("200 OK", json));
    assert_eq!(server.client().status().unwrap().ledger.state, LedgerState::Ok);
    let request = server.request.recv().unwrap();
    assert!(request.starts_with("GET /v1/status HTTP/1.1\r\nhost: localhost\r\n"), "{request}");
    let server = Server::new(answer("200 OK", json));
    assert_eq!(server.client().status_json().unwrap(), json);
}

#[test]
fn requests_that_change_something_have_their_methods() {
    let json = r#"{"state_dir":"/s","error":"no room"}"#;
    let server = Server::new(answer("200 OK", json));
    assert_eq!(server.client().book().unwrap().error.as_deref(), Some("no room"));
    let request = server.request.recv().unwrap();
    assert!(request.starts_with("POST /v1/ledger/book HTTP/1.1\r\n"), "{request}");

    let json = serde_json::to_string(&Reloaded {
        changes: ConfigChanges::default(),
        warnings: vec!["port \"p\" waits".to_owned()],
    });
    let server = Server::new(answer("200 OK", &json.unwrap()));
    assert_eq!(server.client().reload().unwrap().warnings, ["port \"p\" waits"]);
    let request = server.request.recv().unwrap();
    assert!(request.starts_with("POST /v1/config/reload HTTP/1.1\r\n"), "{request}");
}

#[test]
fn names_of_circuits_are_encoded() {
    let json = r#"{"circuit":"c","bandwidth_bps":[1,2],"burst_bytes":[3,3],"saved_to":"/e.toml"}"#;
    let bandwidth = Bandwidth::Text("2 Gbps".to_owned());
    let request = BandwidthRequest::new(bandwidth, true);
    for (circuit, path) in [
        ("contoso-ams_1.b~", "contoso-ams_1.b~"),
        ("two words/a ?#%", "two%20words%2Fa%20%3F%23%25"),
        ("Zürich", "Z%C3%BCrich"),
    ] {
        let server = Server::new(answer("200 OK", json));
        let change = server.client().set_bandwidth(circuit, &request).unwrap();
        assert_eq!(change.saved_to.as_deref(), Some(Path::new("/e.toml")));
        let sent = server.request.recv().unwrap();
        assert!(sent.starts_with(&format!("PATCH /v1/circuits/{path} HTTP/1.1\r\n")), "{sent}");
        assert!(sent.contains("content-type: application/json\r\n"), "{sent}");
        assert!(sent.ends_with(r#"{"bandwidth":"2 Gbps","save":true}"#), "{sent}");
    }
}

#[test]
fn questions_about_routes_name_a_peering() {
    let json = r#"{"circuit":"a b","peering":"private","view":"diff","routes":[],"later":1}"#;
    let server = Server::new(answer("200 OK", json));
    let routes = server.client().routes("a b", "private", RoutesView::Diff).unwrap();
    assert_eq!(routes.listing.view(), RoutesView::Diff);
    let path = "/v1/circuits/a%20b/peerings/private/routes?view=diff";
    let sent = server.request.recv().unwrap();
    assert!(sent.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{sent}");
    let server = Server::new(answer("200 OK", json));
    let text = server.client().routes_json("a b", "private", RoutesView::Diff);
    assert_eq!(text.unwrap(), json);

    let json = r#"{"reason":"no-route","next_hop":null,"port":null,"owner":null,"direction":
        "inbound","next_hops":[],"source":null,"neighbour_mac":null,"mtu_bytes":null}"#;
    let [address, from] = ["fd00::1", "10.0.0.1"].map(|text| text.parse().unwrap());
    for (from, query) in [(None, ""), (Some(from), "&from=10.0.0.1")] {
        let server = Server::new(answer("200 OK", json));
        let lookup = server.client().lookup("c", "public", address, from).unwrap();
        assert_eq!(lookup.reason, "no-route");
        let path = format!("/v1/circuits/c/peerings/public/lookup?address=fd00%3A%3A1{query}");
        let sent = server.request.recv().unwrap();
        assert!(sent.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{sent}");
        let server = Server::new(answer("200 OK", json));
        assert_eq!(server.client().lookup_json("c", "public", address, from).unwrap(), json);
    }

    let json = r#"{"circuit":"a/b","sku":"local","location":null,"regions":[],"vnets":[]}"#;
    let server = Server::new(answer("200 OK", json));
    assert_eq!(server.client().reach("a/b").unwrap().sku, "local");
    let sent = server.request.recv().unwrap();
    assert!(sent.starts_with("GET /v1/circuits/a%2Fb/reach HTTP/1.1\r\n"), "{sent}");
    let server = Server::new(answer("200 OK", json));
    assert_eq!(server.client().reach_json("a/b").unwrap(), json);

    let server = Server::new(answer("200 OK", r#"{"sessions":[]}"#));
    assert_eq!(server.client().sessions().unwrap().sessions, []);
    let server = Server::new(answer("200 OK", r#"{"sessions":[]}"#));
    assert_eq!(server.client().sessions_json().unwrap(), r#"{"sessions":[]}"#);
}

#[test]
fn a_refusal_is_told_as_the_daemon_says_it() {
    let json = r#"{"error":"no circuit \"a\"","hint":"is it \"b\"?","where":null}"#;
    for (status, is_callers) in [
        ("400 Bad Request", true),
        ("404 Not Found", true),
        ("409 Conflict", false),
        ("422 Unprocessable Content", true),
        ("500 Internal Server Error", false),
    ] {
        let error = Server::new(answer(status, json)).client().status().unwrap_err();
        assert_eq!(error.to_string(), "no circuit \"a\"; is it \"b\"?");
        assert_eq!(error.is_callers(), is_callers, "{status}");
        let ClientError::Refused { status: told, .. } = error else { panic!("{error:?}") };
        assert!(status.starts_with(&told.to_string()));
    }
}

#[test]
fn nobody_at_the_socket_is_no_daemon() {
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("control.sock");
    assert!(!is_answered(&socket));
    let error = Client::new(&socket).status().unwrap_err();
    let text = format!(
        "no edge daemon answers at {}; `edge run -c FILE` starts one, `-s PATH` names its control \
         socket",
        socket.display(),
    );
    assert_eq!((error.to_string(), error.is_callers()), (text, false));

    // A daemon that was killed leaves its socket's file behind.
    drop(UnixListener::bind(&socket).unwrap());
    let error = Client::new(&socket).status().unwrap_err();
    let ClientError::NoDaemon { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);

    std::fs::remove_file(&socket).unwrap();
    let _listener = UnixListener::bind(&socket).unwrap();
    assert!(is_answered(&socket));
}

#[test]
fn an_answer_that_is_not_edges_says_so() {
    for garbage in [
        "{\"error\":\"the daemon does not know this request\"}\n".to_owned(),
        answer("200 OK", "<html>"),
        answer("200 OK", "{}"),
        answer("200 OK", "[1]"),
        answer("404 Not Found", "no such page"),
        answer("500 Internal Server Error", "{\"message\":1}"),
    ] {
        let error = Server::new(garbage.clone()).client().status().unwrap_err();
        assert!(matches!(error, ClientError::NotEdge { .. }), "{garbage}: {error:?}");
        assert!(error.to_string().contains("differ in version"), "{error}");
        assert!(!error.is_callers());
    }
}

#[test]
fn a_daemon_that_ends_before_its_answer_is_told() {
    for broken in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"] {
        let error = Server::new(broken).client().status().unwrap_err();
        assert!(matches!(error, ClientError::Io { .. }), "{broken}: {error:?}");
    }
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for() {
    let directory = TempDir::new().unwrap();
    let socket = directory.path().join("control.sock");
    // It takes the connection, and the request, and says nothing.
    let _listener = UnixListener::bind(&socket).unwrap();
    let mut client = Client::new(&socket);
    client.call_within = Duration::from_millis(100);
    let began = Instant::now();
    let error = client.status().unwrap_err();
    assert!(matches!(error, ClientError::Timeout { .. }), "{error:?}");
    assert!(error.to_string().contains("has not answered for 100ms"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(!error.is_callers());
}

#[test]
fn events_are_read_to_the_end_of_the_answer() {
    let events = "retry: 1000\n\n: still here\n\nid: a-1\nevent: start\ndata: {\"id\":\"a-1\"}\n\ndata:{\"id\":\"a-2\"}\n\n";
    let server = Server::new(answer("200 OK", events));
    let (mut read, mut since) = (Vec::new(), "a-0".to_owned());
    let end = server.client().events(&mut since, true, |data| {
        read.push(data.to_owned());
        std::ops::ControlFlow::<()>::Continue(())
    });
    assert!(matches!(end, Ok(None)), "{end:?}");
    assert_eq!(read, [r#"{"id":"a-1"}"#, r#"{"id":"a-2"}"#]);
    assert_eq!(since, "a-1");
    let asked = server.request.recv().unwrap();
    assert!(asked.starts_with("GET /v1/events?since=a-0&follow=true HTTP/1.1\r\n"), "{asked}");

    let server = Server::new(answer("200 OK", events));
    let end = server
        .client()
        .events(&mut "all".to_owned(), false, |_| std::ops::ControlFlow::Break("enough"));
    assert!(matches!(end, Ok(Some("enough"))), "{end:?}");

    let refused =
        answer("400 Bad Request", r#"{"error":"no such event","hint":null,"where":null}"#);
    let end = Server::new(refused)
        .client()
        .events(&mut "x".to_owned(), false, |_| std::ops::ControlFlow::<()>::Continue(()));
    assert!(end.as_ref().is_err_and(ClientError::is_callers), "{end:?}");
}
