//! A port stays with its interface when names change, and a frame is never classified by another
//! port's tables.

mod modes;
mod names;
mod namespaces;
mod outages;
mod swaps;
mod upgrades;
