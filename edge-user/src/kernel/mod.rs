//! The data plane in the kernel: programs, tables, links and their pins.
//!
//! ```text
//! preflight ─┐
//! write ─▶ read ─▶ tables ─▶ object ─▶ host
//! ```

pub mod error;
pub mod host;
pub mod object;
pub mod preflight;
pub mod read;
pub mod tables;
pub mod write;

pub use self::{
    host::{attached_mode::AttachedMode, quiesce::quiesce},
    object::{
        egress::watch_egress,
        links::{HeldInterface, LinkPlace, OpenLink, PortLink, TakenOff},
        pins::Pins,
        program::PortProgram,
        traced::{PortToTrace, load_traced},
    },
    read::{
        carry::{BesideOurs, carry, give_slots},
        occupancy::{occupancy, rates},
    },
    tables::{
        clock::now_ticks,
        kernel_tables::{KernelTables, PolicerState},
        places::KnownPort,
        router_maps::RouterMaps,
        trace_maps::{TraceCounted, TraceMaps},
        unmatched::UnmatchedCounts,
    },
    write::{
        apply::{apply, prepare, retire, store},
        buckets::CarriedBuckets,
        change_rate::change_rate,
        router::store_router,
    },
};
