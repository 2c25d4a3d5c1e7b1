//! Names are not things: a port is an interface, whatever it is called, and a frame is never
//! classified by tables that are not its port's.

mod modes;
mod names;
mod namespaces;
mod outages;
mod swaps;
mod upgrades;
