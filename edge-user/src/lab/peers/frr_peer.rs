//! A peer that is an FRR.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use nix::unistd::{User, chown};
use tempfile::TempDir;

use crate::lab::{netns::NetNs, patience::wait};

/// Where Debian has the daemons.
const DAEMONS: &str = "/usr/lib/frr";

/// FRR's daemons for BGP and BFD. They end with this.
pub struct FrrPeer {
    place: TempDir,
    children: Vec<Child>,
}

impl FrrPeer {
    /// Starts it in its namespace with a configuration in FRR's language.
    pub fn start(ns: &NetNs, config: &str) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let user = User::from_name("frr")?.context("FRR is not installed")?;
        chown(place.path(), Some(user.uid), Some(user.gid))?;
        fs::write(place.path().join("frr.conf"), config)?;
        let mut peer = Self { place, children: Vec::new() };
        for daemon in ["zebra", "bfdd", "bgpd"] {
            let mut command = ns.command(Path::new(DAEMONS).join(daemon));
            let path = |name: &str| peer.place.path().join(name);
            command.arg("--vty_socket").arg(peer.place.path());
            command.arg("-z").arg(path("zebra.sock")).arg("-f").arg(path("frr.conf"));
            command.arg("-i").arg(path(&format!("{daemon}.pid"))).args(["-P", "0"]);
            if daemon == "bfdd" {
                command.arg("--bfdctl").arg(path("bfdd.sock"));
            }
            command.stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(fs::File::create(path(&format!("{daemon}.err")))?);
            let child = command.spawn().with_context(|| format!("starting FRR's {daemon}"))?;
            peer.children.push(child);
            // The others find zebra when they begin.
            let socket = path(&format!("{daemon}.vty"));
            wait(|| Ok(socket.exists().then_some(())))?;
        }
        Ok(peer)
    }

    /// Asks it, and returns what it prints.
    pub fn ask(&self, command: &str) -> Result<String> {
        let mut vtysh = Command::new("vtysh");
        vtysh.arg("--vty_socket").arg(self.place.path()).args(["-c", command]);
        let output = vtysh.stdin(Stdio::null()).output().context("starting vtysh")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for FrrPeer {
    fn drop(&mut self) {
        for child in self.children.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
