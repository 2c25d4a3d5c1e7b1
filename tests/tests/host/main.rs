//! On the host alone: no kernel, no privilege.

mod docs;
mod oracle;
mod peerings_share_a_bucket;
