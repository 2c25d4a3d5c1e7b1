//! Settings of the router that a running daemon keeps.

use std::path::PathBuf;

use super::{MTU_BYTES, device::outer_name};
use crate::{
    config::Config,
    daemon::error::Result,
    plan::edge_number,
    routing::{
        bird::files::{SpeakerAccount, SpeakerFiles},
        devices::RoutingSettings,
    },
};

/// User of BIRD in Debian's package; without it, BIRD runs as root.
const ACCOUNT: &str = "bird";

/// The routing namespace; `None`: the configuration has no routed circuits.
pub(super) fn namespace(config: &Config) -> Result<Option<RoutingSettings>> {
    let Some(routing) = &config.routing else { return Ok(None) };
    let (netns, edge) = (&routing.netns, edge_number(&config.edge.name));
    Ok(Some(RoutingSettings::new(netns, &outer_name(netns), edge, MTU_BYTES)?))
}

/// The user that the speaker runs as; `None`: root.
pub(super) fn speaker_account() -> Result<Option<SpeakerAccount>> {
    Ok(SpeakerAccount::find(ACCOUNT)?)
}

/// The directory of the speaker's files, beside the control socket.
pub(super) fn speaker_directory(config: &Config) -> PathBuf {
    config.edge.control.with_extension("bird")
}

/// The speaker's files.
pub(super) fn speaker_files(config: &Config) -> Result<SpeakerFiles> {
    Ok(SpeakerFiles::new(speaker_directory(config), speaker_account()?))
}

/// Whether a running router could go on under another configuration: in the same namespace, as the same edge.
pub(in crate::daemon) fn is_same_place(now: &Config, next: &Config) -> bool {
    let place = |config: &Config| {
        let routing = config.routing.as_ref()?;
        Some((routing.netns.clone(), routing.table, edge_number(&config.edge.name)))
    };
    match (place(now), place(next)) {
        (Some(now), Some(next)) => now == next,
        _ => true,
    }
}

/// Whether the configuration's routing namespace is there already.
pub(in crate::daemon) fn namespace_is_there(config: &Config) -> Result<bool> {
    Ok(namespace(config)?.is_some_and(|settings| settings.path().exists()))
}
