//! Changes of links on their way to the ledger.

use crate::{
    billing::ledger::{BootTime, LinkNote, PeeringLinkChange},
    time::Moment,
};

/// Changes that wait at most. After more, the ledger's last note and the speaker's own times tell what they can.
const MOST_CHANGES: usize = 20_000;

/// The changes that the ledger does not have yet.
#[derive(Debug, Default)]
pub(super) struct PendingLinks {
    after: Option<BootTime>,
    known: Option<(Moment, i64)>,
    changes: Vec<PeeringLinkChange>,
    /// Whether the states are those that the ledger goes on from.
    is_begun: bool,
}

impl PendingLinks {
    /// Begins with the note that the ledger has last.
    pub(super) fn begin(&mut self, after: Option<BootTime>) {
        *self = Self { after, is_begun: true, ..Self::default() };
    }

    /// Whether it has begun, and the ledger has turned out to be no other one.
    pub(super) const fn is_begun(&self) -> bool {
        self.is_begun
    }

    /// Adds changes, with which all states are known up to `known_us` of this boot.
    pub(super) fn add(
        &mut self,
        changes: impl IntoIterator<Item = PeeringLinkChange>,
        now: Moment,
        known_us: i64,
    ) {
        if !self.is_begun {
            return;
        }
        self.changes.extend(changes);
        self.known = Some((now, known_us));
        if self.changes.len() > MOST_CHANGES {
            self.end();
        }
    }

    /// All of it, for the ledger; `None`: there is nothing new.
    pub(super) fn note(&self) -> Option<LinkNote> {
        let (now, known_us) = self.known?;
        Some(LinkNote { now, known_us, after: self.after, changes: self.changes.clone() })
    }

    /// The ledger has a note.
    pub(super) fn has_noted(&mut self, note: &LinkNote) {
        if !self.is_begun || self.after != note.after {
            return;
        }
        self.changes.drain(..note.changes.len().min(self.changes.len()));
        let LinkNote { now, known_us, .. } = *note;
        self.after = Some(BootTime { boot_id: now.boot_id, boot_us: known_us });
        self.known = self.known.filter(|known| *known != (now, known_us));
    }

    /// The ledger goes on from another note, or too many changes wait: links have to be looked at anew.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Link, LinkReason, LinkState, PeeringKind, PeeringLinkName},
        time,
    };

    #[test]
    fn what_the_ledger_has_waits_no_more_and_too_much_is_begun_anew() {
        let now = time::now().unwrap();
        let name = PeeringLinkName {
            edge: "edge-1".to_owned(),
            circuit: "contoso".to_owned(),
            peering: PeeringKind::Private,
            link: Link::Primary,
        };
        let at = BootTime { boot_id: now.boot_id, boot_us: 5 };
        let change = PeeringLinkChange { name, at, state: LinkState::Up, reason: LinkReason::Up };
        let mut pending = PendingLinks::default();
        pending.add([change.clone()], now, 6);
        assert_eq!(pending.note(), None, "nobody has looked into the ledger");
        pending.begin(Some(at));
        pending.add([change.clone()], now, 7);
        let note = pending.note().unwrap();
        assert_eq!((note.after, note.changes.len(), note.known_us), (Some(at), 1, 7));
        // Others come while the disk is slow.
        pending.add([change.clone()], now, 8);
        pending.has_noted(&note);
        let next = pending.note().unwrap();
        let known = BootTime { boot_us: 7, ..at };
        assert_eq!((next.after, next.changes.len(), next.known_us), (Some(known), 1, 8));
        pending.has_noted(&next);
        assert_eq!(pending.note(), None);
        pending.add(std::iter::repeat_n(change, MOST_CHANGES + 1), now, 9);
        assert!(!pending.is_begun() && pending.note().is_none());
    }
}
