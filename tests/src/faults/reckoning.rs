//! The last reckoning: wire, meters, ledger and receivers, held against each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use edge_user::billing::ledger::{Ledger, UsageRecord};

use super::{
    accounts::{Count, of, total_usage},
    disk::STATE_DIR,
    model::SINKS,
    receivers::Kept,
    run::Run,
    watch::answered,
};
use crate::patience::PATIENCE;

/// Totals of a whole run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Sent by far ends.
    pub sent: Count,
    /// Received by far ends.
    pub received: Count,
    /// Frames that devices refused.
    pub refused_frames: u64,
    /// Export records.
    pub records: u64,
    /// Records that came more than once.
    pub repeated: u64,
}

/// Everything that does not add up goes to the run's problems.
pub fn reckon(run: &mut Run<'_>) -> Result<Figures> {
    let mut figures = Figures::default();
    let status = answered()?;
    let usage = total_usage()?;
    let cables = run.cables_now()?;
    for cable in &cables {
        figures.sent += cable.sent;
        figures.received += cable.received.total().into();
    }
    for port in &status.ports {
        figures.refused_frames += port.reasons.get("egress-refused").copied().unwrap_or(0);
    }
    run.all_is_taken(&status, &cables);
    run.ledger_is_wire(&usage, &cables);
    let wrong = run.charges.out_of_bounds(&usage);
    run.problems.extend(wrong);
    grand_total(run, &usage, figures.received);

    run.seal()?;
    run.restart()?;
    drain()?;
    let ledger = Ledger::open(Path::new(STATE_DIR))?;
    let last_seq = ledger.info()?.last_seq;
    let kept = all_is_told(run, last_seq)?;
    figures.records = last_seq;
    for (name, kept) in SINKS.iter().zip(&kept) {
        figures.repeated += kept.repeated;
        export_is_ledger(run, name, kept, last_seq, &usage);
    }
    run.same("what the receivers have", &kept[0].records, &kept[1].records);
    for gap in ledger.gaps()? {
        run.problems.push(format!("{gap:?}"));
    }
    run.problems.extend(ledger.check()?.into_iter().map(|problem| format!("ledger: {problem}")));
    Ok(figures)
}

fn grand_total(run: &mut Run<'_>, usage: &[UsageRecord], received: Count) {
    let mut all = Count::default();
    let (mut billed, mut metered) = (0, 0);
    for record in usage {
        all += of(record);
        billed += record.billed_bytes;
        if record.direction == "outbound" && record.billing == "metered" {
            metered += record.bytes;
        }
    }
    run.same("wire and ledger, all of it", &received, &all);
    run.same("outbound bytes of metered circuits, and billed ones", &metered, &billed);
}

fn export_is_ledger(
    run: &mut Run<'_>,
    name: &str,
    kept: &Kept,
    last_seq: u64,
    usage: &[UsageRecord],
) {
    for wrong in &kept.wrong {
        run.problems.push(format!("{name}: {wrong}"));
    }
    let ledgers: BTreeSet<_> = kept.records.values().map(|record| record.ledger).collect();
    run.same(&format!("{name}: one ledger"), &1, &ledgers.len());
    let seqs: BTreeSet<u64> = kept.records.values().map(|record| record.seq).collect();
    run.same(&format!("{name}: numbers of records"), &(1..=last_seq).collect(), &seqs);
    let mut exported: BTreeMap<String, Count> = BTreeMap::new();
    for record in kept.records.values() {
        *exported.entry(series(&record.usage)).or_default() += of(&record.usage);
    }
    let mut booked: BTreeMap<String, Count> = BTreeMap::new();
    for record in usage {
        *booked.entry(series(record)).or_default() += of(record);
    }
    for series in exported.keys().chain(booked.keys()).collect::<BTreeSet<_>>() {
        let what = format!("{name}: ledger and export of {series}");
        run.same(&what, &booked.get(series), &exported.get(series));
    }
}

/// Waits until every receiver has acknowledged every record.
fn drain() -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let ledger = Ledger::open_read_only(Path::new(STATE_DIR))?;
        let left = SINKS.map(|sink| ledger.pending(sink));
        let [files, collector] = left;
        let (files, collector) = (files?, collector?);
        if files + collector == 0 {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{files} records for files and {collector} for the collector are not exported: {:#?}",
            answered()?.ledger
        );
        thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until both receivers know that they have every record, and returns what they have.
fn all_is_told(run: &mut Run<'_>, last_seq: u64) -> Result<[Kept; 2]> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        run.files.take()?;
        let kept = [run.files.kept().clone(), run.collector.kept()];
        let knows = |kept: &Kept| kept.watermark.is_some_and(|mark| mark.last_seq == last_seq);
        if kept.iter().all(knows) {
            return Ok(kept);
        }
        ensure!(
            Instant::now() < deadline,
            "{last_seq} records, and the receivers were told {:?}: {:#?}",
            kept.map(|kept| kept.watermark),
            answered()?.ledger
        );
        thread::sleep(Duration::from_millis(50));
    }
}

/// All but the time.
fn series(record: &UsageRecord) -> String {
    let UsageRecord {
        edge,
        circuit,
        service_key,
        peering,
        link,
        direction,
        class,
        billing,
        accounting,
        ..
    } = record;
    let key = service_key.as_deref().unwrap_or("-");
    let parts: [&str; 9] =
        [edge, circuit, key, peering, link, direction, class, billing, accounting];
    parts.join(" ")
}
