//! Undoing a preparation.

use super::Set;
use crate::kernel::{LinkPlace, PortLink, TakenOff, host::adjust::Adjusted};

/// The changes that are undone if a preparation fails.
#[derive(Default)]
pub(super) struct Undo {
    /// The plan's own tables, where it needs some.
    pub(super) next: Option<Set>,
    pub(super) adjusted: Adjusted,
    pub(super) taken_off: Vec<TakenOff>,
}

impl Undo {
    pub(super) fn append(&mut self, mut other: Self) {
        self.adjusted.append(other.adjusted);
        self.taken_off.append(&mut other.taken_off);
    }

    pub(super) fn undo(self, links: &[PortLink]) {
        for taken_off in self.taken_off {
            if let Err(error) = taken_off.put_back() {
                tracing::error!(
                    "the program that was taken off can't be attached again, and the port's frames \
                     go to the host's stack; the daemon tries again every second: {error:#}"
                );
            }
        }
        let attached = links.iter().filter_map(|link| match link.place {
            LinkPlace::Here(ifindex) => Some(ifindex),
            LinkPlace::Elsewhere | LinkPlace::Nowhere => None,
        });
        self.adjusted.restore(&attached.collect::<Vec<_>>());
        if let Some(Set { pins, tables }) = self.next {
            drop(tables);
            if let Err(error) = pins.remove() {
                let directory = pins.directory().display();
                tracing::error!("unused tables stay in {directory}: {error:#}");
            }
        }
    }
}
