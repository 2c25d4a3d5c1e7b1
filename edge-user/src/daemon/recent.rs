//! Circuits by the second, for those who look at a graph. A thread reads the circuits that somebody has asked for lately;
//! while there are none, it sleeps.

mod counts;
mod watched;

use std::{
    collections::BTreeMap,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use edge_api::CircuitRecent;
use jiff::Timestamp;
use tokio::sync::oneshot;

use self::{
    counts::{CircuitPlace, read},
    watched::WatchedCircuit,
};
use super::engine::{Engine, running::SharedRunning};
use crate::{
    daemon::error::{Context as _, Result},
    time,
};

/// The most circuits that are read every second: their seconds take 23 MB.
const MOST_CIRCUITS: usize = 256;
/// A circuit is read for this long after somebody has asked for it.
const READ_FOR: Duration = Duration::from_mins(15);
const SECOND: Duration = Duration::from_secs(1);

/// The reader of circuits by the second.
#[derive(Clone)]
pub struct RecentTraffic {
    requests: Sender<Request>,
}

struct Request {
    circuit: String,
    after: Option<Timestamp>,
    reply: oneshot::Sender<Result<Option<CircuitRecent>>>,
}

impl RecentTraffic {
    /// Starts the thread, which waits for the first one who asks.
    ///
    /// # Errors
    ///
    /// The system has no thread for it.
    pub fn start(engine: &Engine) -> Result<Self> {
        let running = engine.running.clone();
        let (requests, received) = mpsc::channel();
        thread::Builder::new()
            .name("recent".to_owned())
            .spawn(move || RecentReader { running, watched: BTreeMap::new() }.run(&received))
            .context("starting the thread that reads circuits by the second")?;
        Ok(Self { requests })
    }

    /// The last minutes of a circuit, which is read every second from now on if it was not yet; `None`: there is no such
    /// circuit. With `after`, only seconds that end after it.
    ///
    /// # Errors
    ///
    /// The tables can't be read, or the thread has ended.
    pub async fn of(
        &self,
        circuit: String,
        after: Option<Timestamp>,
    ) -> Result<Option<CircuitRecent>> {
        let (reply, answer) = oneshot::channel();
        let _ended = self.requests.send(Request { circuit, after, reply });
        answer.await.context(
            "the thread that reads circuits by the second has ended, which is a defect of edge: please report it, and \
             restart the daemon",
        )?
    }
}

struct RecentReader {
    running: SharedRunning,
    watched: BTreeMap<String, WatchedCircuit>,
}

impl RecentReader {
    /// Serves requests until there are no clients any more, and reads in between.
    fn run(&mut self, requests: &Receiver<Request>) {
        let mut next = Instant::now();
        loop {
            if self.watched.is_empty() {
                let Ok(request) = requests.recv() else { return };
                next = Instant::now() + SECOND;
                self.answer(request);
                continue;
            }
            match requests.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(request) => self.answer(request),
                Err(RecvTimeoutError::Timeout) => {
                    self.read_all();
                    // A machine that stood still has no seconds to catch up with.
                    next = (next + SECOND).max(Instant::now());
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn answer(&mut self, Request { circuit, after, reply }: Request) {
        if !self.watched.contains_key(&circuit) {
            let mut watched = WatchedCircuit::new(time::wall());
            let mut place = CircuitPlace::default();
            let counts = read(&self.running.read(), &circuit, &mut place);
            let counts = match counts {
                Ok(Some(counts)) => counts,
                refused => {
                    let _nobody_waits = reply.send(refused.map(|_| None));
                    return;
                }
            };
            watched.place = place;
            watched.begin(counts, Instant::now());
            self.make_room();
            self.watched.insert(circuit.clone(), watched);
        }
        let count = self.watched.len();
        let known = self.watched.get_mut(&circuit);
        let told = known.map(|known| {
            known.asked = Instant::now();
            CircuitRecent {
                circuit,
                since: known.since,
                watched_circuits: u64::try_from(count).unwrap_or(u64::MAX),
                most_circuits: u64::try_from(MOST_CIRCUITS).unwrap_or(u64::MAX),
                seconds: known.seconds(after),
            }
        });
        let _nobody_waits = reply.send(Ok(told));
    }

    /// Leaves room for one more circuit.
    fn make_room(&mut self) {
        if self.watched.len() < MOST_CIRCUITS {
            return;
        }
        let longest = self.watched.iter().min_by_key(|(_, watched)| watched.asked);
        if let Some(name) = longest.map(|(name, _)| name.clone()) {
            self.watched.remove(&name);
        }
    }

    fn read_all(&mut self) {
        self.watched.retain(|name, watched| {
            if watched.asked.elapsed() >= READ_FOR {
                return false;
            }
            // The engine may make a change between two circuits.
            match read(&self.running.read(), name, &mut watched.place) {
                Ok(Some(counts)) => watched.add(counts, Instant::now(), time::wall()),
                Ok(None) => return false,
                // The tables can't be read at the moment: a gap.
                Err(_) => watched.interrupt(),
            }
            true
        });
    }
}
