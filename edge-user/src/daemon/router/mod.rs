//! The router of routed circuits: the engine of routing on the kernel's tables, and the device by which frames reach the
//! router's namespace.
//!
//! ```text
//!  Config, Plan ─▶ engine_plan ─▶ routing::engine ─▶ tables ─▶ kernel
//!                                       │
//!                     view ◀────────────┘ state
//! ```

mod adjust;
mod carriers;
mod device;
mod engine_plan;
mod error;
mod faults;
mod settings;
mod speaker;
mod tables;
mod teardown;
mod view;

use std::{sync::Arc, thread, time::Duration};

use self::{
    carriers::Carriers,
    engine_plan::engine_plan,
    faults::{FaultyPart, RouterFaults},
    settings::namespace,
    tables::KernelRouterTables,
};
use super::{
    drains::Drains,
    engine::running::SharedRunning,
    install::{self, Committed, Prepared, Set},
    ports::PortStates,
    router_view::RouterView,
};
use crate::{
    config::Config,
    daemon::error::{DaemonError, Result},
    kernel::{RouterMaps, host::device::Devices},
    plan::Plan,
    routing::{
        bird::version::BirdVersion,
        engine::{EngineSettings, PreparedPlan, RouterEngine},
    },
};

pub(super) use self::{
    adjust::{adjust, has_other_mtus, speaker_version},
    settings::{is_same_place, namespace_is_there},
    teardown::tear_down,
};

/// The longest IP packet in bytes on any link: that of a peering with the service that this edge does the work of.
const MTU_BYTES: u32 = 1_500;
/// Time between two looks whether others still ask the router.
const ASKED_UNTIL: Duration = Duration::from_millis(10);

/// A running router. Dropping it leaves tables, devices and the speaker as they are.
pub(super) struct Router {
    engine: Arc<RouterEngine<KernelRouterTables>>,
    /// The version of the speaker; `None`: the configuration asks for none.
    pub(super) speaker: Option<BirdVersion>,
    carriers: Carriers,
    /// Its faults. Each is logged once.
    faults: Arc<RouterFaults>,
}

impl Router {
    /// Starts the router on the tables of `set`, which has it from an earlier daemon or has no routes; `None`: the
    /// configuration has no routed circuits. The engine follows nothing yet.
    pub(super) fn start(
        config: &Config,
        set: &Set,
        speaker: Option<BirdVersion>,
    ) -> Result<Option<Self>> {
        let Some(namespace) = namespace(config)? else { return Ok(None) };
        let tables = KernelRouterTables::new(RouterMaps::from_pins(&set.pins)?);
        let tell = |event| tracing::info!("routing: {event}");
        let engine = RouterEngine::start(EngineSettings::new(namespace), tables, tell)?;
        Ok(Some(Self {
            engine: Arc::new(engine),
            speaker,
            carriers: Carriers::default(),
            faults: Arc::default(),
        }))
    }

    /// The interface of its device.
    pub(super) fn ifindex(&self) -> Option<u32> {
        Some(self.engine.port().ifindex).filter(|ifindex| *ifindex != 0)
    }

    /// Looks whether the engine can follow `plan` with these links out of use. Nothing changes.
    pub(super) fn prepare(
        &self,
        config: &Config,
        drains: &Drains,
        plan: &Plan,
    ) -> Result<PreparedPlan> {
        Ok(self.engine.prepare(engine_plan(config, plan, drains)?)?)
    }

    /// Has the engine follow what was prepared. Where it can't, it follows the plan from before, until
    /// [`Self::follow`] has caught up.
    pub(super) fn commit(&mut self, prepared: PreparedPlan) {
        let followed = self.engine.commit(prepared).map_err(DaemonError::from);
        self.note(FaultyPart::Plan, followed.err().map(|error| behind(&error)));
    }

    /// Brings the device, the carriers of links and, where it is behind, the engine to what runs.
    pub(super) fn follow(
        &mut self,
        (config, drains): (&Config, &Drains),
        plan: &Plan,
        set: &mut Set,
        devices: &Devices,
        states: &PortStates,
    ) {
        if self.faults.has(FaultyPart::Plan) {
            match self.prepare(config, drains, plan) {
                Ok(prepared) => self.commit(prepared),
                Err(error) => self.note(FaultyPart::Plan, Some(behind(&error))),
            }
        }
        let outer = self.engine.port();
        let fault = match device::attach(set, devices, &outer) {
            Ok(true) => None,
            Ok(false) => Some(format!(
                "the interface {} to the routing namespace is missing, so that no BGP session can be up; edge makes \
                 it again by itself: if this lasts, look into the daemon's log",
                outer.name
            )),
            Err(error) => Some(format!(
                "{} has no program, so that no BGP session can be up; it is tried again every second: {error:#}",
                outer.name
            )),
        };
        self.note(FaultyPart::Device, fault);
        let told = self.carriers.follow(plan, states, &self.engine);
        let fault = told.err().map(|error| {
            format!(
                "routes may lead to links without a carrier; it is tried again every second: {error:#}"
            )
        });
        self.note(FaultyPart::Carriers, fault);
    }

    /// Notes the fault of a part, or that it has none, and logs what is new.
    fn note(&self, part: FaultyPart, fault: Option<String>) {
        if !self.faults.note(part, fault.as_deref()) {
            return;
        }
        match (fault, part) {
            (Some(fault), _) => tracing::error!("routing: {fault}"),
            (None, FaultyPart::Plan) => {
                tracing::info!("routing: routes are those of the configuration again");
            }
            (None, FaultyPart::Tables) => tracing::info!("routing: frames have new routes again"),
            (None, FaultyPart::Device) => {
                tracing::info!(
                    "routing: {} is there and has its program again",
                    self.engine.port().name
                );
            }
            (None, FaultyPart::Carriers) => {
                tracing::info!("routing: routes follow the carriers of links again");
            }
        }
    }

    /// The router, for those who look.
    pub(super) fn view(&self, running: SharedRunning) -> Arc<dyn RouterView> {
        Arc::new(view::RouterLook::new(
            Arc::downgrade(&self.engine),
            Arc::clone(&self.faults),
            running,
        ))
    }

    /// Ends the engine, when nobody asks it any more. All else stays as it is.
    pub(super) fn end(self) {
        let mut engine = self.engine;
        while let Err(asked) = Arc::try_unwrap(engine) {
            engine = asked;
            thread::sleep(ASKED_UNTIL);
        }
    }
}

/// The fault of a router that can't follow the configuration.
fn behind(error: &DaemonError) -> String {
    format!(
        "routes are not those of the configuration, but those from before it; it is tried again every second: {error:#}"
    )
}

/// Looks whether the router, if there is one, can follow what was prepared for `config`. Where it can't, the preparation is
/// given up.
pub(super) fn prepare(
    router: Option<&Router>,
    (config, drains): (&Config, &Drains),
    prepared: Prepared,
) -> Result<(Prepared, Option<PreparedPlan>)> {
    let followed = router.map(|router| router.prepare(config, drains, prepared.plan())).transpose();
    match followed {
        Ok(followed) => Ok((prepared, followed)),
        Err(error) => {
            prepared.give_up();
            Err(error)
        }
    }
}

/// Commits a preparation. Where tables move, nobody writes routes meanwhile, and the engine goes on with the new ones.
pub(super) fn commit(
    router: Option<&Router>,
    set: &mut Set,
    prepared: Prepared,
) -> (Committed, Option<bool>) {
    let held =
        router.filter(|_| prepared.moves_router()).map(|router| (router, router.engine.tables()));
    let (mut committed, watches_egress) = install::commit(set, prepared);
    if let (Some((router, held)), Some(maps)) = (held, committed.router_maps.take()) {
        let fault = held.replace(KernelRouterTables::new(maps)).err().map(|error| {
            format!("frames keep the routes that they have, until edge is started again: {error:#}")
        });
        router.note(FaultyPart::Tables, fault);
    }
    (committed, watches_egress)
}
