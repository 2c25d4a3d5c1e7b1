//! BIRD of the edge and its peers, in namespaces without a name.
//!
//! ```text
//!  peer 1: eth0 ──── r1 ┐
//!  peer 2: eth0 ──── r2 ├ edge: one BIRD
//!  …                    ┘
//! ```

pub mod plans;

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    io::{self, Write as _},
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use edge_user::{
    lab::{NetNs, root_or_skip},
    routing::bird::{
        control::BirdControl,
        files::{SpeakerAccount, SpeakerFiles},
        model::AddressFamily,
        names::SessionName,
        netns::SpeakerNetns,
        process::BirdProcess,
        program::BirdProgram,
        setup::SpeakerSetup,
        state::bgp::{BgpSessionState, BgpState},
        supervise::BirdSupervisor,
    },
};
use tempfile::TempDir;

pub use edge_user::lab::{
    patience::wait,
    peers::{BirdPeer, FrrPeer},
};

use crate::{batch::batch, patience::PATIENCE};

/// A second BIRD to test with, newer than the one that is installed.
const OTHER: &str = "EDGE_OTHER_BIRD";

/// The namespace of an edge, and those of its peers.
pub struct SpeakerLab {
    /// The edge's.
    pub edge: NetNs,
    peers: BTreeMap<u32, NetNs>,
    program: BirdProgram,
    account: Option<SpeakerAccount>,
    place: TempDir,
}

impl SpeakerLab {
    /// A lab with the BIRD that is installed; `None`: the test can't run here, and has said so.
    pub fn new(test: &str) -> Result<Option<Self>> {
        if !root_or_skip(test) {
            return Ok(None);
        }
        Self::of(BirdProgram::find(None)?).map(Some)
    }

    /// A lab with the newer BIRD that `EDGE_OTHER_BIRD` names; `None`: there is none, and the test
    /// has said so.
    pub fn with_newer(test: &str) -> Result<Option<Self>> {
        let Some(other) = env::var_os(OTHER) else {
            writeln!(
                io::stderr(),
                "SKIPPED: needs {OTHER}, the path of BIRD 2.18 or newer: {test}"
            )?;
            return Ok(None);
        };
        if !root_or_skip(test) {
            return Ok(None);
        }
        Self::of(BirdProgram::find(Some(&PathBuf::from(other)))?).map(Some)
    }

    fn of(program: BirdProgram) -> Result<Self> {
        let edge = NetNs::new()?;
        edge.sysctl("net.ipv4.conf.all.rp_filter", "0")?;
        edge.sysctl("net.ipv6.conf.default.keep_addr_on_down", "1")?;
        edge.sysctl("net.ipv6.conf.all.keep_addr_on_down", "1")?;
        let place = tempfile::tempdir()?;
        let peers = BTreeMap::new();
        Ok(Self { edge, peers, program, account: None, place })
    }

    /// Has BIRD run as another user.
    pub fn set_account(&mut self, account: SpeakerAccount) {
        self.account = Some(account);
    }

    /// A device `r<index>` of the edge, cabled to `eth0` of a namespace of its own. Each end has
    /// the addresses that are given for it, with their lengths.
    pub fn cable(&mut self, index: u32, own: &[&str], peer: &[&str]) -> Result<NetNs> {
        let ns = NetNs::new()?;
        self.cable_to(&ns, index, "eth0", own, peer)?;
        self.peers.insert(index, ns.clone());
        Ok(ns)
    }

    /// The same, to a device of a namespace that there is.
    pub fn cable_to(
        &self,
        ns: &NetNs,
        index: u32,
        far: &str,
        own: &[&str],
        peer: &[&str],
    ) -> Result<()> {
        self.cables_to(ns, &[(index, far, own, peer)])
    }

    /// The same, many at once.
    pub fn cables_to(&self, ns: &NetNs, cables: &[Cable<'_>]) -> Result<()> {
        let path = ns.path();
        let path = path.to_str().context("a path")?;
        let [mut here, mut there] = [String::new(), String::new()];
        for (index, far, own, peer) in cables {
            writeln!(here, "link add r{index} type veth peer {far} netns {path}")?;
            let device = format!("r{index}");
            for (lines, device, addresses) in
                [(&mut here, device.as_str(), own), (&mut there, far, peer)]
            {
                for address in *addresses {
                    let flag = if address.contains(':') { " nodad" } else { "" };
                    writeln!(lines, "address add {address} dev {device}{flag}")?;
                }
                writeln!(lines, "link set {device} up")?;
            }
        }
        batch(&self.edge, &here)?;
        batch(ns, &there)
    }

    /// The files of the edge's BIRD.
    #[must_use]
    pub fn files(&self) -> SpeakerFiles {
        SpeakerFiles::new(self.place.path().join("bird"), self.account)
    }

    /// The namespace of the edge.
    pub fn netns(&self) -> Result<SpeakerNetns> {
        Ok(SpeakerNetns::open(&self.edge.path())?)
    }

    /// The parts of a supervisor.
    pub fn setup(&self) -> Result<SpeakerSetup> {
        Ok(SpeakerSetup {
            program: self.program.clone(),
            files: self.files(),
            netns: self.netns()?,
            hang: SpeakerSetup::HANG,
        })
    }

    /// A supervisor.
    pub fn supervisor(&self) -> Result<BirdSupervisor> {
        Ok(BirdSupervisor::new(self.setup()?)?)
    }

    /// A connection to the edge's BIRD.
    pub fn control(&self) -> Result<BirdControl> {
        Ok(BirdControl::connect(&self.files().socket(), PATIENCE)?)
    }

    /// A session, as soon as it is as wanted.
    pub fn session(
        &self,
        name: &str,
        is_wanted: impl Fn(&BgpSessionState) -> bool,
    ) -> Result<BgpSessionState> {
        let name: SessionName = name.parse()?;
        let mut last = None;
        wait(|| {
            // BIRD may be away for a moment.
            last = self.control().and_then(|mut it| Ok(it.session(name)?)).ok().flatten();
            Ok(last.clone().filter(&is_wanted))
        })
        .with_context(|| format!("{name} is {last:?}"))
    }

    /// A session, as soon as it is up.
    pub fn up(&self, name: &str) -> Result<BgpSessionState> {
        self.session(name, |session| session.state == BgpState::Established)
    }

    /// The routes of a table in the edge's kernel, as `ip` prints them, sorted.
    pub fn kernel_routes(&self, family: AddressFamily, table: u32) -> Result<Vec<String>> {
        let family = if family == AddressFamily::V4 { "-4" } else { "-6" };
        let table = table.to_string();
        // A table that never had a route is an error for `ip -4`, and is empty.
        let routes = self.edge.output("ip", &[family, "route", "show", "table", &table]);
        let routes = routes.unwrap_or_default();
        let mut lines: Vec<String> = Vec::new();
        for line in routes.lines() {
            match lines.last_mut() {
                // The hops of a route are lines of their own.
                Some(last) if line.starts_with('\t') => {
                    last.push(' ');
                    last.push_str(line.trim());
                }
                _ => lines.push(line.trim().to_owned()),
            }
        }
        lines.sort();
        Ok(lines)
    }

    /// [`Self::kernel_routes`], as soon as they are as wanted.
    pub fn kernel_has(
        &self,
        family: AddressFamily,
        table: u32,
        is_wanted: impl Fn(&[String]) -> bool,
    ) -> Result<Vec<String>> {
        let mut last = Vec::new();
        wait(|| {
            last = self.kernel_routes(family, table)?;
            Ok(is_wanted(&last).then(|| last.clone()))
        })
        .with_context(|| format!("table {table} has {last:?}"))
    }
}

impl Drop for SpeakerLab {
    fn drop(&mut self) {
        // BIRD outlives its supervisor, and is not to outlive the test.
        let adopted = self.netns().map(|netns| BirdProcess::adopt(&self.files(), &netns));
        if let Ok(Ok(Some(mut process))) = adopted {
            let _ = process.kill();
        }
    }
}

/// The index of a cable's device, its other end's name, and the addresses of both ends.
pub type Cable<'a> = (u32, &'a str, &'a [&'a str], &'a [&'a str]);

/// Whether a session has noticed nothing between two looks.
#[must_use]
pub fn is_same(before: &BgpSessionState, after: &BgpSessionState) -> bool {
    let seen = |it: &BgpSessionState| (it.received(), it.limit);
    before.is_same_run(after) && seen(before) == seen(after)
}
