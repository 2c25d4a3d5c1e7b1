//! The router as commands, status and metrics see it.

mod bgp_routes;
mod difference;
mod domains;
mod forwarding;
mod hops;
mod links;
mod lookup;
mod peering_links;
mod sessions;

use std::{
    net::IpAddr,
    sync::{Arc, Weak},
};

use edge_api::{
    DomainStatus, RouteFamily, RouteListing, RouteLookup, Routes, RoutesView, SessionStatus,
};
use edge_common::abi::routing::Mac;

use self::{
    links::{ShownLink, shown_links},
    lookup::LookupTables,
};
use super::{faults::RouterFaults, tables::KernelRouterTables};
use crate::{
    config::Config,
    daemon::{
        engine::running::SharedRunning,
        router_view::{LinkLook, LookRefused, RouterView},
    },
    kernel::RouterMaps,
    model::PeeringKind,
    plan::{Capacity, Plan},
    report::Told,
    routing::engine::{RouterEngine, error::EngineError, state::InterfaceState},
};

/// The router, for those who look.
pub(super) struct RouterLook {
    engine: Weak<RouterEngine<KernelRouterTables>>,
    faults: Arc<RouterFaults>,
    running: SharedRunning,
}

/// The configuration that a look is at.
struct LookedAtPlan {
    config: Config,
    plan: Plan,
    capacity: Capacity,
    links: Vec<ShownLink>,
}

impl RouterLook {
    pub(super) fn new(
        engine: Weak<RouterEngine<KernelRouterTables>>,
        faults: Arc<RouterFaults>,
        running: SharedRunning,
    ) -> Self {
        Self { engine, faults, running }
    }

    fn engine(&self) -> Result<Arc<RouterEngine<KernelRouterTables>>, LookRefused> {
        self.engine.upgrade().ok_or(LookRefused::NothingRouted)
    }

    fn links(&self) -> Vec<ShownLink> {
        let running = self.running.read();
        shown_links(&running.config, &running.installed.plan)
    }

    fn looked_at(&self) -> LookedAtPlan {
        let running = self.running.read();
        let (config, plan) = (running.config.clone(), running.installed.plan.clone());
        let links = shown_links(&config, &plan);
        LookedAtPlan { config, plan, capacity: running.set.tables.capacity(), links }
    }

    /// A copy of the tables that frames are forwarded by.
    fn router(&self) -> Result<edge_common::host::HostRouter, LookRefused> {
        let pins = self.running.read().set.pins.clone();
        let maps = RouterMaps::from_pins(&pins);
        Ok(maps.map_err(|error| LookRefused::Failed(Told::bare(error)))?.read())
    }
}

impl LookedAtPlan {
    /// The links of a peering, with its kernel table.
    fn of(&self, circuit: &str, peering: &str) -> Result<(Vec<&ShownLink>, u32), LookRefused> {
        let known = self.config.circuits.iter().find(|known| known.name == circuit);
        let known = known.ok_or_else(|| LookRefused::NoCircuit(circuit.to_owned()))?;
        let found = known.peerings.iter().find(|known| known.kind.as_str() == peering);
        let (circuit, peering) = (circuit.to_owned(), peering.to_owned());
        let Some(found) = found else { return Err(LookRefused::NoPeering { circuit, peering }) };
        let domain = |kind: PeeringKind| {
            let mut domains = self.plan.domains.iter();
            domains.find(|domain| domain.circuit == circuit && domain.peering == kind)
        };
        let Some(domain) = domain(found.kind) else {
            return Err(LookRefused::IsWire { circuit, peering });
        };
        let links = self.links.iter().filter(|link| link.is_of(&circuit, found.kind)).collect();
        Ok((links, domain.kernel_table))
    }
}

impl RouterView for RouterLook {
    fn sessions(&self) -> Result<Vec<SessionStatus>, LookRefused> {
        let engine = self.engine()?;
        let speaker = engine.speaker();
        if let Some(speaker) = &speaker
            && let Err(error) = &speaker.speaker
        {
            return Err(LookRefused::Silent(Told::new(error.clone())));
        }
        let sessions = speaker.map(|speaker| speaker.sessions).unwrap_or_default();
        Ok(sessions::sessions(&self.links(), &engine.state(), &sessions))
    }

    fn routes(
        &self,
        circuit: &str,
        peering: &str,
        view: RoutesView,
    ) -> Result<Routes, LookRefused> {
        let (engine, looked_at) = (self.engine()?, self.looked_at());
        let (links, table) = looked_at.of(circuit, peering)?;
        let has_speaker = || {
            if engine.plan().speaker.is_some() { Ok(()) } else { Err(LookRefused::NoSpeaker) }
        };
        let tables = || -> Result<_, LookRefused> {
            let LookedAtPlan { plan, capacity, links, .. } = &looked_at;
            Ok(LookupTables { plan, capacity, router: self.router()?, links })
        };
        let listing = match view {
            RoutesView::Received => {
                has_speaker()?;
                RouteListing::Received { routes: bgp_routes::received(&engine, &links)? }
            }
            RoutesView::Advertised => {
                has_speaker()?;
                RouteListing::Advertised { routes: bgp_routes::advertised(&engine, &links)? }
            }
            RoutesView::Forwarding => {
                RouteListing::Forwarding { routes: forwarding::forwarding(&tables()?, &links) }
            }
            RoutesView::Diff => {
                let dump = engine.kernel_routes(table).map_err(refused)?;
                let state = engine.state();
                RouteListing::Diff {
                    routes: difference::difference(&tables()?, &links, &dump, &state),
                }
            }
        };
        Ok(Routes { circuit: circuit.to_owned(), peering: peering.to_owned(), listing })
    }

    fn lookup(
        &self,
        circuit: &str,
        peering: &str,
        address: IpAddr,
        from: Option<IpAddr>,
    ) -> Result<RouteLookup, LookRefused> {
        let looked_at = self.looked_at();
        let (links, _) = looked_at.of(circuit, peering)?;
        let LookedAtPlan { plan, capacity, links: all, .. } = &looked_at;
        let tables = LookupTables { plan, capacity, router: self.router()?, links: all };
        Ok(lookup::lookup(&tables, &links, address, from))
    }

    fn domains(&self) -> Vec<DomainStatus> {
        let Some(engine) = self.engine.upgrade() else { return Vec::new() };
        domains::domains(&self.links(), &engine.state())
    }

    fn peering_links(&self) -> Vec<LinkLook> {
        let Some(engine) = self.engine.upgrade() else { return Vec::new() };
        peering_links::peering_links(&self.links(), &engine.state(), engine.speaker().as_ref())
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = self.faults.all();
        faults.extend(self.engine.upgrade().and_then(|engine| engine.error()));
        faults
    }
}

fn refused(error: EngineError) -> LookRefused {
    if let EngineError::Bird(error) = error {
        return LookRefused::Silent(Told::bare(error));
    }
    LookRefused::Failed(Told::bare(error))
}

/// The MAC address of an interface's neighbour.
fn neighbour_mac(interface: &InterfaceState, family: RouteFamily) -> Option<String> {
    let mac = match family {
        RouteFamily::Ipv4 => interface.neighbour_v4,
        RouteFamily::Ipv6 => interface.neighbour_v6,
    };
    mac.and_then(mac_text)
}

/// A MAC address as text; `None`: there is none.
fn mac_text(mac: Mac) -> Option<String> {
    let bytes = mac.to_bytes().map(|byte| format!("{byte:02x}"));
    mac.is_there().then(|| bytes.join(":"))
}
