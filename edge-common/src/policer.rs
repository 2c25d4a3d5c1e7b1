//! The work of a bucket: GCRA with leases, fairness between flows, peaks. Knows no frame.

pub mod bucket;
pub mod fairness;
pub mod peak;
