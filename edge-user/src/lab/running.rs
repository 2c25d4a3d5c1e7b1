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

/// Traffic under way. It ends by itself; dropping this ends it early and waits for that.
#[derive(Debug)]
pub struct Running<T> {
    stop: Stop,
    thread: Option<JoinHandle<Result<T>>>,
}

impl<T: Send + 'static> Running<T> {
    pub(super) fn start(work: impl FnOnce(&Stop) -> Result<T> + Send + 'static) -> Result<Self> {
        let stop = Stop::default();
        let theirs = stop.clone();
        let thread = thread::Builder::new()
            .name("lab-traffic".to_owned())
            .spawn(move || work(&theirs))
            .context("cannot start a thread for traffic")?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Has the traffic end now rather than at its time; [`Self::join`] tells what it came to.
    pub fn stop(&self) {
        self.stop.set();
    }

    /// Waits for the end and returns the report.
    pub fn join(mut self) -> Result<T> {
        let thread = self.thread.take().context("traffic was already waited for")?;
        thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.stop.set();
        if let Some(thread) = self.thread.take() {
            // The caller that drops it does not care how the traffic fared, a panic included: the
            // thread has printed that.
            drop(thread.join());
        }
    }
}

/// The wish that traffic end.
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
