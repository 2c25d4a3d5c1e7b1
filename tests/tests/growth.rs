//! Tables that grow while frames pass: larger ones beside those in use, to which the programs turn.
//! No frame, byte, bucket or counter is lost, whatever fails and whoever is killed.

#[path = "growth/buckets.rs"]
mod buckets;
#[path = "growth/config.rs"]
mod config;
#[path = "growth/failing.rs"]
mod failing;
#[path = "growth/killed.rs"]
mod killed;
#[path = "growth/limits.rs"]
mod limits;
#[path = "growth/readers.rs"]
mod readers;
#[path = "growth/refused.rs"]
mod refused;
#[path = "growth/tables.rs"]
mod tables;
#[path = "growth/watch.rs"]
mod watch;
