//! On the host alone: no kernel, no privilege.

mod alerts;
mod architecture;
mod docs;
mod examples;
mod names;
mod oracle;
mod package;
mod peerings_share_a_bucket;
