//! The router as those see it who look: sessions, routes, look-ups and domains.
//!
//! The daemon's router fills the slot when a configuration has routed circuits. Commands, status and metrics read it
//! there, and know of the router nothing but this.

#[cfg(test)]
pub(crate) mod sample;

use std::{
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use edge_api::{DomainStatus, RouteLookup, Routes, RoutesView, SessionStatus};

use crate::{
    model::{Link, PeeringKind},
    report::Told,
};

/// The router, for those who look at it. It is asked from several threads at once.
pub trait RouterView: Send + Sync {
    /// Every BGP session of the configuration, in its order; IPv4 before IPv6. A configuration whose
    /// routes come from elsewhere has none.
    ///
    /// Each status and each scrape of the metrics asks for this, so it is at hand, or comes within
    /// a second.
    ///
    /// # Errors
    ///
    /// The BGP speaker does not answer.
    fn sessions(&self) -> Result<Vec<SessionStatus>, LookRefused>;

    /// The routes of a peering from one point of view; [`edge_api::exact_prefix`] makes prefixes of intervals. This may wait for the BGP speaker or read
    /// the kernel's routing table.
    ///
    /// # Errors
    ///
    /// There is no such peering, it is a wire, or the view has no source or one that does not
    /// answer.
    fn routes(&self, circuit: &str, peering: &str, view: RoutesView)
    -> Result<Routes, LookRefused>;

    /// The fate of a frame to `address`, from the tables that frames are forwarded by, as the path
    /// itself decides. The frame is one of the customer's, from `from` if that is given; where
    /// `address` is on the customer's side, it is one from the core.
    ///
    /// # Errors
    ///
    /// There is no such peering, or it is a wire. A frame that would be dropped is no error.
    fn lookup(
        &self,
        circuit: &str,
        peering: &str,
        address: IpAddr,
        from: Option<IpAddr>,
    ) -> Result<RouteLookup, LookRefused>;

    /// The routing domains, in configuration order. Each status and each scrape of the metrics
    /// asks for this, so it is at hand.
    fn domains(&self) -> Vec<DomainStatus>;

    /// Each link of a routed peering, with what its availability is told by. It is asked for every second, and is at hand.
    fn peering_links(&self) -> Vec<LinkLook>;

    /// Faults of the router as a whole: a sentence each, with the effect and what to do next.
    fn faults(&self) -> Vec<String>;
}

/// A link of a routed peering at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLook {
    /// The circuit's name.
    pub circuit: String,
    /// The peering.
    pub peering: PeeringKind,
    /// The link.
    pub link: Link,
    /// Whether it is in use and its port has a carrier.
    pub is_up: bool,
    /// Its address families.
    pub families: Vec<FamilyLook>,
}

/// An address family of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilyLook {
    /// Whether the neighbour has answered ARP or neighbour discovery.
    pub has_neighbour: bool,
    /// Its BGP session.
    pub session: SessionLook,
}

/// A BGP session at one moment. Times are since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionLook {
    /// The link has static routes alone.
    NotWanted,
    /// The BGP speaker does not tell.
    Unknown,
    /// As the BGP speaker saw it.
    Seen {
        /// The moment at which it was asked.
        at: Duration,
        /// Whether it is established.
        is_up: bool,
        /// Begin of this.
        since: Duration,
        /// Whether another try may have begun it anew, of a session that was not up before.
        may_hide: bool,
        /// BFD in this BGP session.
        bfd: BfdLook,
    },
}

/// BFD in an established BGP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BfdLook {
    /// Both ends hear each other, or the peer has not been heard since the session began: it may have no BFD at all.
    NotLost,
    /// It was lost within the session, at this time since boot.
    Lost(Duration),
}

/// A question that the router can't answer.
#[derive(Debug, thiserror::Error)]
pub enum LookRefused {
    /// The configuration has no routed circuit.
    #[error(
        "the configuration has no routed circuit; a peering with `peer_asn` or `static_routes` is \
         routed, where there is a section `[routing]`"
    )]
    NothingRouted,
    /// There is no such circuit.
    #[error("there is no circuit {0:?}; `edge status` shows all of them")]
    NoCircuit(String),
    /// The circuit has no such peering.
    #[error("the circuit {circuit:?} has no peering {peering:?}; `edge status` shows those it has")]
    NoPeering {
        /// The circuit's name.
        circuit: String,
        /// The peering as it was asked for.
        peering: String,
    },
    /// The peering is a wire: it has no routes.
    #[error(
        "the peering {peering:?} of the circuit {circuit:?} is a wire, whose frames pass by their \
         tags alone; with `peer_asn` or `static_routes` it is routed"
    )]
    IsWire {
        /// The circuit's name.
        circuit: String,
        /// The peering.
        peering: String,
    },
    /// The edge has no BGP speaker of its own.
    #[error(
        "with `daemon = \"none\"` under `[routing]`, edge does not know what is received and \
         advertised; ask the program that fills the routing tables"
    )]
    NoSpeaker,
    /// The BGP speaker does not answer, with its reason and a remedy.
    #[error(transparent)]
    Silent(Told),
    /// The kernel or the tables can't be read.
    #[error(transparent)]
    Failed(Told),
}

/// The place of the router's view. It is empty while no routed circuit is configured.
#[derive(Clone, Default)]
pub struct RouterSlot(Arc<RwLock<Option<Arc<dyn RouterView>>>>);

impl RouterSlot {
    /// Puts a view there, or none. Questions that began before are answered by the view from before.
    pub fn set(&self, view: Option<Arc<dyn RouterView>>) {
        // A word is stored: no panic can leave it half done.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = view;
    }

    /// Whether there is a view.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// The view that is there now.
    #[must_use]
    pub fn get(&self) -> Option<Arc<dyn RouterView>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The view that is there now, for a question that only a router can answer.
    ///
    /// # Errors
    ///
    /// [`LookRefused::NothingRouted`].
    pub fn view(&self) -> Result<Arc<dyn RouterView>, LookRefused> {
        self.get().ok_or(LookRefused::NothingRouted)
    }
}
