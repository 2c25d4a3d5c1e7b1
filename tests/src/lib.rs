//! Code that the tests against the kernel share.

pub mod batch;
pub mod books;
pub mod both;
pub mod browser;
pub mod captures;
pub mod daemon;
pub mod ends;
pub mod exchange;
pub mod faults;
pub mod fixture;
pub mod frames;
pub mod fuzzing;
pub mod guest;
pub mod http;
pub mod load;
pub mod notation;
pub mod oracle;
pub mod probes;
pub mod routed;
pub mod shim;
pub mod somebody;
pub mod speaker;
pub mod stock;
pub mod two_ways;
pub mod wires;

pub use edge_user::lab::patience;
