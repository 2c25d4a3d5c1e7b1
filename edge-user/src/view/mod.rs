//! Documents as text, for people and for programs that read columns.

pub mod bill;
pub mod change;
pub mod ledger;
pub mod replay;
pub mod status;
pub mod table;
pub mod usage;
