//! Version 1 of the API.

pub(super) mod change;
pub(super) mod ledger;
pub(super) mod look;
pub(super) mod routing;
mod select;
