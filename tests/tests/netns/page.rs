//! The page in a browser: Chromium, headless, in the edge's namespace.

use std::{
    env, fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};
use edge_tests::{
    browser::{browse, page_folder},
    daemon::{Daemon, detach, edge},
    ends::{Ends, lab},
    http::{METRICS, at_the_address},
    notation::frame_of,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
};

/// The pictures in the documentation are written anew with this set.
const WRITE_DOCS: &str = "EDGE_WRITE_DOCS";
/// A circuit's name may have whatever prints.
const QUIET: &str = "fabrikam & co <b>/2";
const PRICES: &str = "[prices]\ncurrency = \"EUR\"\n\n[prices.zones.one]\noutbound_gb = \"0.025\"\n\n\
                      [[prices.zones.one.monthly]]\nbandwidth = \"10 Mbps\"\nmetered = \"12.00\"\nunlimited = \"30.00\"\n";
const MESSAGE: &str = "<img src=x onerror=document.title='taken'>";
/// Frames of 1,500 bytes that the customer sends in a millisecond: 24 Mbps.
const FRAMES_IN_A_MS: usize = 2;

fn sample() -> Sample {
    let circuit =
        |name, s_tag| SampleCircuit::new(name, "10 Mbps").s_tag(s_tag).peering("private", 10);
    let sample = Sample::lab().edge("metrics", METRICS.to_string()).edge("name", "ams-1");
    sample.circuit(circuit(QUIET, 200)).circuit(circuit("contoso", 100)).tables(PRICES)
}

#[test]
fn a_browser_shows_the_edge_to_everybody_and_changes_nothing() -> Result<()> {
    if !root_or_skip("a_browser_shows_the_edge_to_everybody_and_changes_nothing") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &sample())?;
    let file = "/run/edge/next.toml";
    fs::write(file, sample().edge("metrics_detail", "all").to_string())?;
    let applied = edge(&lab, &["apply", "-c", file, "--yes", "--message", MESSAGE])?;
    ensure!(applied.status.success(), "{applied:?}");
    let before = edge(&lab, &["history", "--json"])?;

    let ends = Ends::open(&lab)?;
    let frames = [
        frame_of("88a8:100 8100:10 ipv4 payload=1460")?,
        frame_of("88a8:200 8100:10 ipv4 payload=100")?,
        frame_of("88a8:100 8100:11 ipv4 payload=100")?,
    ];
    let is_over = AtomicBool::new(false);
    let pictures = env::temp_dir().join(format!("edge-page-{}", std::process::id()));
    let browsed = thread::scope(|scope| {
        scope.spawn(|| {
            let [busy, quiet, nobodys] = &frames;
            let mut sent = true;
            while sent && !is_over.load(Ordering::Relaxed) {
                sent = (0..FRAMES_IN_A_MS).all(|_| ends.customer.0.send(busy).is_ok());
                sent &=
                    ends.customer.0.send(quiet).is_ok() && ends.customer.0.send(nobodys).is_ok();
                sent &= ends.core.0.send(busy).is_ok();
                thread::sleep(Duration::from_millis(1));
            }
        });
        let browsed =
            browse(&lab, "browser.mjs", &[("EDGE_PICTURES", &pictures.to_string_lossy())]);
        is_over.store(true, Ordering::Relaxed);
        browsed
    });
    browsed?;
    if env::var_os(WRITE_DOCS).is_some() {
        for picture in ["overview.png", "circuit.png"] {
            let to = page_folder().join("../../docs/pictures").join(picture);
            fs::copy(pictures.join(picture), to)?;
        }
    }
    fs::remove_dir_all(&pictures).or_else(|error| {
        if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
    })?;
    assert_eq!(edge(&lab, &["history", "--json"])?.stdout, before.stdout);

    // A change is made by the socket alone.
    for request in [
        "PATCH /v1/circuits/contoso",
        "PUT /v1/config",
        "POST /",
        "POST /v1/rates",
        "POST /v1/circuits/contoso/steps",
    ] {
        let refused = at_the_address(&lab, request, &[], "{}")?;
        assert_eq!(refused.status, 405, "{request}: {refused:?}");
    }
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
