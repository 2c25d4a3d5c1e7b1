//! The running data plane, as its readers see it: the engine's thread alone changes it.

use std::{
    borrow::Cow,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Instant,
};

use super::super::{
    drains::Drains,
    install::{Installed, Set},
    known_uses::KnownUses,
    link_watch::SettingsByIndex,
    policers::Peaks,
    port_warnings,
    ports::{Failed, PortStates, look},
    sandbox::Sandbox,
    timed_bandwidth::TimedBandwidths,
    unconfirmed::Unconfirmed,
};
use crate::{
    config::{Config, ConfigDigest},
    daemon::error::Result,
    kernel::{Pins, host::device::Devices, read::books::Books},
};

/// A configuration, and the tables and links that the kernel has of it.
pub(in crate::daemon) struct Running {
    pub(in crate::daemon) config: Config,
    /// The configuration's digest.
    pub(in crate::daemon) digest: ConfigDigest,
    pub(in crate::daemon) installed: Installed,
    pub(in crate::daemon) set: Set,
    /// Earlier tables that are not booked yet. No program counts in them any more, but for those of
    /// ports that still wait for another program.
    pub(in crate::daemon) others: Vec<(Pins, Arc<Books>)>,
    /// Whether refusals of devices are counted.
    pub(in crate::daemon) watches_egress: bool,
    pub(in crate::daemon) peaks: Peaks,
    /// The last attempt to attach ports again, if it failed for some.
    pub(in crate::daemon) failed: Option<(Failed, Instant)>,
    /// Number of changes of slots and tables so far: readings before and after a change don't
    /// belong together.
    pub(in crate::daemon) generation: u64,
    /// Settings of the ports' interfaces, as they were when those were last asked.
    pub(in crate::daemon) settings: SettingsByIndex,
    /// The use of the ports by the configuration.
    pub(in crate::daemon) uses: KnownUses,
    /// The last change, while it waits for its confirmation.
    pub(in crate::daemon) unconfirmed: Option<AwaitedChange>,
    /// Bandwidths that end at a time, which `config` has.
    pub(in crate::daemon) timed: TimedBandwidths,
    /// Links out of use.
    pub(in crate::daemon) drains: Drains,
    /// The sandbox that this process has entered.
    pub(in crate::daemon) sandbox: Option<Sandbox>,
}

/// A change that waits for its confirmation.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct AwaitedChange {
    pub(in crate::daemon) record: Unconfirmed,
    /// The reason why it is still there after its deadline.
    pub(in crate::daemon) fault: Option<String>,
}

impl Running {
    /// The configuration without bandwidths that end at a time, as a file has it.
    pub(in crate::daemon) fn of_file(&self) -> Cow<'_, Config> {
        let mut config = Cow::Borrowed(&self.config);
        if !self.timed.0.is_empty() {
            self.timed.take_off(config.to_mut());
        }
        config
    }

    /// The digest of that.
    pub(in crate::daemon) fn digest_of_file(&self) -> String {
        if self.timed.0.is_empty() {
            return self.digest.to_string();
        }
        let mut digest = self.digest.clone();
        for timed in &self.timed.0 {
            if let Ok((place, circuit)) = self.config.circuit_at(&timed.circuit, timed.then_bps) {
                digest.change(place, &circuit);
            }
        }
        digest.to_string()
    }

    /// The ports, as the kernel has them now.
    pub(in crate::daemon) fn look_at_ports(&self, devices: &Devices) -> Result<PortStates> {
        let mut states = look(&self.config, &self.installed, &self.set, devices)?;
        self.add_settings(&mut states);
        Ok(states)
    }

    /// Adds what is known of the ports' interfaces and of their use.
    pub(super) fn add_settings(&self, states: &mut PortStates) {
        for state in states.values_mut() {
            let index = state.device.as_ref().map(|device| device.ifindex);
            state.settings = index.and_then(|index| self.settings.get(&index).cloned());
        }
        let uses = self.uses.of(&self.config, &self.digest);
        port_warnings::add_uses(&self.config, &uses, states);
    }

    /// Adds the reason to the faults of ports that could not be attached again.
    pub(in crate::daemon) fn explain(&self, mut states: PortStates) -> PortStates {
        if let Some((failed, _)) = &self.failed {
            failed.explain(&mut states);
        }
        states
    }
}

/// The running data plane, shared by the engine and its readers.
#[derive(Clone)]
pub(in crate::daemon) struct SharedRunning(Arc<RwLock<Running>>);

impl SharedRunning {
    pub(super) fn new(running: Running) -> Self {
        Self(Arc::new(RwLock::new(running)))
    }

    /// Holds the data plane as it is for a reader. The engine waits meanwhile: be quick.
    pub(in crate::daemon) fn read(&self) -> RwLockReadGuard<'_, Running> {
        // A panic of the engine ends the daemon.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Running> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
