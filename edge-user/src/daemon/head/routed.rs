//! Sessions and routing domains in a status.

use std::sync::Arc;

use edge_api::{DomainStatus, SessionCounts, SessionStatus};

use super::super::{link_board::LinkBoard, router_view::RouterSlot};

/// The router at one moment; empty while no routed circuit is configured.
#[derive(Clone, Debug, Default)]
pub(in crate::daemon) struct RoutedPart {
    pub(in crate::daemon) sessions: Arc<[SessionStatus]>,
    pub(in crate::daemon) counts: SessionCounts,
    pub(in crate::daemon) domains: Vec<DomainStatus>,
    pub(in crate::daemon) faults: Vec<String>,
}

impl RoutedPart {
    /// Reads the faults alone, for which no BGP speaker is asked.
    pub(in crate::daemon) fn faults(slot: &RouterSlot) -> Self {
        let faults = slot.get().map(|view| view.faults()).unwrap_or_default();
        Self { faults, ..Self::default() }
    }

    /// Reads it. A BGP speaker that does not answer is a fault in the counts: the rest of a status
    /// is there all the same.
    pub(in crate::daemon) fn read(slot: &RouterSlot, links: &LinkBoard) -> Self {
        let Some(view) = slot.get() else { return Self::default() };
        let mut domains = view.domains();
        links.add_to(&mut domains);
        let (sessions, fault) = match view.sessions() {
            Ok(sessions) => (sessions, None),
            Err(refused) => (Vec::new(), Some(format!("{refused:#}"))),
        };
        let up = sessions.iter().filter(|session| session.is_up()).count();
        let counts = SessionCounts {
            configured: domains.iter().map(|domain| domain.sessions).sum(),
            up: u32::try_from(up).unwrap_or(u32::MAX),
            fault,
        };
        Self { sessions: sessions.into(), counts, domains, faults: view.faults() }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::router_view::sample::{SampleRouter, SampleSpeaker},
        *,
    };

    #[test]
    fn sessions_are_counted_and_a_silent_speaker_is_told() {
        let slot = RouterSlot::default();
        let none = RoutedPart::read(&slot, &LinkBoard::default());
        assert_eq!((none.counts, none.domains.len()), (SessionCounts::default(), 0));

        slot.set(Some(Arc::new(SampleRouter::default())));
        let read = RoutedPart::read(&slot, &LinkBoard::default());
        let counts = SessionCounts { configured: 3, up: 1, fault: None };
        assert_eq!((read.counts, read.sessions.len(), read.domains.len()), (counts, 3, 1));

        slot.set(Some(Arc::new(SampleRouter { speaker: SampleSpeaker::Silent })));
        let read = RoutedPart::read(&slot, &LinkBoard::default());
        assert_eq!(read.faults, ["the port is missing"]);
        let fault = Some("asking BIRD for sessions: it does not answer".to_owned());
        assert_eq!(read.counts, SessionCounts { configured: 3, up: 0, fault });
        assert_eq!((read.sessions.len(), read.domains.len()), (0, 1));
    }
}
