//! Work in the background that always ends.

use std::{
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result};

/// Running traffic. It ends by itself. Dropping this ends it early and waits for the end.
#[derive(Debug)]
pub struct RunningTraffic<T> {
    stop: Stop,
    thread: Option<JoinHandle<Result<T>>>,
}

impl<T: Send + 'static> RunningTraffic<T> {
    pub(super) fn start(work: impl FnOnce(&Stop) -> Result<T> + Send + 'static) -> Result<Self> {
        let stop = Stop::default();
        let theirs = stop.clone();
        let thread = thread::Builder::new()
            .name("lab-traffic".to_owned())
            .spawn(move || work(&theirs))
            .context("cannot start a thread for traffic")?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Has the traffic end now, before its time. [`Self::join`] returns its report.
    pub fn stop(&self) {
        self.stop.set();
    }

    /// Waits for the end and returns the report.
    pub fn join(mut self) -> Result<T> {
        let thread = self.thread.take().context("traffic was already waited for")?;
        thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    }
}

impl<T> Drop for RunningTraffic<T> {
    fn drop(&mut self) {
        self.stop.set();
        if let Some(thread) = self.thread.take() {
            // A caller that drops this doesn't want the report. A panic was printed by the thread.
            drop(thread.join());
        }
    }
}

/// A flag that asks traffic to end.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
