//! The path's surroundings in memory, for replays and tests.

mod buffer;
mod calls;
mod tables;

pub use self::{
    buffer::Buffer,
    calls::{HostBuckets, HostFrame},
    tables::{BucketTables, FixedClock, HostTables},
};
