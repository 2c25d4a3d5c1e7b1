//! The engine's look at the ports, and the repair of those that have lost their program.

use std::time::{Duration, Instant};

use super::{
    super::{
        interfaces::InterfaceChoice,
        ports::{Failed, PortStates, follow_links, restore_egress},
        router,
    },
    instance::Instance,
    running::Running,
};
use crate::daemon::error::Result;

/// After this time, the daemon tries again to attach a port even if nothing has changed.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(10);

impl Instance {
    /// Looks whether each port's program runs where it should, and attaches it again where it can. Routed circuits
    /// follow the MTUs of ports.
    pub(super) fn look_at_ports(&mut self) -> Result<()> {
        {
            let mut guard = self.running.write();
            let Running { installed, set, .. } = &mut *guard;
            follow_links(installed, &self.devices)?;
            restore_egress(set, installed);
        }
        let states = self.follow_router()?;
        let has_other_mtus = router::has_other_mtus(&self.running.read().installed.plan, &states);
        let is_due = has_other_mtus || states.values().any(|state| state.to_attach.is_some());
        if is_due && self.is_worth_a_try(&states) {
            let (config, drains) = {
                let running = self.running.read();
                (running.config.clone(), running.drains.clone())
            };
            let prepared = self.prepare(&config, InterfaceChoice::AsItIs).and_then(|prepared| {
                router::prepare(self.router.as_ref(), (&config, &drains), prepared)
            });
            match prepared {
                Ok((prepared, followed)) => {
                    self.commit(prepared, None);
                    if let Some((router, followed)) = self.router.as_mut().zip(followed) {
                        router.commit(followed);
                    }
                }
                Err(error) => {
                    let why = states.keys().map(|port| (port.clone(), format!("{error:#}")));
                    let failed = Failed { states: PortStates::new(), why: why.collect() };
                    self.running.write().failed = Some((failed, Instant::now()));
                }
            }
            let states = self.tell_of_ports()?;
            if let Some((failed, _)) = &mut self.running.write().failed {
                failed.states = states;
            }
        }
        Ok(())
    }

    /// Whether a port has changed since the last failure, so that another try may work.
    fn is_worth_a_try(&self, states: &PortStates) -> bool {
        self.running.read().failed.as_ref().is_none_or(|(failed, when)| {
            failed.is_outdated(states) || when.elapsed() >= TRY_AGAIN_AFTER
        })
    }

    /// Looks at the ports, and tells of what has changed.
    pub(super) fn tell_of_ports(&mut self) -> Result<PortStates> {
        let mut states = self.running.read().look_at_ports(&self.devices)?;
        // No reader waits meanwhile: a driver may take its time.
        let devices = states.values().filter_map(|state| state.device.as_ref());
        if let Some(settings) = self.links.follow(devices) {
            self.running.write().settings = settings;
        }
        let running = self.running.read();
        running.add_settings(&mut states);
        self.told.tell(&running.explain(states.clone()), &self.events);
        Ok(states)
    }

    /// Looks at the ports, and brings the router to them.
    pub(super) fn follow_router(&mut self) -> Result<PortStates> {
        let states = self.tell_of_ports()?;
        if let Some(router) = &mut self.router {
            let mut guard = self.running.write();
            let Running { config, drains, installed, set, .. } = &mut *guard;
            router.follow((config, drains), &installed.plan, set, &self.devices, &states);
            if !self.slot.is_set() {
                self.slot.set(Some(router.view(self.running.clone())));
            }
        }
        Ok(states)
    }
}
