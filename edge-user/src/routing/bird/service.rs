//! A thread that keeps BIRD running, whatever its owner is busy with.

use std::{
    ops::RangeInclusive,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{
    control::BirdControl,
    error::{BirdError, Context as _, Result},
    events::SpeakerEvent,
    model::SpeakerPlan,
    netns::SpeakerNetns,
    setup::SpeakerSetup,
    supervise::{BirdSupervisor, CheckedConfig},
    version::BirdVersion,
};

/// Time between looks at BIRD. A BIRD that was killed is back within this and
/// [`super::restarts`]' first wait.
const LOOK: Duration = Duration::from_millis(200);

/// A BIRD that is kept running. Dropping it ends the thread and leaves BIRD as it is.
#[derive(Debug)]
pub struct BirdService {
    work: Option<Sender<SpeakerWork>>,
    thread: Option<JoinHandle<BirdSupervisor>>,
}

/// Something to be done with the supervisor, on its thread.
type SpeakerWork = Box<dyn FnOnce(&mut BirdSupervisor) + Send>;

impl BirdService {
    /// Finds the BIRD of an earlier daemon, and keeps it. `told` hears of each event, on the
    /// thread.
    pub fn start(
        setup: SpeakerSetup,
        told: impl FnMut(SpeakerEvent) + Send + 'static,
    ) -> Result<Self> {
        let supervisor = BirdSupervisor::new(setup)?;
        let (work, works) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("bird".to_owned())
            .spawn(move || keep(supervisor, &works, told))
            .context("starting a thread for BIRD")?;
        Ok(Self { work: Some(work), thread: Some(thread) })
    }

    /// [`BirdSupervisor::check`].
    pub fn check(&self, plan: SpeakerPlan) -> Result<CheckedConfig> {
        self.run(move |supervisor| supervisor.check(&plan))
    }

    /// [`BirdSupervisor::commit`].
    pub fn commit(&self, checked: CheckedConfig) -> Result<()> {
        self.run(move |supervisor| supervisor.commit(checked))
    }

    /// [`BirdSupervisor::apply`].
    pub fn apply(&self, plan: SpeakerPlan) -> Result<()> {
        self.run(move |supervisor| supervisor.apply(&plan))
    }

    /// A connection of the caller's own to the BIRD that runs.
    pub fn control(&self) -> Result<BirdControl> {
        self.run(|supervisor| supervisor.control())
    }

    /// [`BirdSupervisor::version`].
    pub fn version(&self) -> Result<BirdVersion> {
        self.run(|supervisor| supervisor.version())
    }

    /// Has BIRD started anew in another namespace, without a wait for it: [`BirdSupervisor::move_to`]. Where that
    /// fails, it is tried again as after any end of BIRD.
    pub fn move_to(&self, netns: SpeakerNetns) {
        let work: SpeakerWork = Box::new(move |supervisor| {
            if let Err(error) = supervisor.move_to(netns) {
                tracing::warn!("BIRD can't be started in the new routing namespace: {error:#}");
            }
        });
        if let Some(thread) = &self.work {
            // A thread that has ended is told of by every other call.
            let _ = thread.send(work);
        }
    }

    /// BIRD's process; `None`: it does not run.
    pub fn pid(&self) -> Result<Option<i32>> {
        self.run(|supervisor| Ok(supervisor.pid()))
    }

    /// [`BirdSupervisor::remove`].
    pub fn remove(mut self, kernel_tables: RangeInclusive<u32>) -> Result<()> {
        self.end()?.remove(kernel_tables)
    }

    fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut BirdSupervisor) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answers) = mpsc::channel();
        let work: SpeakerWork = Box::new(move |supervisor| {
            // A caller that does not wait is gone.
            let _ = answer.send(work(supervisor));
        });
        let sent = self.work.as_ref().is_some_and(|thread| thread.send(work).is_ok());
        let answer = if sent { answers.recv().ok() } else { None };
        answer.unwrap_or_else(|| Err(BirdError::silent("the thread that keeps BIRD has ended")))
    }

    fn end(&mut self) -> Result<BirdSupervisor> {
        drop(self.work.take());
        let joined = self.thread.take().map(JoinHandle::join);
        match joined {
            Some(Ok(supervisor)) => Ok(supervisor),
            _ => Err(BirdError::silent("the thread that keeps BIRD has ended")),
        }
    }
}

impl Drop for BirdService {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn keep(
    mut supervisor: BirdSupervisor,
    works: &Receiver<SpeakerWork>,
    mut told: impl FnMut(SpeakerEvent),
) -> BirdSupervisor {
    loop {
        match works.recv_timeout(LOOK) {
            Ok(work) => work(&mut supervisor),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return supervisor,
        }
        for event in supervisor.keep(Instant::now()) {
            told(event);
        }
    }
}
