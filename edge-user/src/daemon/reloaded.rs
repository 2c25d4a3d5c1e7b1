//! The answer to a reload.

use edge_api::{Difference, Reloaded};

use crate::config;

/// The answer, as a document.
pub(super) fn reloaded(difference: config::Difference, warnings: Vec<String>) -> Reloaded {
    let config::Difference {
        circuits_added,
        circuits_removed,
        circuits_renamed,
        bandwidths,
        circuits_changed,
        ports_added,
        ports_removed,
        ports_moved,
        ports_changed,
        tables_changed,
    } = difference;
    let difference = Difference {
        circuits_added,
        circuits_removed,
        circuits_renamed,
        bandwidths,
        circuits_changed,
        ports_added,
        ports_removed,
        ports_moved,
        ports_changed,
        tables_changed,
    };
    Reloaded { difference, warnings }
}
