//! A peer that is an FRR.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use nix::unistd::Group;
use tempfile::TempDir;

use super::peer_config::PeerConfig;
use crate::lab::{netns::NetNs, patience::wait};

/// Where Debian has the daemons.
const DAEMONS: &str = "/usr/lib/frr";
/// The daemons in the order of their start: the others find zebra when they begin.
const NAMES: [&str; 3] = ["zebra", "bfdd", "bgpd"];
/// The group that FRR's daemons insist on.
const GROUP: &str = "frrvty";

/// FRR's daemons for BGP and BFD. They end with this.
pub struct FrrPeer {
    place: TempDir,
    children: Vec<Child>,
}

impl FrrPeer {
    /// The part of it that this machine lacks.
    #[must_use]
    pub fn missing() -> Option<String> {
        let paths = NAMES.map(|name| Path::new(DAEMONS).join(name));
        let mut absent = paths.iter().filter(|path| !path.is_file());
        let program = absent.next().map(|path| path.display().to_string());
        let has_group = Group::from_name(GROUP).is_ok_and(|group| group.is_some());
        program.or_else(|| (!has_group).then(|| format!("the group {GROUP}")))
    }

    /// Starts it in its namespace with a configuration.
    pub fn of(ns: &NetNs, config: &PeerConfig) -> Result<Self> {
        Self::start(ns, &config.frr_text()?)
    }

    /// Starts it in its namespace with a configuration in FRR's language.
    ///
    /// Its daemons stay root, and so end with the thread that starts them, as [`NetNs::command`] has it: a process
    /// that changes its user would no longer be told of that (prctl(2), `PR_SET_PDEATHSIG`).
    pub fn start(ns: &NetNs, config: &str) -> Result<Self> {
        let place = tempfile::tempdir()?;
        let group = Group::from_name(GROUP)?.context("FRR is not installed")?;
        fs::write(place.path().join("frr.conf"), config)?;
        let mut peer = Self { place, children: Vec::new() };
        for daemon in NAMES {
            let mut command = ns.command(Path::new(DAEMONS).join(daemon));
            let path = |name: &str| peer.place.path().join(name);
            command.arg("--vty_socket").arg(peer.place.path());
            command.arg("-z").arg(path("zebra.sock")).arg("-f").arg(path("frr.conf"));
            command.arg("-i").arg(path(&format!("{daemon}.pid"))).args(["-P", "0"]);
            command.args(["-u", "root", "-g", GROUP]).gid(group.gid.as_raw());
            if daemon == "bfdd" {
                command.arg("--bfdctl").arg(path("bfdd.sock"));
            }
            command.stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(fs::File::create(path(&format!("{daemon}.err")))?);
            let child = command.spawn().with_context(|| format!("starting FRR's {daemon}"))?;
            peer.children.push(child);
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
