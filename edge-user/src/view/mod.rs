//! Documents as text, for people and for programs that read columns.

pub mod bill;
pub mod replay;
pub mod table;
pub mod usage;
