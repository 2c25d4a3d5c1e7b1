//! The client of the API against these handlers, over a socket.

use std::{path::PathBuf, thread};

use edge_api::{Client, ClientError, RouteListing, RouteStanding, SessionState};
use tempfile::TempDir;

use super::{super::super::router, *};
use crate::daemon::router_view::sample::{SampleRouter, SampleSpeaker};

/// Daemons' paths about routing, at a socket, until the end of the test's process.
struct Served {
    slot: RouterSlot,
    socket: PathBuf,
    _directory: TempDir,
}

impl Served {
    fn new(view: Option<SampleRouter>) -> Self {
        let directory = TempDir::new().expect("a directory");
        let socket = directory.path().join("control.sock");
        let slot = RouterSlot::default();
        slot.set(view.map(|view| Arc::new(view) as Arc<dyn RouterView>));
        let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        listener.set_nonblocking(true).expect("a socket that does not block");
        let state = slot.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = tokio::net::UnixListener::from_std(listener).expect("a listener");
                let served = axum::serve(listener, router::routing().with_state(state));
                served.await.expect("an endless loop");
            });
        });
        Self { slot, socket, _directory: directory }
    }

    fn client(&self) -> Client {
        Client::new(&self.socket)
    }

    /// The status and the sentence of a refused question.
    fn refused<T: std::fmt::Debug>(
        &self,
        ask: impl FnOnce(Client) -> Result<T, ClientError>,
    ) -> (u16, String) {
        let error = ask(self.client()).expect_err("a refusal");
        let ClientError::Refused { status, document } = error else { panic!("{error:?}") };
        (status, document.to_string())
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn a_configuration_without_routed_circuits_has_no_sessions_and_no_routes() {
    let served = Served::new(None);
    assert_eq!(served.client().sessions().expect("an answer"), Sessions::default());
    let view = RoutesView::Forwarding;
    let (status, told) = served.refused(|client| client.routes("contoso", "private", view));
    assert_eq!(status, 404);
    assert!(told.starts_with("the configuration has no routed circuit; "), "{told}");
    let ask = |client: Client| client.lookup("contoso", "private", address("10.1.2.3"), None);
    assert_eq!(served.refused(ask), (404, told));

    // A reload brings the first routed circuit.
    served.slot.set(Some(Arc::new(SampleRouter::default())));
    assert_eq!(served.client().sessions().expect("an answer").sessions.len(), 3);
}

#[test]
fn sessions_come_as_the_router_has_them() {
    let served = Served::new(Some(SampleRouter::default()));
    let sessions = served.client().sessions().expect("an answer").sessions;
    assert_eq!(sessions[0].state, SessionState::Established);
    assert_eq!(sessions[2].vnet.as_deref(), Some("hub"));
    let json = served.client().sessions_json().expect("an answer");
    assert_eq!(serde_json::from_str::<Sessions>(&json).expect("a document").sessions, sessions);
}

#[test]
fn each_view_has_its_routes() {
    let served = Served::new(Some(SampleRouter::default()));
    for view in RoutesView::ALL {
        let routes = served.client().routes("contoso", "private", view).expect("an answer");
        assert_eq!((routes.listing.view(), &*routes.peering), (view, "private"));
    }
    let received = served.client().routes("contoso", "private", RoutesView::Received);
    let RouteListing::Received { routes } = received.expect("an answer").listing else {
        panic!("another view")
    };
    assert_eq!(routes[1].standing, RouteStanding::Refused);
}

#[test]
fn a_dropped_frame_is_an_answer() {
    let served = Served::new(Some(SampleRouter::default()));
    let look = |from: Option<&str>| {
        let (to, from) = (address("10.1.2.3"), from.map(address));
        served.client().lookup("contoso", "private", to, from).expect("an answer")
    };
    let found = look(None);
    assert_eq!((&*found.reason, found.next_hop), ("ok", Some(address("10.1.255.6"))));
    assert_eq!(
        (found.port.as_deref(), found.owner.as_deref(), found.source),
        (Some("core0"), Some("contoso/private"), None)
    );
    assert_eq!(look(Some("10.9.0.1")).source.as_deref(), Some("ok"));
    let spoofed = look(Some("10.8.0.1"));
    assert_eq!((&*spoofed.reason, spoofed.next_hop), ("spoofed", None));
    assert_eq!(spoofed.source.as_deref(), Some("spoofed"));
}

#[test]
fn refusals_tell_who_can_mend_them() {
    let served = Served::new(Some(SampleRouter::default()));
    for (circuit, peering, status, told) in [
        ("kontoso", "private", 404, "there is no circuit \"kontoso\""),
        ("contoso", "microsoft", 404, "has no peering \"microsoft\""),
        ("contoso", "public", 422, "is a wire"),
    ] {
        let view = RoutesView::Forwarding;
        let routes = served.refused(|client| client.routes(circuit, peering, view));
        let to = address("10.1.2.3");
        let lookup = served.refused(|client| client.lookup(circuit, peering, to, None));
        assert_eq!((routes.0, &routes), (status, &lookup));
        assert!(routes.1.contains(told), "{routes:?}");
    }
    let v6 = address("fd00::1");
    let failed = served.refused(|client| client.lookup("contoso", "private", v6, None));
    assert_eq!(failed, (500, "the tables are gone".to_owned()));
    let from = Some(address("10.9.0.1"));
    let mixed = served.refused(|client| client.lookup("contoso", "private", v6, from));
    assert_eq!(mixed.0, 400);
    assert!(mixed.1.starts_with("10.9.0.1 can't send to fd00::1: "), "{mixed:?}");
}

#[test]
fn a_speaker_that_is_silent_or_absent_hides_its_views_alone() {
    for (speaker, status, told) in [
        (SampleSpeaker::Silent, 503, "BIRD does not answer"),
        (SampleSpeaker::None, 422, "with `daemon = \"none\"`"),
    ] {
        let served = Served::new(Some(SampleRouter { speaker }));
        for view in RoutesView::ALL {
            let ask = |client: Client| client.routes("contoso", "private", view);
            if matches!(view, RoutesView::Received | RoutesView::Advertised) {
                let refused = served.refused(ask);
                assert_eq!(refused.0, status);
                assert!(refused.1.starts_with(told), "{refused:?}");
            } else {
                assert!(ask(served.client()).is_ok(), "{view:?}");
            }
        }
    }
    let served = Served::new(Some(SampleRouter { speaker: SampleSpeaker::Silent }));
    let silent = (503, "asking BIRD for sessions: it does not answer".to_owned());
    assert_eq!(served.refused(|client| client.sessions()), silent);
}

#[test]
fn mistakes_in_a_query_are_told() {
    let served = Served::new(Some(SampleRouter::default()));
    for (path, told) in [
        ("routes?view=recieved", "unknown variant `recieved`, expected one of `received`"),
        ("routes?side=cloud", "unknown field `side`"),
        ("lookup", "missing field `address`"),
        ("lookup?address=10.1.2", "invalid IP address"),
        ("lookup?address=10.1.2.3&from=10.0.0.0/8", "invalid IP address"),
        ("lookup?address=10.1.2.3&to=10.1.2.3", "unknown field `to`"),
    ] {
        let answer = raw(&served.socket, &format!("/v1/circuits/contoso/peerings/private/{path}"));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains(told) && answer.contains("/v1/openapi.json"), "{answer}");
    }
    let answer = raw(&served.socket, "/v1/circuits/contoso/peerings/private/routes");
    assert!(answer.contains(r#""view":"forwarding""#), "{answer}");
}

/// The whole answer to a request that no client of ours makes.
fn raw(socket: &std::path::Path, path: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::os::unix::net::UnixStream::connect(socket).expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
