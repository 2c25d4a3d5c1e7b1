//! The end of a router: the speaker ends, and the routing namespace goes with its devices.

use super::settings::{namespace, speaker_files};
use crate::{
    config::Config,
    daemon::error::Result,
    routing::{
        bird::{netns::SpeakerNetns, process::BirdProcess},
        devices,
    },
};

/// Ends the speaker and removes all that edge has made for routing. Returns whether there was anything.
pub(in crate::daemon) fn tear_down(config: &Config) -> Result<bool> {
    let Some(settings) = namespace(config)? else { return Ok(false) };
    let mut was_any = false;
    if settings.path().exists() {
        let files = speaker_files(config)?;
        let netns = SpeakerNetns::open(&settings.path())?;
        if let Some(process) = BirdProcess::adopt(&files, &netns)? {
            process.stop()?;
            was_any = true;
        }
        files.remove()?;
    }
    let done = devices::tear_down(&settings)?;
    for left in done.left {
        tracing::warn!("{left}");
    }
    Ok(was_any || done.has_removed)
}
