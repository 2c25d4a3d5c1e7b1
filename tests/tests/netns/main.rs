//! The daemon between network namespaces, with real traffic.

mod api;
mod applying;
mod books;
mod classes;
mod cli;
mod clients;
mod confirming;
mod demo;
mod egress;
mod large;
mod limits;
mod looking;
mod namespaces;
mod preflight;
mod routing;
mod service;
mod set_bandwidth;
mod slots_again;
mod snapshots;
mod speaker;
mod stock;
mod tags_live;
mod tcp;
mod too_old;
mod usage;
mod wire;
