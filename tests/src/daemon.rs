//! A daemon in a lab, killed and started at will.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use edge_user::{
    daemon::{
        bandwidth::{BandwidthChange, SetBandwidth},
        control::{self, Request},
        status::Status,
    },
    lab::Lab,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Its configuration.
pub const CONFIG_PATH: &str = "/run/edge/edge.toml";
/// Its control socket.
const CONTROL: &str = "/run/edge/control.sock";
/// How long it may take to be ready, to reload, to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// The `edge` binary, built once: a package's tests have only the binaries of their own.
///
/// # Panics
///
/// If it does not build.
pub fn edge_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root");
        let build = Command::new(cargo)
            .args(["build", "--quiet", "--package", "edge-user", "--bin", "edge"])
            .current_dir(root)
            .status();
        assert!(build.is_ok_and(|status| status.success()), "edge builds");
        let test = std::env::current_exe().expect("a path");
        let profile = test.parent().and_then(Path::parent).expect("target/debug/deps");
        profile.join("edge")
    })
}

/// A running daemon that leaves its data plane behind. Dropping it kills it.
pub struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts one on `config` in the lab's edge namespace, and waits until it is ready.
    pub fn start(lab: &Lab, config: &str) -> Result<Self> {
        configure(config)?;
        let mut child = lab
            .edge()
            .command(edge_binary())
            .args(["run", "-c", CONFIG_PATH])
            .stderr(Stdio::piped())
            .spawn()
            .context("starting the daemon")?;
        let stderr = child.stderr.take().context("its stderr")?;
        let daemon = Self { child };
        let mut said = String::new();
        let mut lines = BufReader::new(stderr).lines();
        for line in lines.by_ref() {
            let line = line?;
            if line == "ready" {
                thread::spawn(move || lines.for_each(drop));
                return Ok(daemon);
            }
            said.push_str(&line);
            said.push('\n');
        }
        bail!("the daemon ended before it was ready:\n{said}")
    }

    /// `kill -9`.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and the wait for its end.
    pub fn stop(mut self) -> Result<()> {
        kill(Pid::from_raw(self.child.id().try_into()?), Signal::SIGTERM)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the daemon ended with {status}");
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the daemon does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_waited_for = self.child.wait();
    }
}

/// Writes the configuration.
pub fn configure(config: &str) -> Result<()> {
    fs::write(CONFIG_PATH, config).context("writing the configuration")
}

/// `edge reload`.
pub fn reload() -> Result<()> {
    control::ask(Path::new(CONTROL), &Request::Reload)
}

/// `edge set-bandwidth`, without the command.
pub fn set_bandwidth(circuit: &str, bandwidth_bps: u64) -> Result<BandwidthChange> {
    let circuit = circuit.to_owned();
    let request = SetBandwidth { circuit, bandwidth_bps, save: false };
    control::ask(Path::new(CONTROL), &Request::SetBandwidth(request))
}

/// `edge status`.
pub fn status() -> Result<Status> {
    control::ask(Path::new(CONTROL), &Request::Status)
}

/// Any command of `edge`.
pub fn edge(lab: &Lab, arguments: &[&str]) -> Result<Output> {
    Ok(lab.edge().command(edge_binary()).args(arguments).output()?)
}

/// `edge detach`, and what it printed.
pub fn detach(lab: &Lab) -> Result<String> {
    let binary = edge_binary().to_str().context("a path in UTF-8")?;
    lab.edge().output(binary, &["detach", "-c", CONFIG_PATH])
}
