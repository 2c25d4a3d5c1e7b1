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
mod settings;
mod speaker;
mod tables;
mod teardown;
mod view;

use std::{sync::Arc, thread, time::Duration};

use self::{
    carriers::Carriers, engine_plan::engine_plan, settings::namespace, tables::KernelRouterTables,
};
use super::{
    engine::running::SharedRunning,
    install::{self, Committed, Prepared, Set},
    ports::PortStates,
    router_view::RouterView,
};
use crate::{
    config::Config,
    daemon::error::Result,
    kernel::{RouterMaps, host::device::Devices},
    plan::Plan,
    routing::{
        bird::version::BirdVersion,
        engine::{EngineSettings, PreparedPlan, RouterEngine},
    },
};

pub(super) use self::{
    adjust::{adjust, speaker_version},
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
    /// Name of its device.
    outer: String,
    /// The version of the speaker; `None`: the configuration asks for none.
    pub(super) speaker: Option<BirdVersion>,
    carriers: Carriers,
    /// Whether the engine follows another plan than the configuration's, as it could not take that.
    is_behind: bool,
    /// The last error of the device, which is logged once.
    told: String,
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
        let outer = namespace.outer().to_owned();
        let tables = KernelRouterTables::new(RouterMaps::from_pins(&set.pins)?);
        let tell = |event| tracing::info!("routing: {event}");
        let engine = RouterEngine::start(EngineSettings::new(namespace), tables, tell)?;
        Ok(Some(Self {
            engine: Arc::new(engine),
            outer,
            speaker,
            carriers: Carriers::default(),
            is_behind: false,
            told: String::new(),
        }))
    }

    /// The interface of its device.
    pub(super) fn ifindex(&self) -> Option<u32> {
        Some(self.engine.port().ifindex).filter(|ifindex| *ifindex != 0)
    }

    /// Looks whether the engine can follow `plan`. Nothing changes.
    fn prepare(&self, config: &Config, plan: &Plan) -> Result<PreparedPlan> {
        Ok(self.engine.prepare(engine_plan(config, plan)?)?)
    }

    /// Has the engine follow what was prepared. Where it can't, it follows the plan from before, until
    /// [`Self::follow`] has caught up.
    pub(super) fn commit(&mut self, prepared: PreparedPlan) {
        let followed = self.engine.commit(prepared);
        self.is_behind = followed.is_err();
        if let Err(error) = followed {
            tracing::error!(
                "routes are not those of the configuration, but those from before it; it is tried again \
                 every second: {error:#}"
            );
        }
    }

    /// Brings the device, the carriers of links and, where it is behind, the engine to what runs.
    pub(super) fn follow(
        &mut self,
        config: &Config,
        plan: &Plan,
        set: &mut Set,
        devices: &Devices,
        states: &PortStates,
    ) {
        if self.is_behind
            && let Ok(prepared) = self.prepare(config, plan)
            && self.engine.commit(prepared).is_ok()
        {
            self.is_behind = false;
            tracing::info!("routes are those of the configuration again");
        }
        let attached = device::attach(set, devices, &self.outer);
        let told = attached.err().map(|error| format!("{error:#}")).unwrap_or_default();
        if told != self.told && !told.is_empty() {
            tracing::error!(
                "{} has no program, so that no BGP session can be up; it is tried again every second: \
                 {told}",
                self.outer
            );
        }
        self.told = told;
        self.carriers.follow(plan, states, &self.engine);
    }

    /// The router, for those who look.
    pub(super) fn view(&self, running: SharedRunning) -> Arc<dyn RouterView> {
        Arc::new(view::RouterLook::new(Arc::downgrade(&self.engine), running))
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

/// Looks whether the router, if there is one, can follow what was prepared for `config`. Where it can't, the preparation is
/// given up.
pub(super) fn prepare(
    router: Option<&Router>,
    config: &Config,
    prepared: Prepared,
) -> Result<(Prepared, Option<PreparedPlan>)> {
    let followed = router.map(|router| router.prepare(config, prepared.plan())).transpose();
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
    let held = router.filter(|_| prepared.moves_router()).map(|router| router.engine.tables());
    let (mut committed, watches_egress) = install::commit(set, prepared);
    if let (Some(held), Some(maps)) = (held, committed.router_maps.take())
        && let Err(error) = held.replace(KernelRouterTables::new(maps))
    {
        tracing::error!("routes stay as they are until a restart of edge: {error:#}");
    }
    (committed, watches_egress)
}
