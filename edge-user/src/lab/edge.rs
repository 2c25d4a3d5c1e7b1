//! An `edge run` in the lab.

use std::{
    io::{BufRead as _, BufReader},
    mem,
    path::Path,
    process::{Child, ChildStderr, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::netns::NetNs;

/// A daemon may take this long until frames flow.
const READY: Duration = Duration::from_secs(20);
/// A daemon may take this long to end.
const END: Duration = Duration::from_secs(10);

/// A daemon in an edge's namespace; dropping it ends it.
///
/// It also ends with the thread that started it, see [`super::NetNs::command`].
#[derive(Debug)]
pub struct EdgeProcess {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl EdgeProcess {
    /// Starts `binary run --config CONFIG --ephemeral` and waits until it is ready.
    pub fn start(ns: &NetNs, binary: &Path, config: &Path) -> Result<Self> {
        let mut child = ns
            .command(binary)
            .args(["run", "--ephemeral", "--config"])
            .arg(config)
            .env("NO_COLOR", "1")
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let stderr = child.stderr.take().context("the daemon's stderr is a pipe")?;
        let edge = Self { child, said: Arc::default() };
        let said = Arc::clone(&edge.said);
        let (ready, is_ready) = mpsc::channel();
        thread::spawn(move || listen(stderr, &said, &ready));
        match is_ready.recv_timeout(READY) {
            Ok(()) => Ok(edge),
            Err(RecvTimeoutError::Disconnected) => {
                bail!("the edge did not start:\n{}", edge.said())
            }
            Err(RecvTimeoutError::Timeout) => {
                bail!("the edge was not ready within {READY:?}:\n{}", edge.said())
            }
        }
    }

    /// The daemon's lines on stderr since the last call of this.
    #[must_use]
    pub fn said(&self) -> String {
        mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn end(&mut self) -> Result<()> {
        kill(Pid::from_raw(self.child.id().try_into()?), Signal::SIGTERM)?;
        let deadline = Instant::now() + END;
        while self.child.try_wait()?.is_none() {
            if Instant::now() >= deadline {
                self.child.kill()?;
                self.child.wait()?;
                bail!("the edge did not end within {END:?} and was killed");
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for EdgeProcess {
    fn drop(&mut self) {
        if let Ok(Some(_)) = self.child.try_wait() {
            return;
        }
        if let Err(error) = self.end() {
            tracing::warn!("{error:#}");
        }
    }
}

/// Keeps the daemon's lines, and reports that it is ready.
fn listen(stderr: ChildStderr, said: &Mutex<String>, ready: &mpsc::Sender<()>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if line == "ready" {
            let _nobody_waits = ready.send(());
            continue;
        }
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push_str(&line);
        said.push('\n');
    }
}
