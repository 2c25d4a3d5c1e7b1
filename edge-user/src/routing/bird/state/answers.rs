//! Questions to a BIRD that runs, with typed answers.

use super::{
    bfd::{BfdSessionState, bfd_sessions},
    bgp::{BgpSessionState, sessions},
    routes::{BirdRoute, routes},
    speaker::{SpeakerState, speaker},
};
use crate::routing::bird::{
    control::BirdControl,
    error::Result,
    model::AddressFamily,
    names::{self, SessionName},
};

impl BirdControl {
    /// BIRD itself.
    pub fn speaker(&mut self) -> Result<SpeakerState> {
        speaker(&self.tell("show status")?)
    }

    /// Every BGP session. A thousand take BIRD 21 ms.
    pub fn sessions(&mut self) -> Result<Vec<BgpSessionState>> {
        sessions(&self.tell("show protocols all")?)
    }

    /// One BGP session; `None`: BIRD's configuration has no such session.
    pub fn session(&mut self, name: SessionName) -> Result<Option<BgpSessionState>> {
        /// BIRD's code for a pattern that no protocol matches.
        const NO_MATCH: u16 = 8003;
        let command = format!("show protocols all \"{name}\"");
        let reply = self.ask(&command)?;
        if reply.code == NO_MATCH {
            return Ok(None);
        }
        Ok(sessions(&reply)?.pop())
    }

    /// Every BFD session.
    pub fn bfd_sessions(&mut self) -> Result<Vec<BfdSessionState>> {
        bfd_sessions(&self.tell("show bfd sessions")?)
    }

    /// Routes that a peer told and the edge took, as they are after the import filter.
    pub fn accepted(&mut self, kernel_table: u32, name: SessionName) -> Result<Vec<BirdRoute>> {
        let table = names::table(kernel_table, name.family);
        routes(&self.tell(&format!("show route table {table} protocol {name} all"))?)
    }

    /// Routes that a peer told and the edge refused, as they came.
    pub fn refused(&mut self, kernel_table: u32, name: SessionName) -> Result<Vec<BirdRoute>> {
        let table = names::table(kernel_table, name.family);
        routes(&self.tell(&format!("show route table {table} filtered protocol {name} all"))?)
    }

    /// Routes that a peer is told, as they are after the export filter; none where the session is not up.
    pub fn advertised(&mut self, name: SessionName) -> Result<Vec<BirdRoute>> {
        /// BIRD's words about a session without a channel that is up (`rt_show_prepare_tables` in `nest/rt-show.c`).
        const NO_CHANNEL: &str = "No valid tables";
        let command = format!("show route export {name} all");
        let reply = self.ask(&command)?;
        if reply.text == NO_CHANNEL {
            return Ok(Vec::new());
        }
        routes(&Self::checked(&command, reply)?)
    }

    /// The best routes of a domain.
    pub fn best(&mut self, kernel_table: u32, family: AddressFamily) -> Result<Vec<BirdRoute>> {
        let table = names::table(kernel_table, family);
        routes(&self.tell(&format!("show route table {table} primary all"))?)
    }
}
