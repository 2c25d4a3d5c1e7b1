//! The engine as its owner has it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use super::{
    check,
    error::{EngineError, Result},
    events::EngineEvent,
    forwarding::{Forwarding, interfaces_of},
    guard::TablesGuard,
    kernel_view::read_table,
    listed::{self, ForwardedRoute},
    orders::{OrderSender, RouterOrder, order_channel},
    plan::RouterPlan,
    poller::SessionPoller,
    prepared::{PreparedPlan, PreparedSpeaker},
    rebuild::FOLLOWED_PROTOCOLS,
    settings::EngineSettings,
    shared::EngineShared,
    speaker::{ReceivedRoutes, Speaker},
    state::{RouterState, RoutingPort, SpeakerView},
    tables::RouterTables,
    worker::RouterWorker,
};
use crate::{
    report::Told,
    routing::{
        bird::{error::BirdError, names::SessionName, state::routes::BirdRoute},
        devices::{RoutingNamespace, Teardown},
        feed::tables::TableDump,
    },
};

/// The engine. Dropping it ends its threads, and leaves tables, devices and BIRD as they are: the next one takes them over.
pub struct RouterEngine<T: RouterTables> {
    shared: Arc<EngineShared<T>>,
    settings: EngineSettings,
    orders: OrderSender,
    thread: Option<JoinHandle<()>>,
    poller: SessionPoller,
    /// Held while a plan is put in effect.
    committing: Mutex<()>,
}

impl<T: RouterTables> RouterEngine<T> {
    /// Makes the routing namespace, or takes it as it is, and takes the tables over. Nothing in them changes before the
    /// first plan, but for roots whose trees are damaged. `told` hears of events, on threads of the engine's.
    ///
    /// The calling thread is in edge's own network namespace.
    pub fn start(
        settings: EngineSettings,
        tables: T,
        told: impl FnMut(EngineEvent) + Send + 'static,
    ) -> Result<Self> {
        let namespace = RoutingNamespace::open(settings.namespace.clone())?;
        let (forwarding, broken) = Forwarding::new(tables)?;
        let shared = Arc::new(EngineShared::new(forwarding, Box::new(told)));
        for (_, text) in interfaces_of(&broken) {
            shared.tell(EngineEvent::Note(text));
        }
        let (orders, receiver) = order_channel()?;
        let worker = RouterWorker::new(settings.clone(), Arc::clone(&shared), receiver, namespace);
        worker.show_port();
        let thread = thread::Builder::new().name("routing".to_owned()).spawn(|| worker.run())?;
        let poller = SessionPoller::start(Arc::clone(&shared))?;
        let committing = Mutex::default();
        Ok(Self { shared, settings, orders, thread: Some(thread), poller, committing })
    }

    /// [`Self::prepare`] and [`Self::commit`].
    pub fn follow(&self, plan: RouterPlan) -> Result<()> {
        self.commit(self.prepare(plan)?)
    }

    /// Looks at a plan, and has BIRD read its configuration. Nothing changes, whatever it says.
    pub fn prepare(&self, plan: RouterPlan) -> Result<PreparedPlan> {
        check::devices(&plan)?;
        let Some(settings) = &plan.speaker else {
            return Ok(PreparedPlan { plan: Arc::new(plan), speaker: None });
        };
        let speaker = if let Some(speaker) = self.shared.speaker() {
            speaker.check(settings)?;
            speaker
        } else {
            let shared = Arc::clone(&self.shared);
            let told = move |event| shared.tell(EngineEvent::Speaker(event));
            Speaker::start(settings, &self.settings.namespace.path(), told)?
        };
        let (checked, version) = speaker.check_plan(&settings.plan)?;
        let listeners = settings.plan.listeners(version);
        let speaker = Some(PreparedSpeaker { speaker, checked, listeners });
        Ok(PreparedPlan { plan: Arc::new(plan), speaker })
    }

    /// Puts a plan in effect: devices, then BIRD, then all that is followed. Forwarding tables of domains that are new
    /// have no routes until the kernel's tables have been read, a moment later.
    ///
    /// # Errors
    ///
    /// Where devices or BIRD refuse, the plan before stays in effect.
    pub fn commit(&self, prepared: PreparedPlan) -> Result<()> {
        let _one = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let PreparedPlan { plan, speaker } = prepared;
        self.shared.forwarding().check(&plan)?;
        let done = self.orders.ask(|answer| RouterOrder::Devices(Arc::clone(&plan), answer));
        let done = done.and_then(|()| match speaker {
            Some(prepared) => {
                prepared.speaker.commit(prepared.checked)?;
                self.shared.set_speaker(Some(prepared.speaker));
                Ok(())
            }
            None => Ok(()),
        });
        if let Err(error) = done {
            self.orders.ask(RouterOrder::OwnDevices)?;
            return Err(error);
        }
        let before = Arc::clone(&self.shared.board().plan);
        self.orders.ask(|answer| RouterOrder::Follow(Arc::clone(&plan), answer))?;
        if plan.speaker.is_none() {
            self.remove_speaker(&before)?;
        }
        Ok(())
    }

    /// Notes that the ports of interfaces have a carrier, or have lost it. Frames take other ways at once.
    pub fn set_carrier(&self, indices: &BTreeSet<u32>, is_present: bool) -> Result<()> {
        self.shared.forwarding().set_carrier(indices, is_present);
        self.orders.give(RouterOrder::Carrier { indices: indices.clone(), is_present })
    }

    /// The state as it is now. Nothing is waited for.
    pub fn state(&self) -> RouterState {
        self.shared.board().state.clone()
    }

    /// The interface that leads to the routing namespace.
    pub fn port(&self) -> RoutingPort {
        self.shared.board().state.port.clone()
    }

    /// The last failure of something that all domains need; `None`: it works.
    pub fn error(&self) -> Option<String> {
        self.shared.board().state.error.clone()
    }

    /// The plan that is followed.
    pub fn plan(&self) -> Arc<RouterPlan> {
        Arc::clone(&self.shared.board().plan)
    }

    /// BIRD and its sessions as of the last look, a second ago at most; `None`: there is no BIRD, or no look yet.
    pub fn speaker(&self) -> Option<SpeakerView> {
        self.shared.view()
    }

    /// The routes of a domain's forwarding tables, by its kernel table; `None`: they were not made by this engine yet.
    pub fn routes(&self, table: u32) -> Option<Vec<ForwardedRoute>> {
        let tables = self.shared.board().tables.get(&table).cloned();
        tables.map(|tables| listed::list(&tables))
    }

    /// The routes of a domain in the kernel, read now, of those programs that the engine follows.
    pub fn kernel_routes(&self, table: u32) -> Result<TableDump> {
        let mut dump = read_table(&self.settings.namespace, table)?;
        if self.plan().speaker.is_some() {
            dump.keep_protocols(&FOLLOWED_PROTOCOLS);
        }
        Ok(dump)
    }

    /// Routes that the peer of a session told, asked for now.
    pub fn received(&self, name: SessionName) -> Result<ReceivedRoutes> {
        let plan = self.plan();
        let table = plan.interfaces().find(|(_, interface)| interface.index == name.index);
        let (domain, _) =
            table.ok_or_else(|| EngineError::plan(format!("there is no session {name}")))?;
        let mut control = self.running()?.control()?;
        Ok(ReceivedRoutes {
            accepted: control.accepted(domain.table, name)?,
            refused: control.refused(domain.table, name)?,
        })
    }

    /// Routes that the peer of a session is told, asked for now.
    pub fn advertised(&self, name: SessionName) -> Result<Vec<BirdRoute>> {
        Ok(self.running()?.control()?.advertised(name)?)
    }

    /// The tables, to read, or to go on with others. The engine writes none meanwhile: hold them for a moment only.
    pub fn tables(&self) -> TablesGuard<'_, T> {
        TablesGuard::new(self.shared.forwarding(), &self.orders)
    }

    /// Ends BIRD, removes its routes, the devices and the routing namespace, and clears the tables: no frame is routed
    /// any more.
    pub fn tear_down(mut self) -> Result<Teardown> {
        self.poller.end();
        let plan = self.plan();
        self.remove_speaker(&plan)?;
        let done = self.orders.ask(RouterOrder::TearDown);
        self.join();
        done
    }

    fn running(&self) -> Result<Arc<Speaker>> {
        self.shared.speaker().ok_or_else(|| {
            EngineError::Bird(BirdError::Missing(Told::new(
                "BIRD is not the speaker here, so nobody knows what peers told; `[routing] daemon` says who is",
            )))
        })
    }

    /// Ends the BIRD of a plan.
    fn remove_speaker(&self, plan: &RouterPlan) -> Result<()> {
        if let (Some(speaker), Some(settings)) = (self.shared.set_speaker(None), &plan.speaker) {
            self.shared.set_view(None);
            speaker.remove(settings.plan.kernel_tables.clone())?;
        }
        Ok(())
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that keeps the forwarding tables has panicked");
        }
    }
}

impl<T: RouterTables> Drop for RouterEngine<T> {
    fn drop(&mut self) {
        self.poller.end();
        // BIRD tells its events to what has it.
        drop(self.shared.set_speaker(None));
        // It has ended already, where nobody takes the order.
        let _ = self.orders.give(RouterOrder::End);
        self.join();
    }
}
