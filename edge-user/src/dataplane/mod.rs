//! The data plane in the kernel: programs, tables, links and their pins.

mod apply;
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
    links::{Attached, AttachedMode, Links},
    occupancy::occupancy,
    pins::Pins,
    program::PortProgram,
    tables::KernelTables,
};
