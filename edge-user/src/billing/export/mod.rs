//! Usage records to receivers outside. A receiver has each record once by its id, even if daemon or
//! receiver are killed.
//!
//! An exporter acknowledges a batch after its delivery, never before. If it is killed in between,
//! it delivers the batch again, with the same bytes, and the receiver knows the records by their
//! ids.

mod backoff;
mod encode;
mod error;
mod files;
mod health;
mod http;
mod worker;

#[cfg(test)]
mod tests;

pub use self::{
    backoff::Backoff,
    encode::RecordFormat,
    error::{DeliveryError, FailureKind},
    files::Files,
    http::Http,
    worker::Exporter,
};
use crate::billing::ledger::{Batch, LedgerError, Watermark};

/// Batches in the order of their numbers, with a mark of the ones that each receiver has.
pub trait Outbox {
    /// The first batch that `sink` has not acknowledged. A number always has the same records.
    fn next_batch(&mut self, sink: &str) -> Result<Option<Batch>, LedgerError>;

    /// Notes that `sink` has all batches up to this one for good. An acknowledgement that came
    /// before changes nothing: a stopped exporter may be late with it.
    fn acknowledge(&mut self, sink: &str, number: u64) -> Result<(), LedgerError>;

    /// The end of the time of which `sink` has acknowledged every record, if that is known.
    fn watermark(&mut self, sink: &str) -> Result<Option<Watermark>, LedgerError>;
}

/// A destination of batches.
pub trait Receiver {
    /// Returns when the receiver has the batch for good. After an error the receiver may have it or
    /// not, and the caller has to deliver it again.
    fn deliver(&mut self, batch: &Batch) -> Result<(), DeliveryError>;

    /// Tells the receiver of which time it has every record. A later word holds, and the same one may come again.
    fn announce(&mut self, watermark: &Watermark) -> Result<(), DeliveryError>;

    /// A warning for an operator, although batches arrive.
    fn notice(&self) -> Option<String> {
        None
    }
}
