//! Clients of a daemon: many silent ones keep neither the others from their answers nor the daemon
//! from its books. And the message that each gets.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream},
    os::{
        fd::AsRawFd as _,
        unix::{fs::PermissionsExt as _, net::UnixStream},
    },
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::Result;
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, book, configure, detach, edge, edge_binary, status},
    ends::{self, lab},
    http::{CONTROL, HttpAnswer, METRICS, at_the_address},
    speaker::wait,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::{Lab, root_or_skip},
};
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    socket::{
        AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrStorage, bind, connect, socket,
    },
};

/// Connections that nobody says anything on.
const SILENT: usize = 2_000;
/// The host of a flood.
const FLOODING: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn contoso() -> SampleCircuit {
    ends::contoso().key("service_key", "k1")
}

fn scrape(lab: &Lab, query: &str) -> Result<HttpAnswer> {
    at_the_address(lab, &format!("GET /metrics{query}"), &[], "")
}

#[test]
fn silent_clients_keep_nobody_from_status_books_and_metrics() -> Result<()> {
    if !root_or_skip("silent_clients_keep_nobody_from_status_books_and_metrics") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    // Fewer files than there are clients, and fewer still unless the daemon asks for more.
    let few = std::path::Path::new("/run/edge/few-files");
    let script = format!(
        "#!/bin/sh\nulimit -S -n 100\nulimit -H -n 256\nexec {} \"$@\"\n",
        edge_binary().display()
    );
    fs::write(few, script)?;
    fs::set_permissions(few, fs::Permissions::from_mode(0o755))?;
    let config = Sample::lab().edge("metrics", METRICS.to_string()).circuit(contoso());
    let daemon = Daemon::start_as(&lab, few, &config)?;

    let half_open = lab.edge().run(|| {
        let connect = |_| Ok(TcpStream::connect(METRICS)?);
        (0..SILENT).map(connect).collect::<Result<Vec<TcpStream>>>()
    })?;
    let at_the_socket: Vec<UnixStream> =
        (0..200).map(|_| UnixStream::connect(CONTROL)).collect::<Result<_, _>>()?;
    // One has begun a request.
    (&half_open[SILENT - 1]).write_all(b"GET /metrics HTTP/1.1\r\nHost: ")?;
    assert_eq!(status()?.circuits.len(), 1);
    book()?;
    let HttpAnswer { status, body, .. } = scrape(&lab, "")?;
    assert!(status == 200 && body.contains("edge_ledger_ok 1"), "{body}");
    let detail = "\nedge_forwarded_frames_total{circuit=\"contoso\",peering=\"private\",";
    assert!(!body.contains(detail), "{body}");
    let HttpAnswer { status, body, .. } = scrape(&lab, "?circuit=contoso")?;
    assert!(status == 200 && body.contains(detail), "{body}");
    assert!(body.ends_with("\nedge_series_left_out 0\n"), "{body}");
    let HttpAnswer { status, body, .. } = scrape(&lab, "?circuit=kontoso")?;
    assert!(status == 404 && body.contains("\"contoso\"?"), "{body}");
    assert!(!daemon.said().contains("too many open files"), "{}", daemon.said());

    // Two scrapes by one connection.
    let mut kept = lab.edge().run(|| Ok(TcpStream::connect(METRICS)?))?;
    kept.set_read_timeout(Some(Duration::from_secs(20)))?;
    for _ in 0..2 {
        kept.write_all(b"GET /metrics HTTP/1.1\r\nHost: edge\r\n\r\n")?;
        let mut seen = String::new();
        while !(seen.ends_with('\n') && seen.contains("\nedge_series_left_out ")) {
            let mut bytes = [0; 4096];
            let len = kept.read(&mut bytes)?;
            assert!(len > 0, "closed after {seen}");
            seen.push_str(&String::from_utf8_lossy(&bytes[..len]));
        }
        assert!(seen.starts_with("HTTP/1.1 200"), "{seen}");
    }
    drop((half_open, at_the_socket));
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// Connects by an address of its own.
fn connect_from(source: Ipv4Addr, to: SocketAddr) -> Result<TcpStream> {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    bind(socket.as_raw_fd(), &SockaddrIn::from(SocketAddrV4::new(source, 0)))?;
    connect(socket.as_raw_fd(), &SockaddrStorage::from(to))?;
    Ok(TcpStream::from(socket))
}

/// Asks as fast as it can, in one of several wrong or greedy ways, until it is over.
fn flood(lab: &Lab, kind: usize, is_over: &AtomicBool) -> Result<()> {
    let paths = ["/", "/page.js", "/v1/rates", "/metrics?detail=all", "/v1/status", "/v1/events"];
    let request = match kind {
        // Bytes that are no request.
        0 => "\x16\x03\x01 hello\r\n\r\n".repeat(100),
        1 => format!("GET / HTTP/1.1\r\n{}", "X-Long: yes\r\n".repeat(10_000)),
        2 => "PUT /v1/config HTTP/1.1\r\nHost: edge\r\nContent-Length: 99999999\r\n\r\n".to_owned(),
        _ => {
            let path = paths[kind % paths.len()];
            // Many at once on a connection, whose answers nobody reads.
            format!("GET {path} HTTP/1.1\r\nHost: edge\r\n\r\n").repeat(50)
        }
    };
    lab.edge().run(|| {
        while !is_over.load(Ordering::Relaxed) {
            // The daemon may close it at any moment, and refuse the next one.
            if let Ok(mut stream) = connect_from(FLOODING, METRICS) {
                let _closed = stream.set_write_timeout(Some(Duration::from_millis(50)));
                let _cut = stream.write_all(request.as_bytes());
            }
            if let Ok(mut stream) = UnixStream::connect(CONTROL) {
                let _closed = stream.set_write_timeout(Some(Duration::from_millis(50)));
                let _cut = stream.write_all(request.as_bytes());
            }
        }
        Ok(())
    })
}

/// Floods of requests, wrong ones, and clients that read no answer cost no other process and no other host an
/// answer, and change nothing.
#[test]
fn floods_cost_nobody_an_answer() -> Result<()> {
    if !root_or_skip("floods_cost_nobody_an_answer") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let config = Sample::lab().edge("metrics", METRICS.to_string()).circuit(contoso());
    let daemon = Daemon::start(&lab, &config)?;
    let digest = status()?.config.digest;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let floods: Vec<_> = (0..9)
            .map(|kind| {
                scope.spawn({
                    let (lab, is_over) = (&lab, &is_over);
                    move || flood(lab, kind, is_over)
                })
            })
            .collect();
        let others = || -> Result<()> {
            let output = edge(&lab, &["status", "--json"])?;
            assert!(output.status.success(), "{output:?}");
            let status: serde_json::Value = serde_json::from_slice(&output.stdout)?;
            assert_eq!(status["config"]["digest"], digest.as_str());
            let HttpAnswer { status, body, .. } = scrape(&lab, "")?;
            assert!(status == 200 && body.contains("edge_ledger_ok 1"), "{body}");
            let page = at_the_address(&lab, "GET /", &[], "")?;
            assert!(page.status == 200 && page.body.contains("page.js"), "{page:?}");
            assert!(edge(&lab, &["reload"])?.status.success());
            Ok(())
        };
        let others = others();
        is_over.store(true, Ordering::Relaxed);
        for flood in floods {
            flood.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        others
    })?;
    assert_eq!(status()?.config.digest, digest);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn a_reload_says_what_it_changes() -> Result<()> {
    if !root_or_skip("a_reload_says_what_it_changes") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let config = Sample::lab().circuit(contoso());
    let daemon = Daemon::start(&lab, &config)?;
    let second = contoso().key("name", "fabrikam").key("service_key", "k2").s_tag(200);
    for (config, expected) in [
        (config.clone(), "nothing is different\n"),
        (config.circuit(second), "+ circuit fabrikam: added\n    bandwidth: 1 Gbps\n"),
        (
            Sample::lab().circuit(contoso().key("bandwidth", "2 Gbps")),
            "~ circuit contoso: changed\n    bandwidth: 1 Gbps -> 2 Gbps\n",
        ),
    ] {
        configure(&config)?;
        let output = edge(&lab, &["reload"])?;
        assert!(output.status.success(), "{output:?}");
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(told.contains(expected), "{told}");
    }
    let told = format!("reloaded {CONFIG_PATH}: 2 removed, 1 changed: ~");
    wait(|| Ok(daemon.said().contains(&told).then_some(())))?;
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
