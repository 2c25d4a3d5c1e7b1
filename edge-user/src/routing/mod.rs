//! Routed circuits beside the path: the routing tables that frames are forwarded by, and those who fill them.

pub mod feed;
