//! Snapshots: all figures of the edge, read from the kernel once for all clients that ask together.
//!
//! A thread of its own takes a snapshot when a client asks. Clients that ask while one is being
//! taken wait for the next one together. So however many clients there are, only one reads the
//! kernel at a time, and without clients nothing is read.

mod circuits;

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Instant,
};

use edge_api::{SessionStatus, Status};
use tokio::sync::watch;

use super::{
    engine::{Engine, running::Running},
    head::{HeadReader, RoutedPart, Steps},
};
use crate::{
    config::MetricsDetail,
    daemon::error::{Context as _, DaemonError, Result},
};

/// Circuits that are read in one step.
const CIRCUITS_IN_A_STEP: usize = 64;
/// Number of attempts in steps. After these, changes come faster than a snapshot can be taken, and
/// the engine waits for a whole one.
const TRIES: u32 = 3;

/// All figures at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// The figures.
    pub status: Arc<Status>,
    /// The BGP sessions; none while the BGP speaker does not answer.
    pub sessions: Arc<[SessionStatus]>,
    /// The circuits that metrics have in detail by that configuration.
    pub metrics_detail: MetricsDetail,
}

/// The snapshots of an edge, for their readers.
#[derive(Clone)]
pub struct Snapshots {
    requests: Sender<()>,
    latest: watch::Receiver<Latest>,
}

/// The moment when the latest snapshot was begun, and the snapshot or its error.
type Latest = Option<(Instant, Result<Arc<Snapshot>, Arc<str>>)>;

impl Snapshots {
    /// Starts the thread that takes them.
    ///
    /// # Errors
    ///
    /// The system has no thread or no socket for it.
    pub fn start(engine: &Engine) -> Result<Self> {
        let reader = Reader { engine: engine.clone(), head: HeadReader::open(engine)? };
        let (requests, received) = channel();
        let (publish, latest) = watch::channel(None);
        thread::Builder::new()
            .name("snapshots".to_owned())
            .spawn(move || take(|| reader.snapshot(), &received, &publish))
            .context("starting the thread that takes snapshots")?;
        Ok(Self { requests, latest })
    }

    /// A snapshot that was begun at `since` or later.
    ///
    /// # Errors
    ///
    /// The kernel can't be read.
    pub async fn since(&self, since: Instant) -> Result<Arc<Snapshot>> {
        let mut latest = self.latest.clone();
        let mut is_asked = false;
        loop {
            if let Some((begun, snapshot)) = &*latest.borrow_and_update()
                && *begun >= since
            {
                return snapshot.clone().map_err(|error| DaemonError::failed(&*error));
            }
            if !std::mem::replace(&mut is_asked, true) {
                let _ended = self.requests.send(());
            }
            latest.changed().await.context(
                "the thread that takes snapshots has ended, which is a defect of edge: please \
                 report it, and restart the daemon",
            )?;
        }
    }
}

/// Takes a snapshot whenever there are requests, until there are no readers any more.
fn take(
    read: impl Fn() -> Result<Snapshot>,
    requests: &Receiver<()>,
    publish: &watch::Sender<Latest>,
) {
    while requests.recv().is_ok() {
        // One snapshot for all that wait. A request that comes later waits for the next one.
        while requests.try_recv().is_ok() {}
        let begun = Instant::now();
        let snapshot = read().map(Arc::new).map_err(|error| format!("{error:#}").into());
        publish.send_replace(Some((begun, snapshot)));
    }
}

struct Reader {
    engine: Engine,
    head: HeadReader,
}

impl Reader {
    fn snapshot(&self) -> Result<Snapshot> {
        // Nothing is held meanwhile: the BGP speaker may take its time.
        let routed = RoutedPart::read(&self.engine.router, &self.engine.links);
        for _ in 0..TRIES {
            let steps = Steps::of(&self.engine.running);
            if let Some(snapshot) = self.try_snapshot(&steps, &routed)? {
                return Ok(snapshot);
            }
        }
        let all_at_once = Steps::all_at_once(&self.engine.running);
        let snapshot = self.try_snapshot(&all_at_once, &routed)?;
        snapshot.ok_or_else(|| DaemonError::failed("nothing changes meanwhile"))
    }

    /// Takes one in steps; `None`: slots or tables have changed in between.
    fn try_snapshot(&self, steps: &Steps<'_>, routed: &RoutedPart) -> Result<Option<Snapshot>> {
        let Some((mut read, beside)) = self.head.read(steps, routed, true)? else {
            return Ok(None);
        };
        let detail = |running: &Running| running.config.edge.metrics_detail;
        let Some(metrics_detail) = steps.step(detail) else { return Ok(None) };
        let mut place = circuits::Cursor::default();
        loop {
            let some = |running: &Running| {
                circuits::next(running, &beside, &mut place, CIRCUITS_IN_A_STEP)
            };
            let Some(circuits) = steps.step(some) else { return Ok(None) };
            let circuits = circuits?;
            if circuits.is_empty() {
                self.engine.conditions.add_to(&mut read, steps.generation());
                return Ok(Some(Snapshot {
                    status: Arc::new(read),
                    sessions: Arc::clone(&routed.sessions),
                    metrics_detail,
                }));
            }
            read.circuits.extend(circuits);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    use super::*;
    use crate::time;

    fn snapshot(number: u32) -> Snapshot {
        let status = Status {
            edge: number.to_string(),
            uptime_s: 0.0,
            taken: time::wall(),
            ledger: edge_api::LedgerStatus::default(),
            watches_egress: true,
            ports: Vec::new(),
            circuits: Vec::new(),
            sessions: edge_api::SessionCounts::default(),
            domains: Vec::new(),
            router_faults: Vec::new(),
            config: edge_api::ConfigStatus::default(),
            conditions: Vec::new(),
            conditions_left_out: 0,
        };
        let metrics_detail = MetricsDetail::Circuit;
        let sessions = Arc::default();
        Snapshot { status: Arc::new(status), sessions, metrics_detail }
    }

    fn start(read: impl Fn() -> Result<Snapshot> + Send + 'static) -> Snapshots {
        let (requests, received) = channel();
        let (publish, latest) = watch::channel(None);
        thread::spawn(move || take(read, &received, &publish));
        Snapshots { requests, latest }
    }

    #[tokio::test]
    async fn all_who_wait_get_the_next_snapshot_and_no_older_one() {
        let reads = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&reads);
        let snapshots = start(move || {
            thread::sleep(Duration::from_millis(20));
            Ok(snapshot(counted.fetch_add(1, Ordering::Relaxed)))
        });
        assert_eq!(snapshots.since(Instant::now()).await.unwrap().status.edge, "0");
        let asked = time::wall();
        let wait = |_| {
            let snapshots = snapshots.clone();
            tokio::spawn(async move { snapshots.since(Instant::now()).await.unwrap() })
        };
        let waiting: Vec<_> = (0..100).map(wait).collect();
        for waits in waiting {
            assert!(waits.await.unwrap().status.taken >= asked);
        }
        // The first request got a snapshot to itself, the others shared the next one.
        assert!(reads.load(Ordering::Relaxed) <= 3, "{reads:?}");
        // A reader may accept a recent snapshot.
        let before = reads.load(Ordering::Relaxed);
        let recent = Instant::now().checked_sub(Duration::from_secs(1)).expect("a clock that runs");
        snapshots.since(recent).await.unwrap();
        assert_eq!(reads.load(Ordering::Relaxed), before);
    }

    #[tokio::test]
    async fn errors_are_told_to_all_and_the_next_one_is_tried() {
        let reads = AtomicU32::new(0);
        let snapshots = start(move || match reads.fetch_add(1, Ordering::Relaxed) {
            0 => Err(DaemonError::failed("no tables")),
            number => Ok(snapshot(number)),
        });
        let error = snapshots.since(Instant::now()).await.unwrap_err();
        assert_eq!(error.to_string(), "no tables");
        assert!(snapshots.since(Instant::now()).await.is_ok());
    }
}
