//! BIRD's answers about sessions and routes, read into types.
//!
//! Times are wall-clock milliseconds since 1970, as the configuration has BIRD print them.

pub mod answers;
pub mod bfd;
pub mod bgp;
pub mod fields;
pub mod last_error;
pub mod routes;
pub mod speaker;
