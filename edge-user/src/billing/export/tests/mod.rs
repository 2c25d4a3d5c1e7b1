//! Exports as a whole: senders and receivers that are killed, and what arrives.

mod chaos;
mod early;
mod killed;
pub(super) mod server;
mod tls;

use std::{
    collections::HashSet,
    env,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use uuid::{Uuid, uuid};

use super::{Backoff, Outbox};
use crate::billing::ledger::{Batch, ExportRecord, LedgerError, UsageRecord, Watermark};

pub(super) const LEDGER: Uuid = uuid!("7f3c1d0a-3f0e-4b57-9d4e-0c6f5a1b2c3d");

/// No test waits for long.
pub(super) const SHORT: Backoff =
    Backoff { min: Duration::from_millis(1), max: Duration::from_millis(8) };

/// The batch of this number, if each has `size` records.
pub(super) fn batch(number: u64, size: u64) -> Batch {
    let records = ((number - 1) * size + 1..=number * size).map(record).collect();
    Batch { ledger: LEDGER, number, records }
}

fn record(seq: u64) -> ExportRecord {
    let begin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let at = |period: u64| begin + SignedDuration::from_mins(5 * i64::try_from(period).unwrap());
    let usage = UsageRecord {
        edge: "ams".to_owned(),
        circuit: format!("contoso, \"{seq}\""),
        service_key: Some(format!("k-{seq}")),
        peering: "private".to_owned(),
        link: "primary".to_owned(),
        direction: "outbound".to_owned(),
        class: "default".to_owned(),
        billing: "metered".to_owned(),
        accounting: "l2".to_owned(),
        start: at(seq),
        end: at(seq + 1),
        frames: seq,
        bytes: 1500 * seq,
        billed_bytes: 1500 * seq,
        estimated: false,
    };
    ExportRecord { id: format!("{LEDGER}-{seq}"), ledger: LEDGER, seq, usage }
}

/// A ledger in memory, which outlives the exporters of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<MemoryState>>);

#[derive(Debug, Default)]
struct MemoryState {
    batches: u64,
    acknowledged: u64,
    /// Calls that fail, by their number.
    failing: HashSet<u64>,
    calls: u64,
    watermark: Option<Watermark>,
}

impl Memory {
    /// Batches 1 to `batches` of three records, and calls that fail.
    pub(super) fn new(batches: u64, failing: impl IntoIterator<Item = u64>) -> Self {
        let failing = failing.into_iter().collect();
        Self(Arc::new(Mutex::new(MemoryState { batches, failing, ..MemoryState::default() })))
    }

    pub(super) fn acknowledged(&self) -> u64 {
        self.0.lock().unwrap().acknowledged
    }

    pub(super) fn has_all_until(&self, watermark: Watermark) {
        self.0.lock().unwrap().watermark = Some(watermark);
    }

    pub(super) fn add_batch(&self) {
        self.0.lock().unwrap().batches += 1;
    }
}

impl Outbox for Memory {
    fn next_batch(&mut self, sink: &str) -> Result<Option<Batch>, LedgerError> {
        assert_eq!(sink, "billing");
        let mut state = self.0.lock().unwrap();
        state.call()?;
        Ok((state.acknowledged < state.batches).then(|| batch(state.acknowledged + 1, 3)))
    }

    fn acknowledge(&mut self, sink: &str, number: u64) -> Result<(), LedgerError> {
        assert_eq!(sink, "billing");
        let mut state = self.0.lock().unwrap();
        state.call()?;
        assert!(number <= state.acknowledged + 1, "{number} skips a batch");
        state.acknowledged = state.acknowledged.max(number);
        Ok(())
    }

    fn watermark(&mut self, sink: &str) -> Result<Option<Watermark>, LedgerError> {
        assert_eq!(sink, "billing");
        Ok(self.0.lock().unwrap().watermark)
    }
}

impl MemoryState {
    fn call(&mut self) -> Result<(), LedgerError> {
        self.calls += 1;
        if self.failing.contains(&self.calls) {
            return Err(LedgerError::NotFound { path: "ledger.db".into() });
        }
        Ok(())
    }
}

/// A watermark of the ledger that batches are of.
pub(super) fn watermark(sealed_until: &str, last_seq: u64) -> Watermark {
    Watermark { ledger: LEDGER, sealed_until: sealed_until.parse().unwrap(), last_seq }
}

/// Waits for something that another thread or process does; it hangs if that never comes.
pub(super) fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// This test alone in a process of its own, which finds itself there by `variable`.
pub(super) fn child_of(test: &str, variable: &str, value: &Path) -> Command {
    let (_crate, test) = test.split_once("::").unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(variable, value).stdout(Stdio::null());
    command
}
