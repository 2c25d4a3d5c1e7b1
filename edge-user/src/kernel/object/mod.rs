//! The eBPF object: its programs, their links to interfaces, and the pins of both.

pub mod egress;
pub mod link_name;
pub mod links;
pub mod load_error;
pub(in crate::kernel) mod loader;
pub mod pins;
pub mod program;
pub mod raw_link;
pub mod refusal;
pub mod traced;
pub mod variant;
