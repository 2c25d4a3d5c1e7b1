//! Reading: plans, counters and books out of the tables.

pub mod books;
pub mod carry;
pub mod occupancy;
