//! Routed peerings: what the kernel needs for their sessions.

pub mod devices;
