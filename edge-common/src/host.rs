//! The path's surroundings in memory, for replays and tests.

mod buffer;
mod calls;
pub mod fib;
mod tables;

pub use self::{
    buffer::Buffer,
    calls::{HostBuckets, HostFrame, HostRouting},
    tables::{BucketTables, FixedClock, HostRouter, HostTables},
};
