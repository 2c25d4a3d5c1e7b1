//! The command for a trace.

use tokio::sync::oneshot;

use super::{Engine, commands::Command, revising::Requester};
use crate::daemon::trace::{TraceFeed, TraceRefused, TraceRequest};

impl Engine {
    /// Begins a trace of frames. Only one can run.
    ///
    /// # Errors
    ///
    /// No port has another program.
    pub async fn trace(
        &self,
        request: TraceRequest,
        requester: Requester,
    ) -> Result<TraceFeed, TraceRefused> {
        let (reply, answer) = oneshot::channel();
        let commands = self.commands.clone();
        let _ended = self.commands.send(Command::Trace(request, requester, commands, reply));
        answer.await.unwrap_or(Err(TraceRefused::Ending))
    }
}
