//! The control API from a program's side: its answers, the rights of clients, and its refusals.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    process::{Command, Output},
};

use anyhow::{Context as _, Result};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, configure, detach},
    ends::{Ends, contoso, lab},
    http::{CONTROL, HttpAnswer, METRICS, at_the_address, at_the_socket},
    notation::frame_of,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
    server::openapi,
};
use nix::mount::{MsFlags, mount};
use serde_json::{Value, json};

/// The circuit beside `contoso`.
const OTHER: &str = "fabrikam / lon ö";

fn config() -> Sample {
    Sample::lab()
        .edge("metrics", METRICS.to_string())
        .circuit(contoso().key("service_key", "k1"))
        .circuit(SampleCircuit::new(OTHER, "50 Mbps").s_tag(200).peering("private", 10))
}

fn get(path: &str) -> Result<HttpAnswer> {
    at_the_socket(&format!("GET {path}"), &[], "")
}

fn status_of(answer: &HttpAnswer, status: u16) -> Result<Value> {
    assert_eq!(answer.status, status, "{answer:?}");
    let document = answer.json()?;
    if status >= 400 {
        assert!(document["error"].as_str().is_some_and(|error| !error.is_empty()), "{answer:?}");
        assert!(document.get("hint").is_some() && document.get("where").is_some(), "{answer:?}");
    }
    Ok(document)
}

/// Every path of the description that only looks, and every request that takes an operator. Those that would last are asked
/// so that they end: events that are kept, and a trace of nobody.
fn described() -> Result<(Vec<String>, Vec<String>)> {
    let description: Value = serde_json::from_str(openapi::description())?;
    let (mut reads, mut writes) = (Vec::new(), Vec::new());
    for (path, methods) in description["paths"].as_object().context("paths")? {
        let path = path.replace("{name}", "contoso").replace("{circuit}", "contoso");
        let path = path.replace("{peering}", "private");
        let path = match &*path {
            "/v1/events" => "/v1/events?follow=false".to_owned(),
            "/v1/trace" => "/v1/trace?circuit=nobody".to_owned(),
            _ => path,
        };
        for (method, described) in methods.as_object().context("methods")? {
            if described["tags"] == json!(["look"]) {
                assert_eq!(method, "get", "{path}");
                reads.push(path.clone());
            } else {
                writes.push(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    Ok((reads, writes))
}

#[test]
fn the_api_looks_on_both_ways_and_changes_on_one() -> Result<()> {
    if !root_or_skip("the_api_looks_on_both_ways_and_changes_on_one") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config())?;
    let (reads, writes) = described()?;
    assert!(reads.len() >= 6 && writes.len() >= 3, "{reads:?} {writes:?}");
    // Events are no document.
    for path in reads.iter().filter(|path| !path.starts_with("/v1/events")) {
        // A wire has no routes. A look-up without an address is a mistake before that, and so is a bill without a month.
        let status = match path.rsplit('/').next() {
            Some("routes") => 404,
            Some("lookup" | "bill") => 400,
            _ => 200,
        };
        status_of(&get(path)?, status)?;
        status_of(&at_the_address(&lab, &format!("GET {path}"), &[], "")?, status)?;
    }
    assert_eq!(status_of(&get("/v1/sessions")?, 200)?, json!({ "sessions": [] }));
    let whole = status_of(&get("/v1/status")?, 200)?;
    let idle = json!({ "configured": 0, "up": 0, "fault": null });
    assert_eq!((&whole["sessions"], &whole["domains"]), (&idle, &json!([])));
    for request in &writes {
        status_of(&at_the_address(&lab, request, &[], r#"{"bandwidth":"2 Gbps"}"#)?, 405)?;
    }
    assert_eq!(get("/v1/openapi.json")?.body, openapi::description());
    status_of(&get("/v2/status")?, 404)?;
    status_of(&at_the_socket("DELETE /v1/circuits/contoso", &[], "")?, 405)?;
    // Nothing of all this has changed anything.
    assert_eq!(status_of(&get("/v1/circuits/contoso")?, 200)?["bandwidth_bps"], 1_000_000_000);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn a_status_shows_frames_that_were_sent_before_and_can_be_asked_for_in_parts() -> Result<()> {
    if !root_or_skip("a_status_shows_frames_that_were_sent_before_and_can_be_asked_for_in_parts") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config())?;
    let ends = Ends::open(&lab)?;
    let sent = frame_of("88a8:100 8100:10 ipv4")?;
    for round in 1..=5 {
        ends.customer.0.send(&sent)?;
        lab.settle(std::time::Duration::from_secs(5))?;
        let circuit = status_of(&get("/v1/circuits/contoso")?, 200)?;
        let inbound = circuit["peerings"].as_array().context("peerings")?;
        let inbound =
            inbound.iter().find(|own| own["direction"] == "inbound").context("inbound")?;
        assert_eq!(inbound["forwarded_frames"], round);
    }
    let whole = status_of(&get("/v1/status")?, 200)?;
    let one = status_of(&get("/v1/status?circuit=contoso")?, 200)?;
    assert_eq!(one["circuits"], json!([whole["circuits"][0]]));
    let other = status_of(&get("/v1/circuits/fabrikam%20%2F%20lon%20%C3%B6")?, 200)?;
    assert_eq!(other["name"], OTHER);
    let names = get("/v1/status?fields=circuits.name&limit=1")?;
    assert_eq!(status_of(&names, 200)?, json!({ "circuits": [{ "name": "contoso" }] }));
    let link = names.headers.get("link").context("a link to the next page")?;
    let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
    let last = get(next.context("a link")?)?;
    assert_eq!(status_of(&last, 200)?, json!({ "circuits": [{ "name": OTHER }] }));
    assert_eq!(last.headers.get("link"), None);
    status_of(&get("/v1/status?circuit=nobody")?, 404)?;
    status_of(&get("/v1/status?limit=many")?, 400)?;
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn a_change_is_refused_as_a_whole_or_takes_effect() -> Result<()> {
    if !root_or_skip("a_change_is_refused_as_a_whole_or_takes_effect") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config())?;
    let circuit = "/v1/circuits/contoso";
    let patch = |path: &str, headers: &[(&str, &str)], body: &str| {
        at_the_socket(&format!("PATCH {path}"), headers, body)
    };
    let before = get(circuit)?.etag()?.to_owned();
    assert_eq!(get("/v1/status")?.etag()?, before);
    for (path, headers, body, status) in [
        ("/v1/circuits/nobody", &[][..], r#"{"bandwidth":"2 Gbps"}"#, 404),
        (circuit, &[], r#"{"bandwidth":"2 Gbps""#, 400),
        (circuit, &[], r#"{"bandwith":"2 Gbps"}"#, 400),
        (circuit, &[], r#"{"bandwidth":-5}"#, 400),
        (circuit, &[], r#"{"bandwidth":"fast"}"#, 422),
        (circuit, &[], r#"{"bandwidth":"1 bps"}"#, 422),
        (circuit, &[("If-Match", "\"0123\"")], r#"{"bandwidth":"2 Gbps"}"#, 412),
        (circuit, &[("If-Match", "0123")], r#"{"bandwidth":"2 Gbps"}"#, 400),
    ] {
        status_of(&patch(path, headers, body)?, status)?;
    }
    assert_eq!(get(circuit)?.etag()?, before);

    let change = patch(circuit, &[("If-Match", &before)], r#"{"bandwidth":"2 Gbps"}"#)?;
    assert_eq!(status_of(&change, 200)?["bandwidth_bps"], json!([1_000_000_000, 2_000_000_000u64]));
    let after = get(circuit)?;
    assert_eq!(after.json()?["bandwidth_bps"], 2_000_000_000u64);
    assert_ne!(after.etag()?, before);
    // It has another digest, which a second client with the first one in mind does not know of.
    status_of(&patch(circuit, &[("If-Match", &before)], r#"{"bandwidth":3000000000}"#)?, 412)?;

    configure(&config().change_circuit(OTHER, |other| other.s_tag(9000)))?;
    let refused = status_of(&at_the_socket("POST /v1/config/reload", &[], "")?, 422)?;
    let place = refused["where"].as_str().context("a place")?;
    assert!(place.starts_with(&format!("{CONFIG_PATH}:")), "{refused}");
    configure(&config().edge("state_dir", "/var/lib/edge/other"))?;
    status_of(&at_the_socket("POST /v1/config/reload", &[], "")?, 409)?;
    configure(&config())?;
    status_of(&at_the_socket("POST /v1/config/reload", &[("If-Match", &before)], "")?, 412)?;
    let reloaded = status_of(&at_the_socket("POST /v1/config/reload", &[], "")?, 200)?;
    assert_eq!(reloaded["changes"]["changes"][0]["name"], "contoso");
    // The same configuration has the same digest again.
    assert_eq!(get(circuit)?.etag()?, before);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn other_users_may_look_where_they_are_let_in() -> Result<()> {
    if !root_or_skip("other_users_may_look_where_they_are_let_in") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config())?;
    assert_eq!(fs::metadata(CONTROL)?.permissions().mode() & 0o777, 0o600);
    fs::set_permissions(CONTROL, fs::Permissions::from_mode(0o666))?;
    let looked = as_nobody(&["status", "--json"])?;
    assert!(looked.status.success(), "{looked:?}");
    let refused = as_nobody(&["set-bandwidth", "contoso", "2 Gbps"])?;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("may look, and not change anything"), "{said}");
    assert_eq!(as_nobody(&["reload"])?.status.code(), Some(1));
    assert_eq!(get("/v1/circuits/contoso")?.json()?["bandwidth_bps"], 1_000_000_000);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// Groups as the package makes them, by number.
const READERS: u32 = 61_001;
const OPERATORS: u32 = 61_002;

#[test]
fn no_write_gets_through_without_its_role() -> Result<()> {
    if !root_or_skip("no_write_gets_through_without_its_role") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let groups = tempfile::NamedTempFile::new_in("/run/edge")?;
    fs::write(groups.path(), format!("edge:x:{READERS}:\nedge-admin:x:{OPERATORS}:\n"))?;
    fs::set_permissions(groups.path(), fs::Permissions::from_mode(0o644))?;
    let none: Option<&str> = None;
    mount(Some(groups.path()), "/etc/group", none, MsFlags::MS_BIND, none)?;
    let daemon = Daemon::start(&lab, &config())?;
    let socket = fs::metadata(CONTROL)?;
    assert_eq!((socket.permissions().mode() & 0o777, socket.gid()), (0o660, READERS));

    let (reads, writes) = described()?;
    let ask = |request: &str| at_the_socket(request, &[], r#"{"bandwidth":"2 Gbps"}"#);
    for request in reads.iter().map(|path| format!("GET {path}")) {
        assert_ne!(as_member(&[READERS], || ask(&request))?.status, 403, "{request}");
    }
    for request in &writes {
        assert_eq!(as_member(&[READERS], || ask(request))?.status, 403, "{request}");
        // It may be a mistake, but not one of role.
        assert_ne!(as_member(&[READERS, OPERATORS], || ask(request))?.status, 403, "{request}");
        // The group of operators alone does not reach the socket.
        for strangers in [&[][..], &[OPERATORS]] {
            assert!(as_member(strangers, || ask(request)).is_err(), "{request}");
        }
    }
    assert_eq!(get("/v1/circuits/contoso")?.json()?["bandwidth_bps"], 2_000_000_000);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// Does some work in a thread of a user with these groups alone.
fn as_member<T: Send>(groups: &[u32], work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    const NOBODY: u32 = 65_534;
    std::thread::scope(|scope| {
        let member = scope.spawn(|| {
            // glibc would change all threads of the process.
            // SAFETY: the kernel reads as many groups as there are.
            let set = unsafe { libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()) };
            anyhow::ensure!(set == 0, "setgroups: {}", std::io::Error::last_os_error());
            for number in [libc::SYS_setresgid, libc::SYS_setresuid] {
                // SAFETY: both take three numbers.
                let set = unsafe { libc::syscall(number, NOBODY, NOBODY, NOBODY) };
                anyhow::ensure!(set == 0, "{}", std::io::Error::last_os_error());
            }
            work()
        });
        member.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A command of `edge` by a user without any rights.
fn as_nobody(arguments: &[&str]) -> Result<Output> {
    // The build may be where others can't reach it.
    let binary = "/run/edge/edge-for-all";
    // By another process: a child that a test beside starts meanwhile would have our file open for writing, too, and a file
    // that is being written can't be run (ETXTBSY).
    let copied = Command::new("cp").arg(edge_tests::daemon::edge_binary()).arg(binary).status()?;
    assert!(copied.success(), "{copied}");
    fs::set_permissions(binary, fs::Permissions::from_mode(0o755))?;
    Ok(Command::new(binary).args(arguments).gid(65_534).uid(65_534).output()?)
}
