//! Documents as text, for people and for programs that read columns.

pub mod availability;
pub mod bill;
pub mod change;
pub mod changes;
pub mod circuit;
mod conditions;
mod config_status;
pub mod domains;
pub mod drops;
pub mod events;
pub mod explained;
pub mod history;
pub mod ledger;
mod links;
pub mod lookup;
pub mod next_hop;
pub mod reach;
pub mod replay;
pub mod routes;
pub mod sessions;
pub mod status;
pub mod table;
pub mod trace;
pub mod unmatched;
pub mod usage;
pub mod verify;
