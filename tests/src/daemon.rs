//! A daemon in a lab, killed and started at will.

use std::{
    fmt::Display,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Output, Stdio},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use edge_api::{Bandwidth, BandwidthChange, BandwidthRequest, Client, SessionStatus, Status};
use edge_user::lab::{Lab, NetNs};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::patience::PATIENCE;

/// Its configuration.
pub const CONFIG_PATH: &str = "/run/edge/edge.toml";
/// Its control socket.
const CONTROL: &str = "/run/edge/control.sock";
/// The `edge` binary, built once: a package's tests have only the binaries of their own.
///
/// # Panics
///
/// If it does not build.
pub fn edge_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("edge", &[]))
}

/// The same edge with tables of another layout, as a later version could have them.
///
/// # Panics
///
/// If it does not build.
pub fn other_layout_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| build("edge-other-layout", &["--features", "edge-user/other-layout"]))
}

/// The library that steers a process's wall clock; `None`: nobody can build it here.
///
/// # Panics
///
/// If it does not build.
pub fn steered_clock_library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let library = LIBRARY.get_or_init(|| {
        let package = ["--package", "edge-tests", "--example", "steered_clock"];
        let library = run_cargo(&package, &[]).join("examples/libsteered_clock.so");
        library.exists().then_some(library)
    });
    library.as_deref()
}

fn build(binary: &str, features: &[&str]) -> PathBuf {
    run_cargo(&["--package", "edge-user", "--bin", binary], features).join(binary)
}

/// Builds what is wanted, and returns the profile's directory.
fn run_cargo(what: &[&str], features: &[&str]) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace's root");
    let test = std::env::current_exe().expect("a path");
    let profile = test.parent().and_then(Path::parent).expect("target/debug/deps");
    let release = profile.ends_with("release").then_some("--release");
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet"]).args(what);
    // Where cargo runs this test, they tell of its package: build scripts that look at them would
    // have to run again, and all that depends on them would have to be compiled again, each time.
    let of_this_package = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in std::env::vars().filter(|(name, _)| of_this_package(name)) {
        command.env_remove(name);
    }
    let build = command.args(features).args(release).current_dir(root).status();
    assert!(build.is_ok_and(|status| status.success()), "{what:?} builds");
    profile.to_owned()
}

/// A running daemon that leaves its data plane behind. Dropping it kills it.
pub struct Daemon {
    child: Child,
    said: Arc<Mutex<String>>,
    ready: mpsc::Receiver<()>,
}

impl Daemon {
    /// Starts one on `config` in the lab's edge namespace, and waits until it is ready.
    pub fn start(lab: &Lab, config: &(impl Display + ?Sized)) -> Result<Self> {
        Self::start_as(lab, edge_binary(), config)
    }

    /// The same, of another binary.
    pub fn start_as(lab: &Lab, binary: &Path, config: &(impl Display + ?Sized)) -> Result<Self> {
        configure(config)?;
        let daemon = Self::spawn(lab, binary)?;
        daemon.wait_until_ready()?;
        Ok(daemon)
    }

    /// Starts one on the configuration that is there, and waits for nothing.
    pub fn spawn(lab: &Lab, binary: &Path) -> Result<Self> {
        Self::spawn_in(lab.edge(), binary)
    }

    /// The same in any namespace.
    pub fn spawn_in(ns: &NetNs, binary: &Path) -> Result<Self> {
        Self::spawn_by(ns.command(binary))
    }

    /// Starts one in a namespace on another configuration, and waits for nothing.
    pub fn spawn_on(ns: &NetNs, config: &Path) -> Result<Self> {
        Self::spawn_of(ns.command(edge_binary()), config, &[])
    }

    /// Starts a daemon by this command, which names its binary and has no arguments yet.
    pub fn spawn_by(command: Command) -> Result<Self> {
        Self::spawn_with(command, &[])
    }

    /// Starts the daemon of a command, with these options more.
    pub fn spawn_with(command: Command, options: &[&str]) -> Result<Self> {
        Self::spawn_of(command, Path::new(CONFIG_PATH), options)
    }

    fn spawn_of(mut command: Command, config: &Path, options: &[&str]) -> Result<Self> {
        let mut child = command
            .args(["run", "-c"])
            .arg(config)
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting the daemon")?;
        let stderr = child.stderr.take().context("its stderr")?;
        let (tell, ready) = mpsc::channel();
        let daemon = Self { child, said: Arc::default(), ready };
        let said = Arc::clone(&daemon.said);
        thread::spawn(move || listen(stderr, &said, &tell));
        Ok(daemon)
    }

    /// Waits until frames flow.
    pub fn wait_until_ready(&self) -> Result<()> {
        self.ready.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Disconnected => {
                anyhow!("the daemon ended before it was ready:\n{}", self.said())
            }
            RecvTimeoutError::Timeout => {
                anyhow!("the daemon was not ready within {PATIENCE:?}:\n{}", self.said())
            }
        })
    }

    /// Waits until it has ended by itself, without ever having been ready, and returns its exit code.
    pub fn wait_until_refused(mut self) -> Result<(i32, String)> {
        match self.ready.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Disconnected) => {}
            Ok(()) => bail!("the daemon is ready, and should not be:\n{}", self.said()),
            Err(RecvTimeoutError::Timeout) => {
                bail!("the daemon is neither ready nor has it ended:\n{}", self.said())
            }
        }
        let status = self.child.wait()?;
        let code = status.code().with_context(|| format!("the daemon ended with {status}"))?;
        Ok((code, self.said()))
    }

    /// SIGHUP.
    pub fn hang_up(&self) -> Result<()> {
        Ok(kill(Pid::from_raw(self.child.id().try_into()?), Signal::SIGHUP)?)
    }

    /// Text that it has written to stderr so far.
    #[must_use]
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its process.
    pub fn pid(&self) -> Result<Pid> {
        Ok(Pid::from_raw(self.child.id().try_into()?))
    }

    /// Waits for one that refuses to start, and returns its exit code.
    pub fn refusal(mut self) -> Result<Option<i32>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.code());
            }
            ensure!(Instant::now() < deadline, "the daemon runs:\n{}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
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
                ensure!(status.success(), "the daemon ended with {status}:\n{}", self.said());
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the daemon does not end:\n{}", self.said());
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

/// Keeps the daemon's lines, and reports that it is ready.
fn listen(stderr: ChildStderr, said: &Mutex<String>, ready: &mpsc::Sender<()>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if line == "ready" {
            let _nobody_waits = ready.send(());
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(&line);
        said.push('\n');
    }
}

/// Writes the configuration. A reader has the one before until all of this one is there.
pub fn configure(config: &(impl Display + ?Sized)) -> Result<()> {
    let new = format!("{CONFIG_PATH}.new");
    fs::write(&new, config.to_string()).context("writing the configuration")?;
    fs::rename(new, CONFIG_PATH).context("replacing the configuration")
}

/// `edge reload`.
pub fn reload() -> Result<()> {
    warned_reload().map(drop)
}

/// `edge reload`, and what it warns of.
pub fn warned_reload() -> Result<Vec<String>> {
    Ok(client().reload()?.warnings)
}

/// `edge set-bandwidth`, without the command.
pub fn set_bandwidth(circuit: &str, bandwidth_bps: u64) -> Result<BandwidthChange> {
    let bandwidth = Bandwidth::BitsPerSecond(bandwidth_bps);
    Ok(client().set_bandwidth(circuit, &BandwidthRequest::new(bandwidth, false))?)
}

/// Has the meters booked now. The error says why they can't be.
pub fn book() -> Result<()> {
    client().book()?.error.map_or(Ok(()), |error| Err(anyhow!("not booked: {error}")))
}

/// `edge status`.
pub fn status() -> Result<Status> {
    Ok(client().status()?)
}

/// `edge sessions`.
pub fn sessions() -> Result<Vec<SessionStatus>> {
    Ok(client().sessions()?.sessions)
}

fn client() -> Client {
    Client::new(Path::new(CONTROL))
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
