//! Layer 3 beside the packet path: the programs, devices and tables by which routes reach it.

pub mod bird;
pub mod devices;
pub mod engine;
pub mod feed;
pub mod store;
