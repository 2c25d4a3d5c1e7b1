//! The data plane in the kernel: programs, tables, links and their pins.

pub mod adjust;
mod apply;
pub mod books;
mod bpffs;
mod buckets;
mod carry;
mod change_rate;
pub mod device;
mod egress;
mod genl;
mod idle;
pub mod interface;
mod keys;
mod layers;
mod links;
pub mod load_error;
mod mapped;
mod mode;
mod occupancy;
mod offloads;
pub mod pins;
mod places;
pub mod preflight;
pub mod program;
mod quiesce;
mod raw_link;
mod raw_map;
mod refusal;
mod rtnetlink;
pub mod tables;
pub mod xdp_features;

pub use self::{
    apply::{apply, prepare, retire, store},
    buckets::Buckets,
    carry::{BesideOurs, carry, is_carried, make_room},
    change_rate::{change_rate, now_ticks},
    egress::watch_egress,
    links::{AttachedMode, Held, OpenLink, Place, PortLink, TakenOff},
    occupancy::{occupancy, rates},
    pins::Pins,
    places::KnownPort,
    program::PortProgram,
    quiesce::quiesce,
    tables::{KernelTables, PolicerState},
};
