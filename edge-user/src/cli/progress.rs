//! Progress of long work, for a person at a terminal: on standard error, and only after a while.

use std::{
    io::{self, IsTerminal as _, Read},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that ends before this shows nothing.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
const DRAWN_EVERY: Duration = Duration::from_millis(200);

/// The progress of some work, which is shown until this is dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    /// Shows the bar, unless this is dropped before.
    shower: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Of work whose length nobody knows.
    pub(super) fn of(what: &str) -> Self {
        Self::new(what, None, "{spinner} {elapsed} {msg}")
    }

    /// Of so many steps.
    pub(super) fn of_steps(what: &str, steps: usize) -> Self {
        Self::new(what, Some(steps as u64), "{wide_bar} {pos}/{len} {msg}")
    }

    /// Of so many bytes; `None`: nobody knows.
    pub(super) fn of_bytes(what: &str, len_bytes: Option<u64>) -> Self {
        let template = match len_bytes {
            Some(_) => "{wide_bar} {binary_bytes}/{binary_total_bytes}, {eta} left {msg}",
            None => "{spinner} {elapsed} {binary_bytes} {msg}",
        };
        Self::new(what, len_bytes, template)
    }

    /// Of work that shows itself.
    pub(super) fn none() -> Self {
        Self { bar: ProgressBar::hidden(), shower: None }
    }

    fn new(what: &str, len: Option<u64>, template: &str) -> Self {
        if !io::stderr().is_terminal() {
            return Self::none();
        }
        let style = ProgressStyle::with_template(template);
        let style = style.unwrap_or_else(|_wrong| ProgressStyle::default_spinner());
        let bar = ProgressBar::with_draw_target(len, ProgressDrawTarget::hidden());
        let bar = bar.with_style(style).with_message(what.to_owned());
        let (ends, ended) = mpsc::channel();
        let shown = bar.clone();
        let shower = thread::Builder::new().name("progress".into()).spawn(move || {
            if ended.recv_timeout(SHOWN_AFTER) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(DRAWN_EVERY);
            }
        });
        // Work goes on without a thread, and shows nothing.
        Self { bar, shower: shower.ok().map(|shower| (ends, shower)) }
    }

    /// One step more is done.
    pub(super) fn step(&self) {
        self.bar.inc(1);
    }

    /// The work that is done now.
    pub(super) fn now(&self, what: impl Into<String>) {
        self.bar.set_message(what.into());
    }

    /// Counts the bytes that are read.
    pub(super) fn reading<R: Read>(&self, input: R) -> impl Read + use<R> {
        self.bar.wrap_read(input)
    }

    /// Prints something meanwhile.
    pub(super) fn beside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((ends, shower)) = self.shower.take() {
            drop(ends);
            // Nothing in it panics.
            let _panic = shower.join();
        }
        self.bar.finish_and_clear();
    }
}
