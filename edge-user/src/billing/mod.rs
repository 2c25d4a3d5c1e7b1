//! From meters to money: the ledger books usage, the rating prices it, and the export sends its
//! records. These modules use neither the configuration nor the kernel.

pub mod availability;
pub mod export;
pub mod ledger;
pub mod rating;
