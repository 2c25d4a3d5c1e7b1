//! The process of BIRD. It is nobody's part: it outlives the daemon, which finds it again by its
//! socket.

use std::{
    fs,
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{
    control::BirdControl,
    error::{BirdError, Context as _, Result},
    files::SpeakerFiles,
    netns::SpeakerNetns,
    program::BirdProgram,
};
use crate::report::Told;

/// Time for BIRD to answer: it reads a configuration and thousands of routes in one go.
pub(super) const ANSWER: Duration = Duration::from_secs(10);
/// Time for BIRD to greet after its start.
const START: Duration = Duration::from_secs(30);
/// Time for BIRD to say goodbye to its peers.
const STOP: Duration = Duration::from_secs(10);
/// Time between the first and the last step of a process's end, on a busy machine.
const END: Duration = Duration::from_millis(500);
/// Time between looks at a process that starts.
const LOOK: Duration = Duration::from_millis(5);

/// A BIRD that runs, or has ended meanwhile.
#[derive(Debug)]
pub struct BirdProcess {
    pid: i32,
    /// Stands for this process even if its number is given to another.
    pidfd: OwnedFd,
    /// Ours to be waited for; `None`: an earlier daemon has started it.
    child: Option<Child>,
}

/// Whether BIRD takes over the routes of a BIRD before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BirdStart {
    /// There are none: new routes enter the kernel at once.
    Fresh,
    /// The kernel has routes of an earlier BIRD, which stay until the peers are back, or for the
    /// time that the configuration has.
    Recovery,
}

impl BirdProcess {
    /// Starts BIRD in the namespace with the current configuration, and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`BirdError::Refused`] if it ends, with its last words.
    pub fn start(
        program: &BirdProgram,
        files: &SpeakerFiles,
        netns: &SpeakerNetns,
        start: BirdStart,
    ) -> Result<Self> {
        let mut command = Command::new(&program.path);
        command.args(["-f", "-c"]).arg(files.current()).arg("-s").arg(files.socket());
        if start == BirdStart::Recovery {
            command.arg("-R");
        }
        if let Some(account) = files.account() {
            let (uid, gid) = (account.uid.to_string(), account.gid.to_string());
            command.args(["-u", &uid, "-g", &gid]);
        }
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(files.start_output()?);
        // Signals of the daemon's terminal are not meant for it.
        command.process_group(0);
        let child = netns.run(|| {
            command.spawn().with_context(|| format!("starting {}", program.path.display()))
        })?;
        let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
        // A child's number is its own until it has been waited for.
        let pidfd = held(pid)?.ok_or_else(|| BirdError::silent("BIRD has ended at once"))?;
        let mut process = Self { pid, pidfd, child: Some(child) };
        match process.greet(files) {
            Ok(()) => Ok(process),
            Err(error) => {
                // Its configuration could be half in effect: nobody would know of it.
                process.kill()?;
                Err(error)
            }
        }
    }

    /// The BIRD that already has the socket; `None`: nobody has it.
    ///
    /// # Errors
    ///
    /// [`BirdError::Busy`] if a process has it that is no BIRD of this namespace and directory, and
    /// [`BirdError::Silent`] if one has it and does not answer.
    pub fn adopt(files: &SpeakerFiles, netns: &SpeakerNetns) -> Result<Option<Self>> {
        let socket = files.socket();
        let Some(pid) = BirdControl::listener(&socket)? else {
            return Ok(None);
        };
        let Some(pidfd) = held(pid)? else {
            return Ok(None);
        };
        let process = Self { pid, pidfd, child: None };
        match process.check(files, netns) {
            // Its end is the cause of whatever the error is.
            Err(_) if process.is_ending()? => Ok(None),
            checked => checked.map(|()| Some(process)),
        }
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The way in which it has ended; `None`: it runs.
    pub fn ended(&mut self) -> Result<Option<String>> {
        if !is_readable(&self.pidfd, Duration::ZERO)? {
            return Ok(None);
        }
        let status = match &mut self.child {
            Some(child) => child.try_wait().context("waiting for BIRD")?,
            None => None,
        };
        Ok(Some(status.map_or_else(|| "it has ended".to_owned(), |status| status.to_string())))
    }

    /// Whether it has ended or is about to: a process that ends closes its files and leaves its
    /// namespaces before it counts as ended.
    pub(super) fn is_ending(&self) -> Result<bool> {
        is_readable(&self.pidfd, END)
    }

    /// Ends it: BIRD tells its peers that it does, and leaves its routes in the kernel.
    pub fn stop(mut self) -> Result<()> {
        pidfd_send_signal(&self.pidfd, Signal::TERM).or_else(gone)?;
        if is_readable(&self.pidfd, STOP)? {
            return self.reap();
        }
        self.kill()
    }

    /// Ends it without a word: peers with graceful restart keep its routes.
    pub fn kill(&mut self) -> Result<()> {
        pidfd_send_signal(&self.pidfd, Signal::KILL).or_else(gone)?;
        if !is_readable(&self.pidfd, STOP)? {
            return Err(BirdError::silent(format!("BIRD (process {}) does not end", self.pid)));
        }
        self.reap()
    }

    /// Whether it is a BIRD of this namespace and of these files.
    fn check(&self, files: &SpeakerFiles, netns: &SpeakerNetns) -> Result<()> {
        let (pid, socket) = (self.pid, files.socket());
        let place = socket.display();
        // The number may have been another process's when its descriptor was made.
        if BirdControl::listener(&socket)? != Some(pid) {
            return Err(BirdError::silent(format!(
                "process {pid} has just left {place}; try again"
            )));
        }
        if !netns.has(pid)? {
            return Err(BirdError::Busy(Told::new(format!(
                "process {pid} has {place}, and runs in another network namespace; end it, or choose \
                 another directory for BIRD"
            ))));
        }
        let command = fs::read(format!("/proc/{pid}/cmdline"))?;
        let config = files.current();
        let config = config.as_os_str().as_encoded_bytes();
        if command.split(|byte| *byte == 0).any(|word| word == config) {
            return Ok(());
        }
        Err(BirdError::Busy(Told::new(format!(
            "process {pid} has {place}, and was not started by edge; end it, or choose another \
             directory for BIRD"
        ))))
    }

    fn reap(&mut self) -> Result<()> {
        if let Some(child) = &mut self.child {
            child.wait().context("waiting for BIRD")?;
        }
        Ok(())
    }

    /// Waits until this process, and no other, greets on the socket.
    fn greet(&mut self, files: &SpeakerFiles) -> Result<()> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                let said = files.said();
                return Err(BirdError::Refused(Told::new(format!(
                    "BIRD ended while it started ({status}): {said}"
                ))));
            }
            // BIRD opens its socket before it can answer.
            if BirdControl::listener(&files.socket())? == Some(self.pid) {
                return BirdControl::connect(&files.socket(), START).map(drop);
            }
            if begun.elapsed() > START {
                return Err(BirdError::silent("BIRD has started, and opens no socket"));
            }
            thread::sleep(LOOK);
        }
    }
}

/// A descriptor of a process; `None`: it has ended.
fn held(pid: i32) -> Result<Option<OwnedFd>> {
    let number = Pid::from_raw(pid).ok_or_else(|| BirdError::garbled("a process has number 0"))?;
    match pidfd_open(number, PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Some(pidfd)),
        Err(rustix::io::Errno::SRCH) => Ok(None),
        Err(error) => Err(error).context("getting hold of BIRD's process"),
    }
}

/// Whether the process has ended, or does within `patience`.
fn is_readable(pidfd: &OwnedFd, patience: Duration) -> Result<bool> {
    use std::os::fd::AsFd as _;
    let mut polled = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    let patience = PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX);
    Ok(poll(&mut polled, patience)? > 0)
}

/// A process that has ended needs no signal.
fn gone(errno: rustix::io::Errno) -> rustix::io::Result<()> {
    if errno == rustix::io::Errno::SRCH { Ok(()) } else { Err(errno) }
}
