//! Another process of BIRD for the same work.

use super::BirdSupervisor;
use crate::routing::bird::{error::Result, netns::SpeakerNetns};

impl BirdSupervisor {
    /// Ends BIRD and starts the one that is installed now. The kernel and peers with graceful
    /// restart keep the routes meanwhile.
    pub fn restart(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
        }
        self.start()
    }

    /// Ends BIRD, and has it start in another namespace, in which the devices are from now on. Before the first
    /// configuration, none is started.
    pub fn move_to(&mut self, netns: SpeakerNetns) -> Result<()> {
        self.setup.netns = netns;
        if self.tables.is_some() {
            return self.restart();
        }
        match self.process.take() {
            Some(mut process) => process.kill(),
            None => Ok(()),
        }
    }
}
