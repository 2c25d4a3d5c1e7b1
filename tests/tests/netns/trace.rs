//! `edge trace` with real traffic: whose frames it shows, and what is left of it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, ChildStderr, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use edge_api::{TraceCounts, TracedFrame};
use edge_tests::{
    daemon::{Daemon, configure, detach, edge, edge_binary, reload},
    ends::{Ends, contoso, lab},
    http::{METRICS, at_the_address, at_the_socket},
    notation::frame_of,
    patience::wait,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::{Lab, private_mounts, raw::RawSender, root_or_skip},
    replay::capture::CaptureReader,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

/// A running `edge trace --json`.
struct Trace {
    child: Child,
    out: BufReader<ChildStdout>,
    err: BufReader<ChildStderr>,
}

impl Trace {
    /// Starts one, and returns when it looks for frames.
    fn start(lab: &Lab, arguments: &[&str]) -> Result<Self> {
        let mut command: Command = lab.edge().command(edge_binary());
        command.args(["trace", "--json"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let out = BufReader::new(child.stdout.take().context("its output")?);
        let mut err = BufReader::new(child.stderr.take().context("its errors")?);
        let mut said = String::new();
        err.read_line(&mut said)?;
        ensure!(said.starts_with("frames that come by "), "{said}");
        Ok(Self { child, out, err })
    }

    fn next(&mut self) -> Result<TracedFrame> {
        let mut line = String::new();
        self.out.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("no frame: {line:?}"))
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(self.child.id().try_into()?), signal)?)
    }

    /// Exit code, and what it said.
    fn end(mut self) -> Result<(Option<i32>, String)> {
        drop(self.out);
        let mut said = String::new();
        self.err.read_to_string(&mut said)?;
        Ok((self.child.wait()?.code(), said))
    }
}

/// The tags of the programs on the edge's interfaces: hashes of their instructions.
fn programs(lab: &Lab) -> Result<Vec<(String, String)>> {
    let links = lab.edge().output("ip", &["-d", "-j", "link", "show"])?;
    let links: Value = serde_json::from_str(&links)?;
    let program = |link: &Value| {
        let tag = link["xdp"]["prog"]["tag"].as_str()?;
        Some((link["ifname"].as_str()?.to_owned(), tag.to_owned()))
    };
    Ok(links.as_array().context("a list")?.iter().filter_map(program).collect())
}

/// Sends the frame again and again while `work` lasts.
fn while_sending<T>(
    senders: &[(&RawSender, &[u8])],
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for (sender, frame) in senders {
                    // A cable may be gone.
                    let _sent = sender.send(frame);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        let worked = work();
        is_over.store(true, Ordering::Relaxed);
        worked
    })
}

/// A frame with this last byte of its source address.
fn from(source: u8, frame: &str) -> Result<Vec<u8>> {
    let mut frame = frame_of(frame)?;
    frame[11] = source;
    Ok(frame)
}

fn sources(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut sources: Vec<u8> = frames.iter().map(|frame| frame[11]).collect();
    sources.sort_unstable();
    sources.dedup();
    sources
}

#[test]
fn a_trace_of_a_customer_has_no_frame_of_another_with_the_same_tags() -> Result<()> {
    if !root_or_skip("a_trace_of_a_customer_has_no_frame_of_another_with_the_same_tags") {
        return Ok(());
    }
    private_mounts()?;
    let ports = ["customer0", "core0", "customer1", "core1"];
    let lab = Lab::with_mtu(&ports, 1600)?;
    let circuit = |name: &str, ports: &[&str]| {
        SampleCircuit::new(name, "1 Gbps")
            .s_tag(100)
            .peering("private", 10)
            .key("ports", ports.to_vec())
    };
    let config = Sample::lab()
        .pair("customer1", "core1")
        .circuit(circuit("contoso", &["customer0", "core0"]))
        .circuit(circuit("fabrikam", &["customer1", "core1"]));
    let daemon = Daemon::start(&lab, &config)?;
    let senders = ports.map(|port| {
        let end = lab.far_end(port)?;
        RawSender::open(end.ns(), end.interface())
    });
    let mut all = Vec::new();
    for (sender, source) in senders.into_iter().zip([1, 2, 3, 4]) {
        all.push((sender?, from(source, "8100:100 8100:10 ipv4 payload=400")?));
    }
    let sending: Vec<_> = all.iter().map(|(sender, frame)| (sender, &**frame)).collect();
    while_sending(&sending, || {
        for (circuit, own) in [("contoso", [1, 2]), ("fabrikam", [3, 4])] {
            let path = format!("/run/edge/{circuit}.pcapng");
            let arguments = ["trace", "--circuit", circuit, "-n", "200", "-o", &path];
            let traced = edge(&lab, &arguments)?;
            ensure!(traced.status.success(), "{traced:?}");
            let mode = fs::metadata(&path)?.permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
            let frames: Vec<Vec<u8>> = CaptureReader::open(Path::new(&path))?
                .map(|frame| Ok(frame?.data))
                .collect::<Result<_>>()?;
            assert_eq!((frames.len(), &*sources(&frames)), (200, &own[..]), "{circuit}");
            for frame in &frames {
                assert!(all.iter().any(|(_, sent)| sent == frame));
            }
            let has = |text: &str| -> Result<bool> {
                let file = fs::read(&path)?;
                Ok(file.windows(text.len()).any(|window| window == text.as_bytes()))
            };
            assert!(
                has(&format!("{circuit} private inbound"))?
                    && has(&format!("{circuit} private outbound"))?
            );
            // A replay takes the file.
            let replayed = [
                "replay",
                "-c",
                "/run/edge/edge.toml",
                "--engine",
                "host",
                "--port",
                "customer0",
                &path,
            ];
            let replayed = edge(&lab, &replayed)?;
            ensure!(replayed.status.success(), "{replayed:?}");
        }
        // A port's, in lines.
        let traced = edge(&lab, &["trace", "--port", "core1", "--count", "5"])?;
        let text = String::from_utf8(traced.stdout)?;
        assert_eq!(text.lines().count(), 5, "{text}");
        for line in text.lines() {
            ensure!(
                line.contains(" core1 8100:100 8100:10 ")
                    && line.contains("→ forward ok to customer1"),
                "{line}"
            );
        }
        Ok(())
    })?;
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn a_trace_is_gone_with_its_client_and_with_a_change() -> Result<()> {
    if !root_or_skip("a_trace_is_gone_with_its_client_and_with_a_change") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let config = Sample::lab().edge("metrics", METRICS.to_string()).circuit(contoso());
    let daemon = Daemon::start(&lab, &config)?;
    let before = programs(&lab)?;
    let is_as_before = || wait(|| Ok((programs(&lab)? == before).then_some(())));
    let ends = Ends::open(&lab)?;
    let frame = frame_of("8100:100 8100:10 ipv4 dscp=26")?;
    while_sending(&[(&ends.customer.0, &frame)], || {
        // The client is killed.
        let mut trace = Trace::start(&lab, &["--circuit", "contoso"])?;
        let told = trace.next()?;
        assert_eq!((&*told.port, &*told.verdict, &*told.reason), ("customer0", "forward", "ok"));
        assert_eq!(told.egress.as_deref(), Some("core0"));
        assert_eq!(
            (told.dscp_in, told.dscp_out, told.len_bytes as usize),
            (Some(26), Some(26), frame.len())
        );
        // There is one trace at a time, and none at the address of metrics.
        let second = edge(&lab, &["trace", "-n", "1"])?;
        assert_eq!(second.status.code(), Some(1), "{second:?}");
        ensure!(String::from_utf8(second.stderr)?.contains("another trace runs"));
        assert_eq!(at_the_address(&lab, "GET /v1/trace?count=1", &[], "")?.status, 405);
        trace.signal(Signal::SIGKILL)?;
        is_as_before()?;
        // It has stopped reading: nothing waits for it, not even the next change, which ends the trace.
        let mut trace = Trace::start(&lab, &["--rate", "50000"])?;
        trace.next()?;
        trace.signal(Signal::SIGSTOP)?;
        reload()?;
        is_as_before()?;
        trace.signal(Signal::SIGCONT)?;
        let (code, said) = trace.end()?;
        // Its reader is gone, or it hears of the end.
        ensure!(code == Some(0) || said.contains("the configuration or a port changes"), "{said}");
        // Ctrl-C.
        let mut trace = Trace::start(&lab, &["--reason", "ok", "--class", "default"])?;
        trace.next()?;
        trace.signal(Signal::SIGINT)?;
        let mut rest = String::new();
        while trace.out.read_line(&mut rest)? > 0 {}
        let (code, said) = trace.end()?;
        assert_eq!(code, Some(0), "{said}");
        ensure!(said.contains("frames of") && said.contains("that were looked for"), "{said}");
        is_as_before()?;
        // The daemon is killed: programs with a trace are there without use, and the next daemon takes them off.
        let mut trace = Trace::start(&lab, &[])?;
        trace.next()?;
        Ok(trace)
    })
    .and_then(|trace| {
        daemon.kill()?;
        let (code, said) = trace.end()?;
        assert_eq!(code, Some(1), "{said}");
        assert_ne!(programs(&lab)?, before);
        let daemon = Daemon::start(&lab, &config)?;
        is_as_before()?;
        // So does a stop.
        let trace = Trace::start(&lab, &[])?;
        daemon.stop()?;
        is_as_before()?;
        let (code, said) = trace.end()?;
        // The process may be gone before its last line is read.
        let is_told = said.contains("the daemon is ending") || said.contains("as the daemon has");
        ensure!(code == Some(1) && is_told, "{said}");
        detach(&lab)?;
        Ok(())
    })
}

#[test]
fn frames_above_the_rate_are_counted_and_wrong_names_are_refused() -> Result<()> {
    if !root_or_skip("frames_above_the_rate_are_counted_and_wrong_names_are_refused") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let slow = SampleCircuit::new("slow", "64 kbps").s_tag(200).peering("private", 10);
    let daemon = Daemon::start(&lab, &Sample::lab().circuit(contoso()).circuit(slow))?;
    let before = programs(&lab)?;
    for (arguments, said) in [
        (["--circuit", "contosso"], "did you mean \"contoso\"?"),
        (["--port", "customer9"], "did you mean \"customer0\"?"),
        (["--reason", "overrate"], "did you mean \"over-rate\"?"),
        (["--reason", "nonsense"], "there is no reason \"nonsense\"; there are ok, "),
        (["--reason", "egress-refused"], "`edge status` has the number"),
        (["--class", "gold"], "there is no class \"gold\"; there are "),
        (["--sample", "1/0"], "1/100"),
        (["--for", "2d"], "--for"),
        (["--count", "0"], "--count"),
    ] {
        let refused =
            edge(&lab, &[&["trace", "-o", "/run/edge/none.pcapng"], &arguments[..]].concat())?;
        let text = String::from_utf8(refused.stderr)?;
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {text}");
        ensure!(text.contains(said), "{arguments:?}: {text}");
    }
    assert!(!Path::new("/run/edge/none.pcapng").exists());
    for (query, status) in [("rate=0", 400), ("snap=99999", 400), ("for=x", 400), ("port=x", 404)] {
        let answer = at_the_socket(&format!("GET /v1/trace?{query}"), &[], "")?;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    assert_eq!(programs(&lab)?, before);

    // 500 frames at once, of which a trace of ten a second tells 64 and a few.
    let ends = Ends::open(&lab)?;
    let frame = frame_of("8100:200 8100:10 ipv4 payload=1400")?;
    let trace = Trace::start(
        &lab,
        &["--circuit", "slow", "--reason", "over-rate", "--rate", "10", "--for", "3s"],
    )?;
    for _ in 0..500 {
        ends.customer.0.send(&frame)?;
    }
    let mut told = 0;
    let Trace { child, mut out, err } = trace;
    let mut line = String::new();
    while out.read_line(&mut line)? > 0 {
        let frame: TracedFrame = serde_json::from_str(&line)?;
        assert_eq!((&*frame.verdict, &*frame.reason), ("drop", "over-rate"));
        assert_eq!((frame.circuit.as_deref(), frame.left_tags), (Some("slow"), None));
        told += 1;
        line.clear();
    }
    let (code, said) = Trace { child, out, err }.end()?;
    assert_eq!(code, Some(0), "{said}");
    assert!((64..120).contains(&told), "{told}: {said}");
    ensure!(
        said.contains("frames left out so far: ") && said.contains(" came above the rate"),
        "{said}"
    );
    let counts = TraceCounts { told, ..TraceCounts::default() };
    ensure!(said.contains(&format!("{} frames of ", counts.told)), "{said}");
    assert_eq!(programs(&lab)?, before);
    // Larger tables, for a circuit more, and then none of what was.
    configure(&Sample::lab().circuit(contoso()))?;
    reload()?;
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
