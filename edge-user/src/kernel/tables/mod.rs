//! The tables that programs and daemon share: opening them, mapping them into memory, and the
//! places of fields in their entries.

pub mod attachment_slots;
pub mod clock;
pub mod idle;
pub mod kernel_tables;
pub mod keys;
pub mod mapped;
pub mod per_cpu;
pub mod places;
pub mod port_slots;
pub mod raw_map;
pub mod replay_tables;
pub mod router_maps;
pub mod trace_maps;
pub mod tx_ports;
pub mod unmatched;
