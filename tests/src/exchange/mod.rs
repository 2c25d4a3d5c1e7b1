//! The lab's exchange, around the edge of these tests.

pub mod crowd;

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use edge_user::config::sample::{Sample, SampleCircuit};
pub use edge_user::lab::exchange::*;
use nix::unistd::Pid;

use crate::daemon::{CONFIG_PATH, Daemon, configure, edge_binary};

/// An exchange with a daemon of the binary under test.
pub trait ExchangeDaemon {
    /// Starts a daemon, and waits until it is ready.
    fn start(&self, config: &Sample) -> Result<Daemon>;

    /// Runs a command of `edge`, which has to succeed, and returns what it printed.
    fn edge(&self, arguments: &[&str]) -> Result<String>;

    /// `edge detach`, after which nothing of the router is left.
    fn detach(&self) -> Result<()>;
}

impl ExchangeDaemon for Exchange {
    fn start(&self, config: &Sample) -> Result<Daemon> {
        configure(config)?;
        let daemon = Daemon::spawn_in(&self.edge, edge_binary())?;
        daemon.wait_until_ready()?;
        Ok(daemon)
    }

    fn edge(&self, arguments: &[&str]) -> Result<String> {
        let binary = edge_binary().to_str().context("a path in UTF-8")?;
        self.edge.output(binary, arguments)
    }

    fn detach(&self) -> Result<()> {
        self.edge(&["detach", "-c", CONFIG_PATH])?;
        ensure!(!Path::new("/run/netns/edge-routing").exists(), "the routing namespace is left");
        Ok(())
    }
}

/// The process of the edge's BIRD, which has this test's mounts.
pub fn speaker() -> Result<Pid> {
    let ours = fs::read_link("/proc/thread-self/ns/mnt")?;
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let words = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        let mounts = fs::read_link(entry.path().join("ns/mnt"));
        if words.contains("/run/edge/control.bird/") && mounts.is_ok_and(|mounts| mounts == ours) {
            return Ok(Pid::from_raw(pid));
        }
    }
    anyhow::bail!("no BIRD of the edge runs")
}

/// A routed circuit that nobody uses, `other<number>`, whose S-tags are numbered from these on.
pub fn idle_circuit(number: u16, first_s_tag: u16) -> SampleCircuit {
    SampleCircuit::new(format!("other{number}"), "1 Gbps")
        .s_tag(first_s_tag + number)
        .peering("private", 10)
        .of_peering("private", "primary", "192.168.15.16/30")
        .of_peering("private", "static_routes", vec![LAN.0])
        .of_vnet("hub", "port", "core0")
        .of_vnet("hub", "s_tag", 2_500 + number)
        .of_vnet("hub", "c_tag", 1)
        .of_vnet("hub", "own", "10.1.255.5/30")
        .of_vnet("hub", "gateway", GATEWAY.0)
        .of_vnet("hub", "prefixes", vec![VNET.0])
}
