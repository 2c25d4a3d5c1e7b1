//! Peaks of circuits, in the samples of the five minutes in which they were taken.

use edge_common::Reason;
use rusqlite::Connection;
use uuid::Uuid;

use super::{
    Ledger, LedgerError,
    boots::{self, Boot},
    error::Fault,
    outcome_rows::{Amount, OutcomeRows, hold},
    owners::KnownNumbers,
    settle,
    split::Interval,
    types::PeakReading,
};

impl Ledger {
    /// Books peaks, all of them or, with an error, none. Of several in one sample, the greatest stays.
    pub fn book_peaks(&mut self, peaks: &[PeakReading]) -> Result<(), LedgerError> {
        if peaks.is_empty() {
            return Ok(());
        }
        let booked = book(&mut self.connection, &mut self.known, peaks);
        if booked.is_err() {
            self.known.clear();
        }
        booked.map_err(|fault| fault.at(&self.path))
    }
}

fn book(
    connection: &mut Connection,
    known: &mut KnownNumbers,
    peaks: &[PeakReading],
) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let mut rows = OutcomeRows::new(&transaction)?;
    let mut last: Option<(Uuid, Option<Boot>)> = None;
    for peak in peaks {
        let boot_id = peak.taken.boot_id;
        let boot = match last.filter(|(id, _)| *id == boot_id) {
            Some((_, boot)) => boot,
            None => boots::find(&transaction, boot_id)?,
        };
        last = Some((boot_id, boot));
        // A booking comes before, and notes the boot.
        let Some(boot) = boot else { continue };
        let meter = known.meter(&transaction, &peak.edge, &peak.circuit, peak.direction)?;
        let place = (peak.link, Reason::Ok.as_str(), "");
        let outcome = known.outcome(&transaction, meter, place)?;
        let amount = Amount { peaks_bps: Some(peak.peaks_bps), ..Amount::default() };
        let at_us = peak.taken.boot_us;
        match settle::final_date_us(&boot, at_us) {
            Some(date_us) => rows.add(outcome, Interval::Point(date_us), &amount)?,
            None => hold(&transaction, &boot, ((at_us, at_us), false), outcome, &amount)?,
        }
    }
    boots::note_oldest(&transaction, rows.oldest_s())?;
    drop(rows);
    Ok(transaction.commit()?)
}
