//! The data plane in the kernel: programs, tables, links and their pins.

mod apply;
mod change_rate;
pub mod interface;
mod keys;
mod links;
mod mapped;
mod occupancy;
pub mod pins;
pub mod preflight;
pub mod program;
pub mod tables;

pub use self::{
    apply::{apply, retire},
    change_rate::{change_rate, now_ticks},
    links::{Attached, AttachedMode, Links},
    occupancy::{occupancy, rates},
    pins::Pins,
    program::PortProgram,
    tables::{KernelTables, PolicerState},
};
