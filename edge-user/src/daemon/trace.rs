//! A trace: frames that somebody looks for, live, with the end of their path. The engine has ports run programs with a trace in
//! them for as long as it lasts, and a thread hands their frames to the client.

mod aim;
mod feed;
mod owners;
mod refused;
mod request;
#[cfg(test)]
mod tests;

pub(super) use self::{
    aim::TraceAim,
    feed::{EndTrace, LEASE, TraceEnding},
    owners::Owners,
};
pub use self::{
    feed::TraceFeed,
    refused::TraceRefused,
    request::{DEFAULT_LASTS, DEFAULT_RATE, DEFAULT_SNAP_BYTES, LONGEST, MOST_RATE, TraceRequest},
};
