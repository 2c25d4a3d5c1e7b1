//! Reading: plans, counters and books out of the tables.

pub mod books;
pub mod books_page;
pub mod carry;
pub mod occupancy;
mod trees;
