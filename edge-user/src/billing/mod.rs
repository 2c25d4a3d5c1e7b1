//! From meters to money: the ledger that books usage, the rating that prices it, and the export of
//! its records. Knows neither configuration nor kernel.

pub mod export;
pub mod ledger;
pub mod rating;
