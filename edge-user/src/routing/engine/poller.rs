//! A thread that looks at BIRD's sessions, so that nobody who asks has to wait for BIRD.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{shared::EngineShared, tables::RouterTables};

/// Time between looks. A thousand sessions take BIRD 21 ms.
const LOOK: Duration = Duration::from_secs(1);

/// The thread.
pub(super) struct SessionPoller {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SessionPoller {
    pub(super) fn start<T: RouterTables>(shared: Arc<EngineShared<T>>) -> io::Result<Self> {
        let (end, ended) = mpsc::channel::<()>();
        let work = move || {
            while matches!(ended.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
                if let Some(speaker) = shared.speaker() {
                    let view = speaker.look(shared.view());
                    // It may have been removed meanwhile.
                    shared.set_view(shared.speaker().map(|_| view));
                }
            }
        };
        let thread = thread::Builder::new().name("bird-sessions".to_owned()).spawn(work)?;
        Ok(Self { end: Some(end), thread: Some(thread) })
    }

    /// Ends the thread.
    pub(super) fn end(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that looks at BIRD's sessions has panicked");
        }
    }
}

impl Drop for SessionPoller {
    fn drop(&mut self) {
        self.end();
    }
}
