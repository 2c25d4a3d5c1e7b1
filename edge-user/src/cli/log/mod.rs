//! The log: lines on standard error, or entries of systemd's journal where that reads standard error.
//!
//! An event's fields of the name `edge.…` are for the journal alone, as `EDGE_…`; both logs have the same message.

mod backlog;
mod entry;
mod journal;

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
    sync::{Arc, mpsc},
    thread,
};

use tracing::field::{Field, Visit};
use tracing_subscriber::{
    EnvFilter,
    field::{RecordFields, VisitOutput as _},
    fmt::{
        FormatFields,
        format::{DefaultVisitor, Writer},
    },
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use self::{
    backlog::{Backlog, LAST_WAIT},
    journal::JournalLayer,
};

/// The beginning of names of fields that are for the journal alone.
const JOURNAL_FIELDS: &str = "edge.";

/// The journal, where that is the log.
pub(super) struct Log(Option<Arc<Backlog>>);

/// Starts the log. A daemon's is the journal, where systemd has it as standard error.
pub(super) fn start(is_daemon: bool) -> Log {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,rusqlite_migration=warn"));
    let log = tracing_subscriber::registry().with(filter);
    // Without a socket or a thread, lines on standard error are better than nothing.
    if is_daemon
        && journal::is_stderr()
        && let Ok(journal) = Backlog::start(journal::SOCKET)
    {
        log.with(JournalLayer(journal.clone())).init();
        return Log(Some(journal));
    }
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(LogText)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        // It would tell stderr that stderr is closed, and panic of that: a daemon survives its reader.
        .log_internal_errors(false);
    log.with(lines).init();
    Log(None)
}

impl Log {
    /// Tells the error that ends the process.
    pub(super) fn end_with(&self, error: &str) {
        match &self.0 {
            Some(journal) => {
                journal.flush();
                end_stream_with(&stream_lines(error));
            }
            None => eprintln!("{error}"),
        }
    }

    /// Has the journal take what waits, as far as it soon does.
    pub(super) fn end(&self) {
        if let Some(journal) = &self.0 {
            journal.flush();
        }
    }
}

/// Writes to standard error, and waits no longer than for what is sent.
///
/// The journal knows whose an entry is by its process, which may be gone when the journal looks; then `journalctl -u edge` would
/// not show why. A stream is its unit's from the process's start.
fn end_stream_with(lines: &str) {
    let (done, is_done) = mpsc::channel();
    let lines = lines.to_owned();
    let writing = thread::Builder::new().name("journal-end".into()).spawn(move || {
        // Nobody is left to be told of a failure.
        let _written = io::stderr().write_all(lines.as_bytes());
        let _waiting = done.send(());
    });
    if writing.is_ok() {
        let _in_time = is_done.recv_timeout(LAST_WAIT);
    }
}

/// An error's lines with their priority (sd-daemon(3)).
fn stream_lines(error: &str) -> String {
    let priority = entry::priority(tracing::Level::ERROR);
    error.lines().map(|line| ["<", priority, ">", line, "\n"].concat()).collect()
}

/// The message of an event: all fields but those that are for the journal alone.
struct LogText;

impl<'writer> FormatFields<'writer> for LogText {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = TextVisitor(DefaultVisitor::new(writer, true));
        fields.record(&mut visitor);
        visitor.0.finish()
    }
}

struct TextVisitor<'a>(DefaultVisitor<'a>);

impl Visit for TextVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !field.name().starts_with(JOURNAL_FIELDS) {
            self.0.record_debug(field, value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if !field.name().starts_with(JOURNAL_FIELDS) {
            self.0.record_str(field, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_an_error_has_its_priority() {
        assert_eq!(stream_lines("edge: no\n  cause"), "<3>edge: no\n<3>  cause\n");
    }
}
