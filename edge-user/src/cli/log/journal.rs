//! The log as entries of systemd's journal. An event's field `edge.circuit` is the entry's `EDGE_CIRCUIT`; where it has
//! several lines, each is a value.

use std::{env, fmt, io, os::fd::AsFd as _, path::Path, sync::Arc};

use nix::sys::stat::fstat;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FormatFields as _, format::Writer},
    layer::{Context, Layer},
};

use super::{JOURNAL_FIELDS, LogText, backlog::Backlog, entry::Entry};

/// The journal's socket for entries.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// Whether the journal reads standard error (`JOURNAL_STREAM`, systemd.exec(5)).
pub(super) fn is_stderr() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else { return false };
    fstat(io::stderr().as_fd())
        .is_ok_and(|file| stream == format!("{}:{}", file.st_dev, file.st_ino))
        && Path::new(SOCKET).exists()
}

/// Sends events to the journal.
pub(super) struct JournalLayer(pub(super) Arc<Backlog>);

impl<S: Subscriber> Layer<S> for JournalLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut message = String::new();
        // A value that can't be formatted is left out, as on standard error.
        let _formatted = LogText.format_fields(Writer::new(&mut message), event);
        let mut entry = Entry::new(*event.metadata().level(), &message);
        event.record(&mut EntryVisitor(&mut entry));
        self.0.send(entry.into_bytes());
    }
}

struct EntryVisitor<'a>(&'a mut Entry);

impl Visit for EntryVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name().starts_with(JOURNAL_FIELDS) {
            self.record_str(field, &format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name().starts_with(JOURNAL_FIELDS) {
            let name = field.name().replace('.', "_").to_ascii_uppercase();
            value.lines().for_each(|line| self.0.put(&name, line));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn an_event_is_an_entry_with_its_fields() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("socket");
        let journal = UnixDatagram::bind(&path).expect("a socket");
        let layer = JournalLayer(Backlog::start(&path).expect("a thread"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::error!(edge.port = "P1", edge.circuit = "a\nb", tries = 3, "no {}", "carrier");
        });
        let mut bytes = [0; 1024];
        let len_bytes = journal.recv(&mut bytes).expect("an entry");
        let text = std::str::from_utf8(&bytes[..len_bytes]).expect("a text");
        assert_eq!(
            text,
            "PRIORITY=3\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=edge\nMESSAGE=no carrier tries=3\n\
             EDGE_PORT=P1\nEDGE_CIRCUIT=a\nEDGE_CIRCUIT=b\n"
        );
    }
}
