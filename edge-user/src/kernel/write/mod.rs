//! Writing: plans into the tables while frames pass.

pub mod apply;
pub mod bucket_ticks;
pub mod buckets;
pub mod change_rate;
mod interfaces;
pub mod router;
#[cfg(test)]
mod tests;
