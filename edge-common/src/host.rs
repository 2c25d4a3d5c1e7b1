//! The path's surroundings in memory, for replays and tests.

mod buffer;
mod calls;

pub use self::{
    buffer::Buffer,
    calls::{HostBuckets, HostFrame},
};
