//! Troubles that last: of cables, of ports and of the customers' routers. Each ends some faults later.

use anyhow::{Context as _, Result};
use edge_user::lab::{NetNs, Trunk};
use nix::sys::signal::Signal;

use super::{
    model::{BFD_MS, MAX_ROUTES},
    run::RoutedRun,
};
use crate::{
    exchange::{CUSTOMER_ASN, Customer, LAN, LAN_V6, LINK, LINK_V6, SECOND_LINK, SECOND_LINK_V6},
    faults::watch::answered,
    speaker::{BirdPeer, plans::PeerConfig, wait},
};

/// Number of faults after which a trouble is over.
const LONGEST: u32 = 8;
/// The most troubles at a time.
const MOST: usize = 3;
/// The ports, each at the end of a cable.
const PORTS: [&str; 3] = ["customer0", "customer1", "core0"];

/// A trouble.
#[derive(Debug)]
pub(super) struct Trouble {
    kind: TroubleKind,
    /// The number of the fault that caused it.
    since: u32,
    /// The namespace where an interface is meanwhile.
    elsewhere: Option<NetNs>,
}

/// Kinds of troubles, with the place of the port or of the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TroubleKind {
    /// Frames of the first customer on its first or second link are lost, and neither end sees it.
    SilentCut { is_second: bool },
    /// The far end of a port's cable is down.
    Unplugged(usize),
    /// A port's interface is down.
    PortDown(usize),
    /// A port's interface is in another namespace.
    PortAway(usize),
    /// A customer's BIRD is dead.
    PeerDead(usize),
    /// A customer's BIRD does not run, and its connections stay.
    PeerStopped(usize),
    /// A customer announces nothing.
    Withdrawn(usize),
    /// A customer announces more than it may.
    Flood(usize),
}

impl TroubleKind {
    /// Something that can have one trouble at a time.
    fn place(self) -> (bool, usize) {
        match self {
            Self::SilentCut { is_second } => (false, usize::from(is_second)),
            Self::Unplugged(port) | Self::PortDown(port) | Self::PortAway(port) => (false, port),
            Self::PeerDead(peer)
            | Self::PeerStopped(peer)
            | Self::Withdrawn(peer)
            | Self::Flood(peer) => (true, peer),
        }
    }
}

/// The BIRD of a customer with two links.
pub(super) fn start_peer(customer: &Customer) -> Result<BirdPeer> {
    BirdPeer::start(&customer.router, &peer_config(customer, &[LAN.0, LAN_V6.0]))
}

fn peer_config(customer: &Customer, routes: &[&str]) -> PeerConfig {
    let ends = [LINK, LINK_V6, SECOND_LINK, SECOND_LINK_V6];
    PeerConfig::new(CUSTOMER_ASN, &ends, routes).key(&customer.key()).bfd_ms(BFD_MS).forwards()
}

impl RoutedRun {
    /// Ports whose interfaces are as they should be.
    pub(super) fn sound_ports(&self) -> impl Iterator<Item = &'static str> {
        let has_trouble = |port: &usize| {
            self.troubles.iter().any(|it| {
                matches!(it.kind, TroubleKind::PortDown(own) | TroubleKind::PortAway(own) if own == *port)
            })
        };
        (0..PORTS.len()).filter(move |port| !has_trouble(port)).map(|port| PORTS[port])
    }

    /// Something goes, or one that has gone comes back.
    pub(super) fn make_trouble(&mut self) -> Result<()> {
        let peer = usize::try_from(self.chance.below(self.peers.len() as u64))?;
        let port = usize::try_from(self.chance.below(PORTS.len() as u64))?;
        let is_second = self.chance.percent(50);
        let kind = self.chance.pick_weighted(&[
            (4, TroubleKind::SilentCut { is_second }),
            (4, TroubleKind::Unplugged(port)),
            (4, TroubleKind::PortDown(port)),
            (4, TroubleKind::PortAway(port)),
            (3, TroubleKind::PeerDead(peer)),
            (2, TroubleKind::PeerStopped(peer)),
            (3, TroubleKind::Withdrawn(peer)),
            (3, TroubleKind::Flood(peer)),
        ]);
        if self.troubles.len() >= MOST
            || self.troubles.iter().any(|it| it.kind.place() == kind.place())
        {
            return self.end_trouble(0);
        }
        self.note(&format!("{kind:?}"));
        // Frames on their way would be lost with the cable.
        self.silence()?;
        let mut elsewhere = None;
        match kind {
            TroubleKind::SilentCut { is_second } => {
                let (trunk, tags) = self.first_customers(is_second)?;
                trunk.cut(tags)?;
            }
            TroubleKind::Unplugged(port) => self.trunk(port)?.plug(false)?,
            TroubleKind::PortDown(port) => self.ip(&["link", "set", PORTS[port], "down"])?,
            TroubleKind::PortAway(port) => {
                let other = NetNs::new()?;
                let path = other.path();
                self.ip(&["link", "set", PORTS[port], "netns", &path.to_string_lossy()])?;
                other.output("ip", &["link", "set", PORTS[port], "addrgenmode", "none"])?;
                elsewhere = Some(other);
            }
            TroubleKind::PeerDead(peer) => self.peers[peer] = None,
            TroubleKind::PeerStopped(peer) => self.peer(peer)?.signal(Signal::SIGSTOP)?,
            TroubleKind::Withdrawn(peer) => self.announce(peer, &[])?,
            TroubleKind::Flood(peer) => {
                let mut routes = vec![LAN.0.to_owned(), LAN_V6.0.to_owned()];
                routes.extend((0..=MAX_ROUTES).map(|number| format!("10.20.{number}.0/24")));
                let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
                self.announce(peer, &routes)?;
            }
        }
        self.traffic.resume();
        self.troubles.push(Trouble { kind, since: self.number, elsewhere });
        Ok(())
    }

    /// Ends troubles that have lasted long enough.
    pub(super) fn end_old_troubles(&mut self) -> Result<()> {
        while let Some(place) =
            self.troubles.iter().position(|trouble| self.number > trouble.since + LONGEST)
        {
            self.end_trouble(place)?;
        }
        Ok(())
    }

    /// Ends all of them.
    pub(super) fn end_all_troubles(&mut self) -> Result<()> {
        while !self.troubles.is_empty() {
            self.end_trouble(0)?;
        }
        Ok(())
    }

    fn end_trouble(&mut self, place: usize) -> Result<()> {
        if self.troubles.is_empty() {
            return Ok(());
        }
        let Trouble { kind, elsewhere, .. } = self.troubles.swap_remove(place);
        self.note(&format!("no more {kind:?}"));
        match kind {
            TroubleKind::SilentCut { is_second } => {
                let (trunk, tags) = self.first_customers(is_second)?;
                trunk.mend(tags)
            }
            TroubleKind::Unplugged(port) => self.trunk(port)?.plug(true),
            TroubleKind::PortDown(port) => self.ip(&["link", "set", PORTS[port], "up"]),
            TroubleKind::PortAway(port) => {
                let other = elsewhere.context("it is somewhere")?;
                let path = self.exchange.edge.path();
                let path = path.to_string_lossy();
                other.output("ip", &["link", "set", PORTS[port], "netns", &path])?;
                self.ip(&["link", "set", PORTS[port], "addrgenmode", "none", "up"])?;
                wait(|| {
                    let ports = answered()?.ports;
                    let own = ports.into_iter().find(|it| it.name == PORTS[port]);
                    Ok(own.filter(|own| own.xdp_mode != "none").map(drop))
                })
                .with_context(|| format!("{} does not come back", PORTS[port]))
            }
            TroubleKind::PeerDead(peer) => {
                self.peers[peer] = Some(start_peer(&self.exchange.customers[peer])?);
                Ok(())
            }
            TroubleKind::PeerStopped(peer) => self.peer(peer)?.signal(Signal::SIGCONT),
            TroubleKind::Withdrawn(peer) | TroubleKind::Flood(peer) => {
                self.announce(peer, &[LAN.0, LAN_V6.0])
            }
        }
    }

    fn announce(&self, peer: usize, routes: &[&str]) -> Result<()> {
        self.peer(peer)?.change(&peer_config(&self.exchange.customers[peer], routes))
    }

    fn peer(&self, peer: usize) -> Result<&BirdPeer> {
        self.peers[peer].as_ref().context("the customer's BIRD")
    }

    fn trunk(&mut self, port: usize) -> Result<&mut Trunk> {
        let Self { exchange, .. } = self;
        match port {
            0 => Ok(&mut exchange.customer_side),
            1 => exchange.second_side.as_mut().context("a second cable"),
            _ => Ok(&mut exchange.core_side),
        }
    }

    fn first_customers(
        &mut self,
        is_second: bool,
    ) -> Result<(&mut Trunk, edge_common::abi::lab::TagStack)> {
        let tags = self.exchange.customers[0].tags();
        Ok((self.trunk(usize::from(is_second))?, tags))
    }

    fn ip(&self, arguments: &[&str]) -> Result<()> {
        self.exchange.edge.output("ip", arguments).map(drop)
    }
}
