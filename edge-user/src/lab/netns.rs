//! Network namespaces without a name. They live as long as a process or a descriptor holds them, so
//! that even `kill -9` leaves none behind.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::process::CommandExt as _,
    },
    panic,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    sync::Arc,
    thread,
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sched::{CloneFlags, setns, unshare},
    sys::{prctl, signal::Signal},
};

/// The column of /proc/net/dev behind the colon that has dropped frames.
const TX_DROPPED: usize = 11;

/// A network namespace that this process has made. Clones stand for the same one. It ends, with all
/// its interfaces, when the last clone, process and socket in it are gone.
#[derive(Clone, Debug)]
pub struct NetNs {
    fd: Arc<OwnedFd>,
}

impl NetNs {
    /// A new namespace with `lo` up.
    pub fn new() -> Result<Self> {
        let made = thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            File::open("/proc/thread-self/ns/net")
        });
        let file = join(made.join()).context("cannot make a network namespace")?;
        let ns = Self { fd: Arc::new(file.into()) };
        ns.ip("link set lo up")?;
        Ok(ns)
    }

    /// Runs `work` on a thread inside the namespace. Sockets that it opens stay there.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                self.enter()?;
                work()
            });
            join(inside.join())
        })
    }

    /// Moves the calling thread into the namespace, for good.
    pub(super) fn enter(&self) -> Result<()> {
        setns(&*self.fd, CloneFlags::CLONE_NEWNET).context("cannot enter a network namespace")
    }

    /// A command that will run inside. It gets SIGTERM when the thread that spawned it ends, for
    /// any cause: spawn it from a thread that lives long enough.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let fd = Arc::clone(&self.fd);
        let parent = nix::unistd::getpid();
        let mut command = Command::new(program);
        let inside = move || {
            prctl::set_pdeathsig(Signal::SIGTERM)?;
            if nix::unistd::getppid() != parent {
                return Err(io::ErrorKind::Interrupted.into());
            }
            setns(&*fd, CloneFlags::CLONE_NEWNET)?;
            Ok(())
        };
        // SAFETY: runs between fork and exec, where only async-signal-safe calls are allowed: it
        // makes three system calls and allocates nothing.
        unsafe { command.pre_exec(inside) };
        command
    }

    /// Runs a command inside and returns what it printed.
    pub fn output(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output = self
            .command(program)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {program} (is it installed?)"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{program} {}: {}: {}", arguments.join(" "), output.status, said.trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs `ip` inside, with arguments that have no spaces of their own.
    pub(super) fn ip(&self, arguments: &str) -> Result<()> {
        let arguments: Vec<_> = arguments.split(' ').collect();
        self.output("ip", &arguments).map(drop)
    }

    /// Sets a parameter of the namespace's own, such as `net.ipv4.tcp_ecn`.
    pub fn sysctl(&self, name: &str, value: &str) -> Result<()> {
        let path = Path::new("/proc/sys").join(name.replace('.', "/"));
        self.run(|| Ok(fs::write(path, value)?))
            .with_context(|| format!("cannot set {name} to {value}"))
    }

    /// Frames that an interface should have sent and dropped.
    pub(super) fn tx_dropped(&self, interface: &str) -> Result<u64> {
        self.run(|| {
            let devices = fs::read_to_string("/proc/thread-self/net/dev")?;
            let own =
                |line: &&str| line.split(':').next().is_some_and(|name| name.trim() == interface);
            let counters = devices.lines().find(own).and_then(|line| line.split_once(':'));
            let (_, counters) =
                counters.with_context(|| format!("the lab has no interface {interface}"))?;
            let dropped = counters.split_whitespace().nth(TX_DROPPED);
            Ok(dropped.context("/proc/net/dev is cut short")?.parse()?)
        })
    }

    /// The namespace as a path that other programs can open while this process lives.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        format!("/proc/{}/fd/{}", process::id(), self.fd.as_raw_fd()).into()
    }
}

/// The result of a thread. A panic of the thread goes on in the caller.
fn join<T, E>(joined: thread::Result<Result<T, E>>) -> Result<T>
where
    anyhow::Error: From<E>,
{
    match joined {
        Ok(result) => Ok(result?),
        Err(panic) => panic::resume_unwind(panic),
    }
}
