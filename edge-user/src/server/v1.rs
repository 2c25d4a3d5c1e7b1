//! Version 1 of the API.

mod apply_query;
pub(super) mod availability;
pub(super) mod bill;
pub(super) mod change;
pub(super) mod circuit_step;
pub(super) mod config;
pub(super) mod drain;
pub(super) mod events;
mod events_query;
pub(super) mod history;
mod if_match;
pub(super) mod ledger;
pub(super) mod look;
pub(super) mod rates;
pub(super) mod reach;
pub(super) mod recent;
pub(super) mod routing;
mod select;
pub(super) mod trace;
mod traffic;
pub(super) mod unmatched;
