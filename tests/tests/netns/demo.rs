//! `edge demo`, the README's first command.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use edge_tests::{daemon::edge_binary, guest::is_emulated, patience::wait};
use edge_user::lab::{NetNs, root_or_skip};

/// Another load on the machine can take rates away from the demo's streams.
const ATTEMPTS: usize = 3;

#[test]
fn the_demo_does_what_it_says() -> Result<()> {
    if !root_or_skip("the_demo_does_what_it_says") {
        return Ok(());
    }
    for _ in 0..ATTEMPTS {
        let ns = NetNs::new()?;
        let output = ns.command(edge_binary()).arg("demo").output()?;
        let said = String::from_utf8(output.stdout)?;
        println!("{said}{}", String::from_utf8_lossy(&output.stderr));
        let agree = said.matches("agree to the byte").count();
        ensure!(agree == 4, "wire, meter and ledger agree for {agree} of 4 circuits' directions");
        let mut failed = said.lines().filter(|line| line.contains("FAILED"));
        // An emulated machine is too slow to offer more than was bought.
        if failed.all(|line| line.contains("bought") && is_emulated()) {
            ensure!(is_emulated() || said.contains("Everything is removed again."), "it failed");
            return Ok(());
        }
    }
    bail!("{ATTEMPTS} demos failed a check");
}

#[test]
fn a_routed_demo_does_what_it_says_and_leaves_nothing() -> Result<()> {
    if !root_or_skip("a_routed_demo_does_what_it_says_and_leaves_nothing") {
        return Ok(());
    }
    // Another load can keep FRR from its BFD for 300 ms.
    for _ in 0..ATTEMPTS {
        let mut demo = RoutedDemo::start()?;
        let lines = demo.lines.by_ref().map_while(Result::ok);
        let said: String = lines.map(|line| line + "\n").collect();
        println!("{said}");
        let status = demo.child.wait()?;
        demo.is_gone()?;
        let agree = said.matches("agree to the byte").count();
        ensure!(agree == 4, "wire, meter and ledger agree for {agree} of 4 circuits' directions");
        let [held, failed] = ["\n  ok ", "\n  FAILED "].map(|mark| said.matches(mark).count());
        ensure!(held + failed == 6, "it has not come to its end");
        ensure!(status.code() == Some(i32::from(failed != 0)), "{status} with {failed} failures");
        if failed == 0 {
            ensure!(said.contains("Everything is removed again."), "it has left something");
            return Ok(());
        }
    }
    bail!("{ATTEMPTS} demos failed a check");
}

#[test]
fn a_routed_demo_that_is_killed_leaves_nothing() -> Result<()> {
    if !root_or_skip("a_routed_demo_that_is_killed_leaves_nothing") {
        return Ok(());
    }
    let mut demo = RoutedDemo::start()?;
    // Its own, the edge, the edge's BIRD, a customer's, and three of FRR's.
    let running = demo.processes()?;
    ensure!(running.len() >= 7, "{running:?}");
    demo.child.kill()?;
    demo.child.wait()?;
    demo.is_gone()
}

#[test]
fn a_routed_demo_without_bird_says_what_to_install() -> Result<()> {
    if !root_or_skip("a_routed_demo_without_bird_says_what_to_install") {
        return Ok(());
    }
    let tools = tempfile::tempdir()?;
    for tool in ["ip", "tc", "ethtool"] {
        symlink(tool_at(tool)?, tools.path().join(tool))?;
    }
    let mut demo = NetNs::new()?.command(edge_binary());
    let output = demo.args(["demo", "--routed"]).env("PATH", tools.path()).output()?;
    let said = String::from_utf8(output.stderr)?;
    ensure!(output.status.code() == Some(1), "{:?}: {said}", output.status);
    ensure!(said.contains("apt-get install bird2"), "{said}");
    Ok(())
}

/// A demo of routed circuits whose sessions are up.
struct RoutedDemo {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    /// Its mount namespace, which it shares with all that it starts, and with nobody else.
    mounts: PathBuf,
}

impl RoutedDemo {
    fn start() -> Result<Self> {
        let mut command = NetNs::new()?.command(edge_binary());
        command.args(["demo", "--routed"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("its output")?).lines();
        let is_up = |line: &std::io::Result<String>| {
            line.as_ref().is_ok_and(|line| line.contains("6 BGP sessions are up"))
        };
        ensure!(lines.by_ref().any(|line| is_up(&line)), "its sessions do not come up");
        let mounts = fs::read_link(format!("/proc/{}/ns/mnt", child.id()))?;
        ensure!(mounts != fs::read_link("/proc/thread-self/ns/mnt")?, "its mounts are ours");
        Ok(Self { child, lines, mounts })
    }

    /// The names of the processes that have its mounts.
    fn processes(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let process = entry?.path();
            // One that ends meanwhile has neither.
            let mounts = fs::read_link(process.join("ns/mnt"));
            let name = fs::read_to_string(process.join("comm"));
            if let (Ok(mounts), Ok(name)) = (mounts, name)
                && mounts == self.mounts
            {
                names.push(name.trim().to_owned());
            }
        }
        Ok(names)
    }

    /// Waits until no process of it is left: namespaces and mounts go with the last one.
    fn is_gone(&self) -> Result<()> {
        wait(|| Ok(self.processes()?.is_empty().then_some(())))
            .with_context(|| format!("{:?} are left", self.processes()))
    }
}

/// A program's place.
fn tool_at(tool: &str) -> Result<PathBuf> {
    let path = std::env::var("PATH")?;
    let mut places = path.split(':').map(|folder| Path::new(folder).join(tool));
    places.find(|place| place.is_file()).with_context(|| format!("no {tool}"))
}
