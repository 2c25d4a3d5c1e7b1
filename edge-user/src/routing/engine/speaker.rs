//! BIRD as a part of the engine.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{
    error::{EngineError, Result},
    plan::SpeakerSettings,
    state::{SessionView, SpeakerView},
};
use crate::routing::bird::{
    control::BirdControl, error::Result as BirdResult, events::SpeakerEvent, files::SpeakerFiles,
    model::SpeakerPlan, netns::SpeakerNetns, program::BirdProgram, service::BirdService,
    setup::SpeakerSetup, state::routes::BirdRoute, supervise::CheckedConfig, version::BirdVersion,
};

/// Time for BIRD to answer a question.
const PATIENCE: Duration = Duration::from_secs(5);

/// A BIRD that is kept running.
pub(super) struct Speaker {
    /// `None`: BIRD was removed.
    service: Mutex<Option<BirdService>>,
    files: SpeakerFiles,
    settings: SpeakerSettings,
}

/// Routes that a peer told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedRoutes {
    /// Routes that the edge took, as they are after the import filter.
    pub accepted: Vec<BirdRoute>,
    /// Routes that it refused, as they came.
    pub refused: Vec<BirdRoute>,
}

impl Speaker {
    /// Finds the BIRD of an earlier daemon, and keeps it. None is started.
    pub(super) fn start(
        settings: &SpeakerSettings,
        namespace: &Path,
        told: impl FnMut(SpeakerEvent) + Send + 'static,
    ) -> Result<Arc<Self>> {
        let program = BirdProgram::find(settings.command.as_deref())?;
        let files = SpeakerFiles::new(settings.directory.clone(), settings.account);
        let netns = SpeakerNetns::open(namespace)?;
        let setup = SpeakerSetup { program, files: files.clone(), netns, hang: SpeakerSetup::HANG };
        let service = BirdService::start(setup, told)?;
        let service = Mutex::new(Some(service));
        Ok(Arc::new(Self { service, files, settings: settings.clone() }))
    }

    /// Refuses other settings than it was started with.
    pub(super) fn check(&self, settings: &SpeakerSettings) -> Result<()> {
        let of = |it: &SpeakerSettings| (it.command.clone(), it.directory.clone(), it.account);
        if of(settings) == of(&self.settings) {
            return Ok(());
        }
        Err(EngineError::plan(
            "BIRD's program, directory and user stay as they are while edge runs, and nothing was changed; restart \
             edge for others",
        ))
    }

    /// Has BIRD check a plan.
    pub(super) fn check_plan(&self, plan: &SpeakerPlan) -> Result<(CheckedConfig, BirdVersion)> {
        self.with(|service| Ok((service.check(plan.clone())?, service.version()?)))
    }

    /// Puts a checked plan in effect.
    pub(super) fn commit(&self, checked: CheckedConfig) -> Result<()> {
        self.with(|service| service.commit(checked))
    }

    /// Has BIRD started anew in the namespace that has this path now.
    pub(super) fn move_to(&self, namespace: &Path) -> Result<()> {
        let netns = SpeakerNetns::open(namespace)?;
        self.with(|service| {
            service.move_to(netns);
            Ok(())
        })
    }

    /// Ends BIRD, and removes its files and its routes in the kernel.
    pub(super) fn remove(&self, kernel_tables: RangeInclusive<u32>) -> Result<()> {
        match self.lock().take() {
            Some(service) => Ok(service.remove(kernel_tables)?),
            None => Ok(()),
        }
    }

    fn with<V>(&self, work: impl FnOnce(&BirdService) -> BirdResult<V>) -> Result<V> {
        match &*self.lock() {
            Some(service) => Ok(work(service)?),
            None => Err(EngineError::plan("BIRD was ended, as no plan wants it any more")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<BirdService>> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to the BIRD that runs.
    pub(super) fn control(&self) -> BirdResult<BirdControl> {
        BirdControl::connect(&self.files.socket(), PATIENCE)
    }

    /// A look at BIRD; where it does not answer, the sessions are those of the look before.
    pub(super) fn look(&self, before: Option<SpeakerView>) -> SpeakerView {
        let at = Instant::now();
        let look = || -> BirdResult<_> {
            let mut control = self.control()?;
            let speaker = control.speaker()?;
            let bfd = control.bfd_sessions()?;
            let mut sessions = BTreeMap::new();
            for bgp in control.sessions()? {
                let device = format!("r{}", bgp.name.index);
                let bfd = bfd.iter().find(|it| it.device == device && Some(it.peer) == bgp.peer);
                sessions.insert(bgp.name, SessionView { bfd: bfd.cloned(), bgp });
            }
            Ok((speaker, sessions))
        };
        match look() {
            Ok((speaker, sessions)) => SpeakerView { at, speaker: Ok(speaker), sessions },
            Err(error) => {
                let sessions = before.map(|before| before.sessions).unwrap_or_default();
                SpeakerView { at, speaker: Err(format!("{error:#}")), sessions }
            }
        }
    }
}
