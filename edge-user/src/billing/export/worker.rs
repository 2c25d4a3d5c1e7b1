//! The thread that delivers batches to one sink.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use edge_api::ExportStatus;
use uuid::Uuid;

use super::{
    Outbox, Receiver,
    backoff::Backoff,
    error::{DeliveryError, FailureKind},
    health::{SinkHealth, Success},
};
use crate::{
    billing::ledger::{LedgerError, Watermark},
    report::chain,
    time,
};

/// The longest time that a try may still take when its exporter is stopped.
const GRACE: Duration = Duration::from_secs(2);

/// The export to one sink, in a thread of its own, until this is dropped.
#[derive(Debug)]
pub struct Exporter {
    shared: Arc<SharedExport>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Begins with the first batch that the sink has not acknowledged. `announces`: the receiver is told watermarks, too.
    ///
    /// # Errors
    ///
    /// The kernel has no thread left.
    pub fn start(
        name: &str,
        receiver: Box<dyn Receiver + Send>,
        outbox: Box<dyn Outbox + Send>,
        announces: bool,
        backoff: Backoff,
    ) -> io::Result<Self> {
        let shared = Arc::new(SharedExport::new(name));
        let worker = ExportWorker {
            name: name.to_owned(),
            receiver,
            outbox,
            shared: Arc::clone(&shared),
            delivered: None,
            announces,
            announced: None,
        };
        let thread = thread::Builder::new().name("export".to_owned()).spawn(move || {
            let _ended = Ended(Arc::clone(&worker.shared));
            worker.run(backoff);
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Tells the thread that there may be new batches. It doesn't cut a wait after a failure short.
    pub fn wake(&self) {
        self.shared.lock().is_woken = true;
        self.shared.changed.notify_all();
    }

    /// Has the thread end, without waiting for it: a caller can stop several and then drop them.
    pub fn stop(&self) {
        self.shared.lock().stopped.get_or_insert_with(Instant::now);
        self.shared.changed.notify_all();
    }

    /// The state of the export.
    #[must_use]
    pub fn status(&self) -> ExportStatus {
        self.shared.lock().health.status().clone()
    }
}

impl Drop for Exporter {
    /// Waits for the present try, but not longer than 2 s from [`Self::stop`]. A try that goes on
    /// alone is harmless: it acknowledges only a batch that it has delivered.
    fn drop(&mut self) {
        self.stop();
        let state = self.shared.lock();
        let left = state.stopped.map_or(GRACE, |stopped| GRACE.saturating_sub(stopped.elapsed()));
        let waited = self.shared.changed.wait_timeout_while(state, left, |state| !state.has_ended);
        let has_ended = waited.unwrap_or_else(PoisonError::into_inner).0.has_ended;
        if has_ended && let Some(thread) = self.thread.take() {
            // A panic is reported by `ExportWorker::attempt`, or has been printed.
            let _panic = thread.join();
        }
    }
}

/// The state that the thread and its [`Exporter`] share.
#[derive(Debug)]
struct SharedExport {
    state: Mutex<ExportState>,
    changed: Condvar,
}

#[derive(Debug)]
struct ExportState {
    health: SinkHealth,
    is_woken: bool,
    stopped: Option<Instant>,
    has_ended: bool,
}

impl SharedExport {
    fn new(name: &str) -> Self {
        let health = SinkHealth::new(name.to_owned());
        let state = ExportState { health, is_woken: false, stopped: None, has_ended: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, ExportState> {
        // No panic leaves a change of the state half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for_batches(&self) {
        let idle = |state: &mut ExportState| !state.is_woken && state.stopped.is_none();
        drop(self.changed.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner));
    }

    fn sleep(&self, delay: Duration) {
        let woken =
            self.changed.wait_timeout_while(self.lock(), delay, |state| state.stopped.is_none());
        drop(woken.unwrap_or_else(PoisonError::into_inner));
    }
}

/// Tells the owner that the thread has ended, also by a panic.
struct Ended(Arc<SharedExport>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.lock().has_ended = true;
        self.0.changed.notify_all();
    }
}

struct ExportWorker {
    name: String,
    receiver: Box<dyn Receiver + Send>,
    outbox: Box<dyn Outbox + Send>,
    shared: Arc<SharedExport>,
    /// A delivered batch that the ledger could not acknowledge yet, as when its disk is full. It is
    /// not sent again meanwhile.
    delivered: Option<(Uuid, u64)>,
    /// Whether the receiver is told watermarks.
    announces: bool,
    /// The watermark that the receiver was told last.
    announced: Option<Watermark>,
}

impl ExportWorker {
    fn run(mut self, backoff: Backoff) {
        let mut delays = backoff.delays();
        while self.shared.lock().stopped.is_none() {
            let attempt = self.attempt();
            self.pass_notice();
            match attempt {
                Ok(success) => {
                    delays = backoff.delays();
                    self.worked(success);
                    if success == Success::NothingLeft {
                        self.shared.wait_for_batches();
                    }
                }
                Err(error) => {
                    self.failed(&error);
                    self.shared.sleep(delay(delays.next(), &error, backoff));
                }
            }
        }
    }

    /// Delivers one batch or, without one, a watermark that has moved. A panic counts as a failed try, as a thread that ends
    /// would not be noticed.
    fn attempt(&mut self) -> Result<Success, DeliveryError> {
        catch_unwind(AssertUnwindSafe(|| self.try_one())).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            let message =
                format!("a defect of edge, please report it: {}", text.unwrap_or("panic"));
            Err(DeliveryError::new(FailureKind::Defect, message))
        })
    }

    fn try_one(&mut self) -> Result<Success, DeliveryError> {
        // Cleared before the look: a batch that comes later wakes the thread again.
        self.shared.lock().is_woken = false;
        let watermark =
            self.outbox.watermark(&self.name).map_err(|error| ledger("reading", &error))?;
        self.shared.lock().health.has_all_until(watermark.map(|mark| mark.sealed_until));
        let batch =
            self.outbox.next_batch(&self.name).map_err(|error| ledger("reading", &error))?;
        let Some(batch) = batch else {
            if self.announces
                && let Some(watermark) = watermark
                && self.announced != Some(watermark)
            {
                self.receiver.announce(&watermark)?;
                self.announced = Some(watermark);
            }
            return Ok(Success::NothingLeft);
        };
        let key = (batch.ledger, batch.number);
        if self.delivered != Some(key) {
            self.receiver.deliver(&batch)?;
            self.delivered = Some(key);
        }
        self.outbox
            .acknowledge(&self.name, batch.number)
            .map_err(|error| ledger("noting a delivery in", &error))?;
        self.delivered = None;
        Ok(Success::Delivered)
    }

    fn pass_notice(&self) {
        let notice = self.receiver.notice();
        if self.shared.lock().health.noticed(notice.clone()) {
            let name = self.name.as_str();
            tracing::warn!(edge.export = name, "export {name}: {}", notice.unwrap_or_default());
        }
    }

    fn worked(&self, success: Success) {
        let news = self.shared.lock().health.worked(success, time::wall());
        if let Some(since) = news {
            let name = self.name.as_str();
            tracing::info!(
                edge.export = name,
                "export {name}: works again; it had failed since {since}"
            );
        }
    }

    fn failed(&self, error: &DeliveryError) {
        let is_news = self.shared.lock().health.failed(error, time::wall());
        if is_news {
            tracing::error!(
                edge.export = self.name,
                "export {}: {error}; its batches wait in the ledger, and are tried again",
                self.name
            );
        }
    }
}

/// The wait of the back-off, or a longer one that the receiver asks for.
fn delay(next: Option<Duration>, error: &DeliveryError, backoff: Backoff) -> Duration {
    next.unwrap_or(backoff.max).max(error.retry_after.unwrap_or_default())
}

fn ledger(what: &str, error: &LedgerError) -> DeliveryError {
    DeliveryError::new(FailureKind::Ledger, format!("{what} the ledger: {}", chain(error)))
}

#[cfg(test)]
mod tests;
