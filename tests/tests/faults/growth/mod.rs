//! Tables that grow while frames pass: larger ones beside those in use, to which the programs turn.
//! No frame, byte, bucket or counter is lost, whatever fails and whoever is killed.

mod buckets;
mod config;
mod failing;
mod killed;
mod limits;
mod readers;
mod refused;
mod tables;
mod watch;
