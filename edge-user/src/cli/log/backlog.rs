//! Entries on their way to the journal. A sender never waits: what the journal doesn't take at once waits
//! here, up to a size, and what is more is counted.
//!
//! Crates for the journal (tracing-journald, libsystemd) wait for it in the sender, so a journal that stands still would
//! stop the daemon.

use std::{
    collections::VecDeque,
    io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use nix::errno::Errno;
use tracing::Level;

use super::entry::Entry;

/// Most bytes that wait.
const MOST_WAITING_BYTES: usize = 1 << 20;
/// Time between two tries.
const TRY_EVERY: Duration = Duration::from_millis(20);
/// The time that a process that ends gives the journal.
pub(super) const LAST_WAIT: Duration = Duration::from_secs(1);

/// The way to the journal.
pub(super) struct Backlog {
    socket: UnixDatagram,
    journal: PathBuf,
    state: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Entries that there was no room for, and that nobody was told of.
    lost: u64,
}

impl Backlog {
    /// Starts the thread that sends what waits.
    pub(super) fn start(journal: impl AsRef<Path>) -> io::Result<Arc<Self>> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        let (state, changed) = (Mutex::default(), Condvar::new());
        let journal = journal.as_ref().to_owned();
        let backlog = Arc::new(Self { socket, journal, state, changed });
        let shared = backlog.clone();
        thread::Builder::new().name("journal".into()).spawn(move || shared.send_what_waits())?;
        Ok(backlog)
    }

    /// Sends an entry, behind those that wait.
    pub(super) fn send(&self, entry: Vec<u8>) {
        let mut waiting = self.lock();
        if waiting.is_empty() && self.is_done_with(&entry, &mut waiting) {
            return;
        }
        if waiting.bytes + entry.len() > MOST_WAITING_BYTES {
            waiting.lost += 1;
            return;
        }
        waiting.bytes += entry.len();
        waiting.entries.push_back(entry);
        self.changed.notify_all();
    }

    /// Waits until nothing waits, for a moment.
    pub(super) fn flush(&self) {
        let waits = |waiting: &mut Waiting| !waiting.is_empty();
        let _time = self.changed.wait_timeout_while(self.lock(), LAST_WAIT, waits);
    }

    fn send_what_waits(&self) {
        loop {
            let idle = |waiting: &mut Waiting| waiting.is_empty();
            let waiting = self.changed.wait_while(self.lock(), idle);
            let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
            while let Some(entry) = waiting.next() {
                if !self.is_done_with(&entry, &mut waiting) {
                    break;
                }
                waiting.end(&entry);
            }
            let is_empty = waiting.is_empty();
            drop(waiting);
            if is_empty {
                self.changed.notify_all();
            } else {
                // A journal that is full or away is back at some time.
                thread::sleep(TRY_EVERY);
            }
        }
    }

    /// Whether an entry has gone, or never can.
    fn is_done_with(&self, entry: &[u8], waiting: &mut Waiting) -> bool {
        match self.socket.send_to(entry, &self.journal) {
            Ok(_) => true,
            Err(error) if error.raw_os_error() == Some(Errno::EMSGSIZE as i32) => {
                waiting.lost += 1;
                true
            }
            Err(_) => false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // No panic leaves a change of the state half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.lost == 0
    }

    /// The next entry to send: behind all others, the number of those that are lost.
    fn next(&self) -> Option<Vec<u8>> {
        let lost = || {
            let text = format!("{} messages are lost, as the journal did not take them", self.lost);
            Entry::new(Level::WARN, &text).into_bytes()
        };
        self.entries.front().cloned().or_else(|| (self.lost > 0).then(lost))
    }

    /// Has an entry that has gone wait no more.
    fn end(&mut self, entry: &[u8]) {
        if self.entries.pop_front().is_some() {
            self.bytes -= entry.len();
        } else {
            self.lost = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY_BYTES: usize = 32 << 10;

    /// An entry with a number.
    fn entry(number: usize) -> Vec<u8> {
        let mut entry = number.to_string().into_bytes();
        entry.resize(ENTRY_BYTES, b' ');
        entry
    }

    fn received(journal: &UnixDatagram) -> String {
        let mut bytes = vec![0; 2 * ENTRY_BYTES];
        let len_bytes = journal.recv(&mut bytes).expect("an entry");
        String::from_utf8_lossy(&bytes[..len_bytes]).trim().to_owned()
    }

    #[test]
    fn a_journal_that_is_full_or_away_holds_up_nobody() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("socket");
        for is_there_first in [true, false] {
            let bind = || UnixDatagram::bind(&path).expect("a socket");
            let there = is_there_first.then(bind);
            let backlog = Backlog::start(&path).expect("a thread");
            // More than wait; a journal that is there takes some, until its queue is full.
            let sent = 2 * MOST_WAITING_BYTES / ENTRY_BYTES;
            (0..sent).for_each(|number| backlog.send(entry(number)));
            let lost = backlog.lock().lost;
            assert!(lost > 0);
            let journal = there.unwrap_or_else(bind);
            for number in 0..sent - usize::try_from(lost).expect("a number") {
                assert_eq!(received(&journal), number.to_string(), "{is_there_first}");
            }
            let told = received(&journal);
            assert!(told.contains(&format!("MESSAGE={lost} messages are lost")), "{told}");
            backlog.flush();
            assert!(backlog.lock().is_empty());
            std::fs::remove_file(&path).expect("a socket");
        }
    }
}
