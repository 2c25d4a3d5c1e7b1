//! Keeps BIRD running with the configuration of a plan.

use std::{
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use super::{
    control::BirdControl,
    error::{BirdError, Result},
    events::SpeakerEvent,
    flush::SpeakerTables,
    generate::SpeakerConfig,
    given_up,
    model::SpeakerPlan,
    process::{ANSWER, BirdProcess, BirdStart},
    program::BirdProgram,
    restarts::RestartWaits,
    setup::SpeakerSetup,
    version::BirdVersion,
};

/// Time between looks whether BIRD answers.
const LOOK: Duration = Duration::from_secs(1);

/// A configuration that BIRD has read and found good. It is not in effect.
#[derive(Debug)]
pub struct CheckedConfig {
    config: SpeakerConfig,
    tables: SpeakerTables,
}

/// Keeps BIRD running. Dropping it leaves BIRD as it is.
#[derive(Debug)]
pub struct BirdSupervisor {
    setup: SpeakerSetup,
    process: Option<BirdProcess>,
    tables: Option<SpeakerTables>,
    waits: RestartWaits,
    looked: Instant,
    /// The first look that had no answer, of those without an answer since.
    silent: Option<Instant>,
    /// Whether the kernel may have routes of domains that are gone.
    is_unflushed: bool,
}

impl BirdSupervisor {
    /// Finds the BIRD of an earlier daemon, or none. It starts none: [`Self::commit`] does, with a
    /// configuration.
    pub fn new(setup: SpeakerSetup) -> Result<Self> {
        setup.files.check()?;
        setup.files.make()?;
        let process = BirdProcess::adopt(&setup.files, &setup.netns)?;
        let now = Instant::now();
        let mut waits = RestartWaits::default();
        if process.is_some() {
            waits.started(now);
        }
        let is_unflushed = false;
        Ok(Self { setup, process, tables: None, waits, looked: now, silent: None, is_unflushed })
    }

    /// BIRD's process; `None`: it does not run.
    #[must_use]
    pub fn pid(&self) -> Option<i32> {
        self.process.as_ref().map(BirdProcess::pid)
    }

    /// A connection to the BIRD that runs.
    pub fn control(&self) -> Result<BirdControl> {
        BirdControl::connect(&self.setup.files.socket(), ANSWER)
    }

    /// The version whose abilities a plan may use: that of the BIRD that runs, which may have been
    /// started before another was installed, or of the one that will be.
    pub fn version(&self) -> Result<BirdVersion> {
        let installed = self.setup.program.version;
        // It may have died a moment ago.
        match BirdControl::listener(&self.setup.files.socket())? {
            Some(_) if self.process.is_some() => Ok(self.control()?.version().min(installed)),
            _ => Ok(installed),
        }
    }

    /// Looks at a plan and has BIRD read its configuration. Nothing changes, whatever it says.
    ///
    /// # Errors
    ///
    /// [`BirdError::Plan`] has every fault of the plan; [`BirdError::Refused`] has BIRD's words.
    pub fn check(&self, plan: &SpeakerPlan) -> Result<CheckedConfig> {
        let version = self.version()?;
        plan.look(version)?;
        let files = &self.setup.files;
        let config = SpeakerConfig::new(plan, version, &files.log());
        let check = || {
            files.write_candidate(&config)?;
            self.setup.program.check(&files.candidate())
        };
        let checked = check();
        files.drop_candidate()?;
        checked?;
        Ok(CheckedConfig { config, tables: SpeakerTables::of(plan) })
    }

    /// Puts a configuration in effect: of the sessions that it does not change, none notices. Where
    /// BIRD does not run, it is started.
    ///
    /// Routes of domains that are gone leave the kernel as soon as BIRD has let go of them.
    ///
    /// # Errors
    ///
    /// If BIRD refuses, the configuration before stays in effect, also for a restart.
    pub fn commit(&mut self, checked: CheckedConfig) -> Result<()> {
        let CheckedConfig { config, tables } = checked;
        let files = &self.setup.files;
        files.write_candidate(&config)?;
        if self.has_ended()? {
            self.process = None;
            let before = self.setup.files.read_current();
            self.setup.files.promote()?;
            // The tables of this plan, so that their routes from before are found.
            let tables_before = self.tables.replace(tables);
            if let Err(error) = self.start() {
                self.tables = tables_before;
                self.put_back(before)?;
                return Err(error);
            }
        } else {
            let configure = format!("configure \"{}\"", self.setup.files.candidate().display());
            let taken = self.control().and_then(|mut control| control.tell(&configure));
            if let Err(error) = taken {
                self.setup.files.drop_candidate()?;
                return Err(error);
            }
            self.setup.files.promote()?;
            self.tables = Some(tables);
        }
        self.is_unflushed = true;
        Ok(())
    }

    /// [`Self::check`] and [`Self::commit`].
    pub fn apply(&mut self, plan: &SpeakerPlan) -> Result<()> {
        let checked = self.check(plan)?;
        self.commit(checked)
    }

    /// Looks whether BIRD still runs and answers, and starts it again where it does not. It is
    /// called several times a second.
    pub fn keep(&mut self, now: Instant) -> Vec<SpeakerEvent> {
        let mut events = Vec::new();
        let Some(process) = &mut self.process else {
            // Before the first configuration, there is nothing to start it with.
            if self.tables.is_some() && self.waits.is_due(now) {
                events.push(self.start_again(now));
            }
            return events;
        };
        match process.ended() {
            Ok(Some(status)) => {
                self.process = None;
                let wait = self.waits.ended(now);
                events.push(SpeakerEvent::Ended { status, wait });
            }
            Ok(None) => {
                events.extend(self.look_for_answer(now));
                events.extend(self.flush());
            }
            Err(error) => events.push(failed(&error, Duration::ZERO)),
        }
        events
    }

    /// Ends BIRD, and removes its files, and its routes from these kernel tables.
    pub fn remove(mut self, kernel_tables: RangeInclusive<u32>) -> Result<()> {
        if let Some(process) = self.process.take() {
            process.stop()?;
        }
        SpeakerTables::unused(kernel_tables).flush(&self.setup.netns)?;
        self.setup.files.remove()
    }

    fn start(&mut self) -> Result<()> {
        let SpeakerSetup { program, files, netns, .. } = &self.setup;
        let has_routes = match &self.tables {
            Some(tables) => tables.has_routes(netns)?,
            None => false,
        };
        let start = if has_routes { BirdStart::Recovery } else { BirdStart::Fresh };
        let process = BirdProcess::start(program, files, netns, start)?;
        self.process = Some(process);
        self.waits.started(Instant::now());
        self.silent = None;
        Ok(())
    }

    fn start_again(&mut self, now: Instant) -> SpeakerEvent {
        // The one that is installed may be another by now.
        let program = BirdProgram::find(Some(&self.setup.program.path));
        let started = program.and_then(|program| {
            self.setup.program = program;
            self.start()
        });
        match started {
            Ok(()) => SpeakerEvent::Restarted { pid: self.pid().unwrap_or(0) },
            Err(error) => failed(&error, self.waits.ended(now)),
        }
    }

    fn look_for_answer(&mut self, now: Instant) -> Vec<SpeakerEvent> {
        if now.saturating_duration_since(self.looked) < LOOK {
            return Vec::new();
        }
        self.looked = now;
        // Well below `hang`, so that it is the one that counts.
        let patience = (self.setup.hang / 4).min(ANSWER);
        let answer = BirdControl::connect(&self.setup.files.socket(), patience);
        match answer.and_then(|mut control| given_up::try_again(&mut control)) {
            Ok(sessions) => {
                self.silent = None;
                let tried = |session| SpeakerEvent::TriedAgain { session };
                sessions.into_iter().map(tried).collect()
            }
            Err(_) => self.without_answer(now).into_iter().collect(),
        }
    }

    fn without_answer(&mut self, now: Instant) -> Option<SpeakerEvent> {
        let mut process = self.process.take()?;
        if process.is_ending().is_ok_and(|is_ending| is_ending) {
            // The next look will find its end.
            self.process = Some(process);
            return None;
        }
        let since = now.saturating_duration_since(*self.silent.get_or_insert(now));
        if since < self.setup.hang {
            self.process = Some(process);
            return Some(SpeakerEvent::Hangs { since });
        }
        match process.kill() {
            Ok(()) => {
                self.waits.ended(now);
                Some(SpeakerEvent::Killed)
            }
            Err(error) => {
                self.process = Some(process);
                Some(failed(&error, Duration::ZERO))
            }
        }
    }

    fn has_ended(&mut self) -> Result<bool> {
        match &mut self.process {
            Some(process) => Ok(process.ended()?.is_some()),
            None => Ok(true),
        }
    }

    /// Makes the configuration before the failed one the current one again.
    fn put_back(&self, before: Option<SpeakerConfig>) -> Result<()> {
        let Some(before) = before else {
            return Ok(());
        };
        self.setup.files.write_candidate(&before)?;
        self.setup.files.promote()
    }

    /// Removes the routes of domains that are gone, once BIRD has finished with them: before, it
    /// could write one more.
    fn flush(&mut self) -> Option<SpeakerEvent> {
        let tables = self.tables.as_ref().filter(|_| self.is_unflushed)?;
        let speaker = self.control().and_then(|mut control| control.speaker());
        if speaker.map_or(true, |speaker| speaker.is_configuring) {
            return None;
        }
        match tables.flush(&self.setup.netns) {
            Ok(_) => {
                self.is_unflushed = false;
                None
            }
            Err(error) => Some(SpeakerEvent::Unflushed { error: format!("{error:#}") }),
        }
    }
}

fn failed(error: &BirdError, wait: Duration) -> SpeakerEvent {
    SpeakerEvent::Failed { error: format!("{error:#}"), wait }
}

mod renew;
#[cfg(test)]
mod tests;
