//! Tables that grow while frames pass: larger ones are made beside those in use, and the programs
//! turn to them. No frame, byte, bucket or counter is lost, through any failure or kill.

mod buckets;
pub(super) mod config;
mod failing;
mod killed;
mod limits;
mod readers;
mod refused;
mod tables;
mod watch;
