//! A peer that is a BIRD.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Stdio},
};

use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use super::peer_config::PeerConfig;
use crate::{
    lab::{
        netns::NetNs,
        patience::{PATIENCE, wait},
    },
    routing::bird::{control::BirdControl, reply::BirdReply},
};

/// A BIRD that runs. It ends with this.
pub struct BirdPeer {
    place: TempDir,
    child: Child,
}

impl BirdPeer {
    /// Starts it in its namespace.
    pub fn start(ns: &NetNs, config: &PeerConfig) -> Result<Self> {
        Self::start_text(ns, &config.bird_text()?)
    }

    /// Starts it in its namespace with a configuration in BIRD's language.
    pub fn start_text(ns: &NetNs, config: &str) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let path = |name: &str| place.path().join(name);
        fs::write(path("bird.conf"), config)?;
        let mut command = ns.command("bird");
        command.arg("-f").arg("-c").arg(path("bird.conf")).arg("-s").arg(path("ctl"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(fs::File::create(path("log"))?);
        let child = command.spawn().context("starting a peer's BIRD")?;
        let peer = Self { place, child };
        wait(|| Ok(peer.control().ok()))?;
        Ok(peer)
    }

    /// Gives it another configuration.
    pub fn change(&self, config: &PeerConfig) -> Result<()> {
        fs::write(self.path("bird.conf"), config.bird_text()?)?;
        self.control()?.tell("configure").map(drop)?;
        Ok(())
    }

    /// Asks it.
    pub fn ask(&self, command: &str) -> Result<BirdReply> {
        Ok(self.control()?.tell(command)?)
    }

    /// The prefixes of the IPv4 or IPv6 routes that the edge told, sorted.
    pub fn learned(&self, family: &str) -> Result<Vec<String>> {
        let table = if family == "ipv4" { "master4" } else { "master6" };
        let reply = self.ask(&format!("show route table {table} where source = RTS_BGP"))?;
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        let lines = reply.texts().filter(|line| line.starts_with(|c: char| c.is_ascii_hexdigit()));
        let mut prefixes: Vec<_> = lines.filter_map(first).collect();
        prefixes.sort();
        Ok(prefixes)
    }

    /// The lines about a route that the edge told; none: it told none.
    pub fn route(&self, prefix: &str) -> Result<Vec<String>> {
        let table = if prefix.contains(':') { "master6" } else { "master4" };
        let command = format!("show route table {table} {prefix} where source = RTS_BGP all");
        // Without the route, the answer is an error.
        let reply = self.control()?.ask(&command)?;
        Ok(reply.texts().map(|line| line.trim().to_owned()).collect())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill(Pid::from_raw(i32::try_from(self.child.id())?), signal)?)
    }

    /// All that it has said.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.path("log"))?)
    }

    fn control(&self) -> Result<BirdControl> {
        Ok(BirdControl::connect(&self.path("ctl"), PATIENCE)?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }
}

impl Drop for BirdPeer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
