//! The exports of a configuration, each at work.

use std::{
    io,
    path::{Path, PathBuf},
};

use edge_api::ExportStatus;

use crate::{
    billing::{
        export::{Backoff, Exporter, Files, Http, Outbox, Receiver, RecordFormat},
        ledger::{Batch, Ledger, LedgerError, Watermark},
    },
    config::{Export, ExportFormat, Sink},
};

/// Exporters by what they are told to do.
#[derive(Debug, Default)]
pub(super) struct Exports(Vec<(Export, Exporter)>);

impl Exports {
    /// Starts the exports that are new, stops those that are gone and leaves the others alone.
    /// Returns the stopped ones: the caller waits for their end when it drops them.
    pub(super) fn follow(&mut self, wanted: &[Export], state_dir: &Path) -> Vec<Exporter> {
        let (kept, gone): (Vec<_>, Vec<_>) =
            self.0.drain(..).partition(|(export, _)| wanted.contains(export));
        let gone: Vec<Exporter> = gone.into_iter().map(|(_, exporter)| exporter).collect();
        gone.iter().for_each(Exporter::stop);
        self.0 = kept;
        for export in wanted {
            if self.0.iter().any(|(known, _)| known == export) {
                continue;
            }
            match start(export, state_dir) {
                Ok(exporter) => self.0.push((export.clone(), exporter)),
                Err(error) => tracing::error!(
                    edge.export = export.name,
                    "export {} can't be started, and its records wait in the ledger until the next \
                     reload or start: {error}",
                    export.name
                ),
            }
        }
        gone
    }

    /// Tells every exporter that the ledger has new records.
    pub(super) fn wake(&self) {
        self.0.iter().for_each(|(_, exporter)| exporter.wake());
    }

    pub(super) fn status(&self) -> Vec<ExportStatus> {
        self.0.iter().map(|(_, exporter)| exporter.status()).collect()
    }
}

fn start(export: &Export, state_dir: &Path) -> io::Result<Exporter> {
    let receiver: Box<dyn Receiver + Send> = match &export.to {
        Sink::Files { dir, format } => Box::new(Files::new(
            dir.clone(),
            match format {
                ExportFormat::Jsonl => RecordFormat::Jsonl,
                ExportFormat::Csv => RecordFormat::Csv,
            },
        )),
        Sink::Http { url, token_file } => Box::new(Http::new(url, token_file.clone())),
    };
    let outbox = Box::new(LedgerOutbox { state_dir: state_dir.to_owned(), ledger: None });
    Exporter::start(&export.name, receiver, outbox, export.watermarks, Backoff::default())
}

/// The ledger's batches.
struct LedgerOutbox {
    state_dir: PathBuf,
    ledger: Option<Ledger>,
}

impl LedgerOutbox {
    /// Does something with the ledger, which is opened anew after an error or where it is another
    /// file by now.
    fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Ledger) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let ledger = match self.ledger.take().filter(Ledger::is_current) {
            Some(ledger) => ledger,
            None => Ledger::open(&self.state_dir)?,
        };
        let ledger = self.ledger.insert(ledger);
        let done = work(ledger);
        if done.is_err() {
            self.ledger = None;
        }
        done
    }
}

impl Outbox for LedgerOutbox {
    fn next_batch(&mut self, sink: &str) -> Result<Option<Batch>, LedgerError> {
        self.with(|ledger| ledger.next_batch(sink))
    }

    fn acknowledge(&mut self, sink: &str, number: u64) -> Result<(), LedgerError> {
        self.with(|ledger| ledger.acknowledge(sink, number))
    }

    fn watermark(&mut self, sink: &str) -> Result<Option<Watermark>, LedgerError> {
        self.with(|ledger| ledger.watermark(sink))
    }
}
