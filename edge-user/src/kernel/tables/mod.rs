//! The tables that programs and daemon share: opened, mapped, and where in them things are.

pub mod clock;
pub mod idle;
pub mod kernel_tables;
pub mod keys;
pub mod mapped;
pub mod places;
pub mod raw_map;
