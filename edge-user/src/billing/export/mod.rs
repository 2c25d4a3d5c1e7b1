//! Usage records to receivers outside: each arrives once by its id, whoever is killed when.
//!
//! A batch is acknowledged after it was delivered, and never otherwise. An exporter that is killed
//! in between delivers the batch again, the same to the last byte, and a receiver tells by the ids
//! that it has it.

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
    encode::Format,
    error::{DeliveryError, FailureKind},
    files::Files,
    http::Http,
    worker::Exporter,
};
use crate::billing::ledger::{Batch, LedgerError};

/// Batches in the order of their numbers, and the memory of which ones a receiver has.
pub trait Outbox {
    /// The first batch that `sink` has not acknowledged: under one number always the same records.
    fn next_batch(&mut self, sink: &str) -> Result<Option<Batch>, LedgerError>;

    /// `sink` has the batches up to this one, for good. One that it has acknowledged before
    /// changes nothing: an exporter that was stopped may be late with it.
    fn acknowledge(&mut self, sink: &str, number: u64) -> Result<(), LedgerError>;
}

/// Where batches go.
pub trait Receiver {
    /// Returns when the receiver has the batch for good. After an error it may have it or not, and
    /// the batch has to be delivered again.
    fn deliver(&mut self, batch: &Batch) -> Result<(), DeliveryError>;

    /// A warning for an operator, though batches arrive.
    fn notice(&self) -> Option<String> {
        None
    }
}
