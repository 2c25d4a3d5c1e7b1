//! The rates of the edge, for all clients that watch it at the same time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use edge_api::TrafficRates;
use tokio::{sync::Mutex, time::sleep};

use super::error::ApiError;
use crate::{
    daemon::snapshot::{Snapshot, Snapshots},
    rates::between::between,
};

/// Rates are over this time at least, and as old as that at most when they are asked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// Rates over more time than this tell nothing of the present: nobody has asked for a while, and the first client
/// waits for an interval.
const LONGEST: Duration = Duration::from_secs(15);

/// The last two looks at the edge. Without clients nothing is read; with many, one look a second.
pub(super) struct RateWatch {
    snapshots: Snapshots,
    last: Mutex<Option<Looked>>,
}

/// The last look, and the rates up to it.
struct Looked {
    at: Instant,
    snapshot: Arc<Snapshot>,
    rates: Option<Arc<TrafficRates>>,
}

impl RateWatch {
    pub(super) fn new(snapshots: Snapshots) -> Self {
        Self { snapshots, last: Mutex::default() }
    }

    /// The rates over the last second or, where other clients look less often, over up to [`LONGEST`].
    pub(super) async fn rates(&self) -> Result<Arc<TrafficRates>, ApiError> {
        // Clients that come meanwhile wait, and get the same rates.
        let mut last = self.last.lock().await;
        let before = match last.take() {
            Some(looked) if looked.at.elapsed() < LONGEST => looked,
            _ => self.look().await?,
        };
        if let Some(rates) = before.rates.clone().filter(|_| before.at.elapsed() < INTERVAL) {
            *last = Some(before);
            return Ok(rates);
        }
        sleep(INTERVAL.saturating_sub(before.at.elapsed())).await;
        let now = self.look().await?;
        let (from, to) = (before.snapshot, Arc::clone(&now.snapshot));
        // Thousands of circuits take a while: other clients are answered meanwhile.
        let rates =
            tokio::task::spawn_blocking(move || Arc::new(between(&from.status, &to.status)))
                .await
                .map_err(|error| ApiError::internal(&error))?;
        *last = Some(Looked { rates: Some(Arc::clone(&rates)), ..now });
        Ok(rates)
    }

    async fn look(&self) -> Result<Looked, ApiError> {
        let at = Instant::now();
        Ok(Looked { at, snapshot: self.snapshots.since(at).await?, rates: None })
    }
}
