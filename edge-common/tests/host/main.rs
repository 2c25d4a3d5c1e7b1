//! The path on the host, with tables in memory.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "a failed test may panic anywhere, and rates and times of a test are far from the ends of their types"
)]

mod accounting;
mod admission;
mod answers;
mod documents;
mod fib;
mod frames;
mod groups;
mod icmp_check;
mod mutants;
mod no_answers;
mod packet;
mod packets;
mod path;
mod police;
mod retag;
mod routed;
mod routed_reasons;
mod routed_runs;
mod routed_tables;
mod router_frames;
mod routes;
mod routing_oracle;
mod rules;
mod tables;
mod uptime;
