//! The work of a bucket: the generic cell rate algorithm (GCRA) with leases, fairness between
//! flows, and peaks. No module here uses a frame.

pub mod bucket;
pub mod cap;
pub mod fairness;
pub mod peak;
