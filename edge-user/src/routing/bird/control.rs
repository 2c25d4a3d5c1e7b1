//! A client of BIRD's control socket.

use std::{
    io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use super::{
    error::{BirdError, Context as _, Result},
    reply::{BirdReply, ReplyReader},
    version::BirdVersion,
};
use crate::report::Told;

/// Code of the line by which BIRD greets.
const WELCOME: u16 = 1;
/// No answer is longer: 4,000 sessions take 8 MB.
const MAX_REPLY_BYTES: u64 = 1 << 28;
/// Longest command (`CLI_RX_BUF_SIZE` in `nest/cli.h`).
const MAX_COMMAND_BYTES: usize = 4_000;

/// A connection to a BIRD that has greeted. One command has one answer.
#[derive(Debug)]
pub struct BirdControl {
    stream: BufReader<UnixStream>,
    version: BirdVersion,
}

impl BirdControl {
    /// Connects, and waits for BIRD's greeting.
    ///
    /// # Errors
    ///
    /// [`BirdError::Silent`] if nobody listens on the socket, or BIRD does not greet or answer
    /// within `patience`.
    pub fn connect(socket: &Path, patience: Duration) -> Result<Self> {
        let stream = UnixStream::connect(socket).map_err(|error| {
            let kind = if is_absent(&error) { BirdError::Silent } else { BirdError::System };
            kind(Told::bare(error).after(format!("no BIRD answers on {}", socket.display())))
        })?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        let mut control = Self { stream: BufReader::new(stream), version: BirdVersion::OLDEST };
        let greeting = control
            .reply()
            .with_context(|| format!("waiting for the greeting of BIRD on {}", socket.display()))?;
        let words: Vec<&str> = greeting.text.split(' ').collect();
        let version = match (greeting.code, &words[..]) {
            (WELCOME, ["BIRD", version, ..]) => version.parse().ok(),
            _ => None,
        };
        control.version = version.ok_or_else(|| {
            BirdError::Busy(Told::new(format!(
                "{} is another program's: it says {:?}; choose another directory for BIRD, or end \
                 that program",
                socket.display(),
                greeting.text
            )))
        })?;
        Ok(control)
    }

    /// The version of the BIRD that runs, which may be older than the one that is installed.
    #[must_use]
    pub fn version(&self) -> BirdVersion {
        self.version
    }

    /// The process that listens on a socket; `None`: nobody does.
    pub(super) fn listener(socket: &Path) -> Result<Option<i32>> {
        match UnixStream::connect(socket) {
            // BIRD does not fork, as it is told to stay in the foreground.
            Ok(stream) => Ok(Some(getsockopt(&stream, PeerCredentials)?.pid())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("opening {}", socket.display())),
        }
    }

    /// Gives a command of one line, and returns the answer, which may be that it was refused.
    pub fn ask(&mut self, command: &str) -> Result<BirdReply> {
        let is_one_line = !command.contains(['\n', '\r']) && command.len() < MAX_COMMAND_BYTES;
        if !is_one_line {
            return Err(BirdError::garbled(format!("{command:?} is no command of one line")));
        }
        let send = |stream: &mut UnixStream| stream.write_all(format!("{command}\n").as_bytes());
        send(self.stream.get_mut()).with_context(|| format!("telling BIRD `{command}`"))?;
        self.reply().with_context(|| format!("asking BIRD `{command}`"))
    }

    /// Gives a command, and returns the answer unless it is an error.
    pub fn tell(&mut self, command: &str) -> Result<BirdReply> {
        let reply = self.ask(command)?;
        Self::checked(command, reply)
    }

    /// An answer, unless it is an error.
    pub(super) fn checked(command: &str, reply: BirdReply) -> Result<BirdReply> {
        if reply.is_done() {
            Ok(reply)
        } else {
            let (code, text) = (reply.code, &reply.text);
            Err(BirdError::Refused(Told::new(format!("BIRD refuses `{command}`: {text} ({code})"))))
        }
    }

    fn reply(&mut self) -> Result<BirdReply> {
        let mut reader = ReplyReader::default();
        let mut left = (&mut self.stream).take(MAX_REPLY_BYTES);
        loop {
            let mut line = Vec::new();
            left.read_until(b'\n', &mut line).map_err(|error| {
                let is_late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                if is_late {
                    BirdError::silent("BIRD runs and does not answer")
                } else {
                    BirdError::Silent(Told::bare(error))
                }
            })?;
            if line.pop() != Some(b'\n') {
                return Err(BirdError::silent("BIRD's answer ends before its last line"));
            }
            // Messages of peers are in it as they came (RFC 9003).
            let line = String::from_utf8_lossy(&line);
            let whole =
                reader.take(&line).map_err(|strange| BirdError::Garbled(Told::bare(strange)))?;
            if let Some(reply) = whole {
                return Ok(reply);
            }
        }
    }
}

/// Whether nobody listens.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixListener, thread};

    use super::*;

    /// Patience that only ends a test that hangs.
    const LONG: Duration = Duration::from_mins(3);

    /// A program that says `script[0]` at first, and one part more for each command.
    fn speak(
        script: &'static [&'static str],
    ) -> (tempfile::TempDir, thread::JoinHandle<Vec<String>>) {
        let directory = tempfile::tempdir().expect("a directory");
        let listener = UnixListener::bind(directory.path().join("ctl")).expect("a socket");
        let thread = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut commands = Vec::new();
            for part in script {
                stream.write_all(part.as_bytes()).expect("the client listens");
                let mut line = String::new();
                let mut reader = BufReader::new(&stream);
                if reader.read_line(&mut line).expect("a command") == 0 {
                    break;
                }
                commands.push(line);
            }
            commands
        });
        (directory, thread)
    }

    #[test]
    fn commands_have_answers() {
        let (directory, speaker) =
            speak(&["0001 BIRD 2.0.12 ready.\n", "1000-a\n b\n0013 done\n", "9001 syntax error\n"]);
        let mut control = BirdControl::connect(&directory.path().join("ctl"), LONG).expect("BIRD");
        assert_eq!(control.version(), BirdVersion::new(2, 0, 12));
        let own = nix::unistd::getpid().as_raw();
        let listener = BirdControl::listener(&directory.path().join("ctl"));
        assert_eq!(listener.expect("a socket"), Some(own));
        let reply = control.ask("show status").expect("an answer");
        assert_eq!(reply.texts().collect::<Vec<_>>(), ["a", "b"]);
        let refused = control.tell("nonsense").unwrap_err();
        assert!(matches!(refused, BirdError::Refused(_)));
        assert_eq!(refused.to_string(), "BIRD refuses `nonsense`: syntax error (9001)");
        assert!(matches!(control.ask("two\nlines"), Err(BirdError::Garbled(_))));
        drop(control);
        assert_eq!(speaker.join().expect("no panic"), ["show status\n", "nonsense\n"]);
    }

    #[test]
    fn nobody_and_others_are_told_apart() {
        assert!(matches!(BirdControl::listener(Path::new("/nonexistent/ctl")), Ok(None)));
        let absent = BirdControl::connect(Path::new("/nonexistent/ctl"), LONG);
        assert!(matches!(absent, Err(BirdError::Silent(_))));
        let (directory, speaker) = speak(&["0001 Knot 3 ready.\n"]);
        let other = BirdControl::connect(&directory.path().join("ctl"), LONG);
        assert!(matches!(other, Err(BirdError::Busy(_))), "{other:?}");
        speaker.join().expect("no panic");
        let (directory, speaker) = speak(&["SSH-2.0-x\n"]);
        let other = BirdControl::connect(&directory.path().join("ctl"), LONG);
        assert!(matches!(other, Err(BirdError::Garbled(_))), "{other:?}");
        speaker.join().expect("no panic");
    }

    #[test]
    fn an_answer_that_breaks_off_is_none() {
        let (directory, speaker) = speak(&["0001 BIRD 2.18 ready.\n", "1000-a\n"]);
        let short = Duration::from_millis(200);
        let mut control = BirdControl::connect(&directory.path().join("ctl"), LONG).expect("BIRD");
        control.stream.get_ref().set_read_timeout(Some(short)).expect("a time");
        let error = control.ask("show status").unwrap_err();
        assert!(matches!(error, BirdError::Silent(_)), "{error:?}");
        drop(control);
        speaker.join().expect("no panic");
    }
}
