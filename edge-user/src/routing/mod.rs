//! Layer 3 outside of the packet path: the programs, devices and tables by which routes reach it.

pub mod store;
