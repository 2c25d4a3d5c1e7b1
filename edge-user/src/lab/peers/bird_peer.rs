//! A peer that is a BIRD, with a configuration as an operator would write it.

use std::{
    fmt::Write as _,
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

use crate::{
    lab::{
        netns::NetNs,
        patience::{PATIENCE, wait},
    },
    routing::bird::{control::BirdControl, reply::BirdReply},
};

/// The configuration of a peer.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Its AS number.
    pub asn: u32,
    /// Its addresses and the edge's, a session each.
    pub ends: Vec<(String, String)>,
    /// TCP MD5 key.
    pub key: Option<String>,
    /// Milliseconds between packets of BFD.
    pub bfd_ms: Option<u32>,
    /// The prefixes that it tells.
    pub routes: Vec<String>,
    /// Statements of its export filter.
    pub export: String,
    /// Options of each session.
    pub options: String,
}

impl PeerConfig {
    /// A peer that tells these prefixes.
    #[must_use]
    pub fn new(asn: u32, ends: &[(&str, &str)], routes: &[&str]) -> Self {
        Self {
            asn,
            ends: ends.iter().map(|(own, edge)| ((*own).to_owned(), (*edge).to_owned())).collect(),
            key: None,
            bfd_ms: None,
            routes: routes.iter().map(|route| (*route).to_owned()).collect(),
            export: String::new(),
            options: "graceful restart yes;".to_owned(),
        }
    }

    /// With this key.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    fn text(&self) -> Result<String> {
        let mut text = String::from("log stderr all;\nrouter id 10.255.0.1;\nprotocol device {}\n");
        if let Some(ms) = self.bfd_ms {
            let interface = format!("interface \"*\" {{ interval {ms} ms; multiplier 3; }};");
            writeln!(text, "protocol bfd {{ {interface} }}")?;
        }
        for family in ["ipv4", "ipv6"] {
            let of_family = |text: &str| text.contains(':') == (family == "ipv6");
            writeln!(text, "protocol static {{ {family};")?;
            for route in self.routes.iter().filter(|route| of_family(route)) {
                writeln!(text, "  route {route} blackhole;")?;
            }
            writeln!(text, "}}")?;
            let ends = self.ends.iter().filter(|(own, _)| of_family(own));
            for (number, (own, edge)) in ends.enumerate() {
                writeln!(text, "protocol bgp {family}_{number} {{")?;
                writeln!(text, "  local {own} as {}; neighbor {edge} as 12076; direct;", self.asn)?;
                writeln!(text, "  connect retry time 1; error wait time 1, 2; {}", self.options)?;
                if let Some(key) = &self.key {
                    writeln!(text, "  password \"{key}\";")?;
                }
                if self.bfd_ms.is_some() {
                    writeln!(text, "  bfd on;")?;
                }
                let export = format!(
                    "export filter {{ if source != RTS_STATIC then reject; {} accept; }};",
                    self.export
                );
                writeln!(text, "  {family} {{ import all; {export} }};\n}}")?;
            }
        }
        Ok(text)
    }
}

/// A BIRD that runs. It ends with this.
pub struct BirdPeer {
    place: TempDir,
    child: Child,
}

impl BirdPeer {
    /// Starts it in its namespace.
    pub fn start(ns: &NetNs, config: &PeerConfig) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let path = |name: &str| place.path().join(name);
        fs::write(path("bird.conf"), config.text()?)?;
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
        fs::write(self.path("bird.conf"), config.text()?)?;
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
