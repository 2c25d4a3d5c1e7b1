//! The configuration in a snapshot.

use edge_api::{ConfigStatus, UnconfirmedChange};

use super::super::{
    engine::running::{AwaitedChange, Running},
    unconfirmed,
};

/// The configuration that runs, and whether it waits for a confirmation.
pub(super) fn config_status(running: &Running) -> ConfigStatus {
    let waits = running.unconfirmed.as_ref();
    // Without a clock nothing is known of the deadline, and the engine tells of it.
    let unconfirmed = waits.and_then(|AwaitedChange { record, fault }| {
        let now = unconfirmed::now().ok()?;
        Some(UnconfirmedChange {
            until: record.until(&now),
            left_s: record.left(&now).unwrap_or_default().as_secs_f64(),
            user: record.user.clone(),
            message: record.message.clone(),
            fault: fault.clone(),
        })
    });
    ConfigStatus { digest: running.digest.to_string(), file_fault: None, unconfirmed }
}
