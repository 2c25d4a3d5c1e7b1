//! `docs/operations.md` on a fresh Debian, word for word.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{browser::browse, daemon::status, notation::frame_of, wires::wait_until};
use edge_user::{
    config::sample::SampleCircuit,
    lab::{Lab, private_mounts, raw::RawSender, root_or_skip},
};

use super::{CONFIG, Files, container::Container};

const GUIDE: &str = include_str!("../../../../docs/operations.md");

/// The lines that a reader types, without the remarks on them.
fn lines() -> Result<Vec<&'static str>> {
    let (_, install) = GUIDE.split_once("\n## Install\n").context("how to install")?;
    let (_, block) = install.split_once("```sh\n").context("lines of a shell")?;
    let (block, _) = block.split_once("```").context("their end")?;
    Ok(block.lines().map(|line| line.split(" #").next().unwrap_or(line).trim()).collect())
}

/// Does what a line says. An editor is a circuit's text at the end of the file.
fn follow(debian: &Container, line: &str) -> Result<String> {
    let Some(file) = line.strip_prefix("editor ") else {
        return debian.must(&format!("cd /root && {line}"));
    };
    let circuit = SampleCircuit::new("contoso", "1 Mbps").s_tag(100).peering("private", 10);
    debian.must(&format!("cat >> {file} <<'END'\n{circuit}END\n"))
}

#[test]
fn the_guide_ends_with_a_policed_circuit_and_a_page_that_shows_it() -> Result<()> {
    if !root_or_skip("the_guide_ends_with_a_policed_circuit_and_a_page_that_shows_it") {
        return Ok(());
    }
    let Some(files) = Files::find() else { return Ok(()) };
    private_mounts()?;
    let lab = Lab::with_mtu(&["customer0", "core0"], 1600)?;
    let debian = Container::boot(&files.root, lab.edge())?;
    let lines = lines()?;
    let package = lines.iter().find_map(|line| line.strip_prefix("apt install ./"));
    let package = package.context("the package's name")?;
    debian.copy(&files.package, &format!("/root/{package}"))?;
    let mut said = String::new();
    for line in &lines {
        said = follow(&debian, line).with_context(|| format!("at `{line}`"))?;
    }
    ensure!(lines.last() == Some(&"edge status"), "{lines:?}");
    ensure!(said.contains("contoso") && debian.has(CONFIG), "{said}");

    let end = lab.far_end("customer0")?;
    let sender = RawSender::open(end.ns(), end.interface())?;
    let frame = frame_of("8100:100 8100:10 ipv4 payload=1160")?;
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) && sender.send(&frame).is_ok() {
                thread::sleep(Duration::from_millis(2));
            }
        });
        let shown = wait_until(|| {
            status().is_ok_and(|status| {
                let total = &status.circuits[0].peerings[0].total;
                total.forwarded_frames > 0 && total.dropped_frames > 0
            })
        })
        .and_then(|()| {
            let condition =
                [("circuit contoso: ", "are offered to the circuit, 1 Mbps are purchased")];
            browse(
                &lab,
                "conditions.mjs",
                &[("EDGE_CONDITIONS", &serde_json::to_string(&condition)?)],
            )
        });
        is_over.store(true, Ordering::Relaxed);
        shown
    })?;
    debian.must("apt-get purge -q -y edge")?;
    ensure!(!Path::new("/sys/fs/bpf/edge").exists(), "pins are left");
    Ok(())
}
