//! The agreement of kernel object and userspace: the records that maps hold, names, sizes and a
//! version.

pub mod admission;
pub mod attachment;
pub mod books;
pub mod class;
pub mod counters;
pub mod fib;
pub mod in_flight;
pub mod keys;
pub mod lab;
pub mod maps;
pub mod outcome;
pub mod policer;
pub mod port;
pub mod qos;
pub mod rate;
pub mod rewrite;
pub mod routed;
pub mod router;
pub mod routing;
pub mod ticks;
pub mod trace;
pub mod tx_ways;
pub mod unmatched;

use self::policer::{FlowQueues, Policer};
use crate::packet::vlan::Vid;

/// Version of the map layouts; part of the pin path. Raise it when any of them changes.
pub const VERSION: u32 = if cfg!(feature = "other-layout") { 1006 } else { 6 };

/// `EGRESS` of a port that forwards to the stack.
pub const EGRESS_STACK: u32 = u32::MAX;

/// A table of one [`attachment::Slot`] for each VID: an S-table of a port, or a C-table.
pub type VidTable = [u32; Vid::COUNT];

/// An entry of the map of policers.
pub type PolicerWords = [u64; size_of::<Policer<u64>>() / size_of::<u64>()];

/// An entry of the map of flows' queues.
pub type FlowQueuesWords = [u64; FlowQueues::<u64>::WORDS];

/// Longest name in bytes that a key holds; the rest of the array is zero.
pub const NAME_LEN_BYTES: usize = 64;
