//! A circuit over time.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State},
};
use edge_api::{CircuitHistory, ErrorDocument};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::super::{
    error::ApiError,
    shared::{self, InQuery, moment},
};
use crate::{
    billing::ledger::{HistoryQuery, Ledger, LedgerError},
    time,
    units::when,
};

/// Steps of an answer at most.
const MOST_STEPS: i64 = 2_016;
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// The longest time that may be asked for.
const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 400);
/// Steps that are chosen where none is asked for, in seconds.
const STEPS_S: [u32; 8] = [300, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400];

/// The part of a circuit's history that is asked for.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::server) struct HistorySelection {
    /// The time that the first step is in: `2026-01`, `2026-01-31` or `2026-01-31T12:00:00Z`; a day before the end, where
    /// it is not given. No more than 400 days before the end.
    from: Option<String>,
    /// The end of the last step, written in the same way; now, where it is not given.
    to: Option<String>,
    /// Length of a step: `5m` or a multiple that divides a day, such as `1h`. An answer has 2,016 steps at most; without
    /// this, steps are as short as that allows.
    step: Option<String>,
}

/// A circuit's traffic, drops and peaks over time.
///
/// They are those of the ledger's samples of five minutes, without the counts since the last checkpoint.
#[utoipa::path(
    get,
    path = "/v1/circuits/{name}/history",
    tag = "look",
    params(("name" = String, Path, description = "The circuit's name."), HistorySelection),
    responses(
        (status = OK, description = "Steps that something is known of: sums of counts, and the greatest peaks.", body = CircuitHistory),
        (status = BAD_REQUEST, description = "The query is wrong.", body = ErrorDocument),
        (status = NOT_FOUND, description = "Neither the edge nor its ledger has such a circuit.", body = ErrorDocument),
        (status = INTERNAL_SERVER_ERROR, description = "The ledger can't be read.", body = ErrorDocument),
    )
)]
pub(in crate::server) async fn history(
    State(state): State<shared::ServerState>,
    Path(name): Path<String>,
    InQuery(wanted): InQuery<HistorySelection>,
) -> Result<Json<CircuitHistory>, ApiError> {
    let range = wanted.range(time::wall())?;
    // The turn lasts as long as the reading, also where the client has gone.
    let turn = Arc::clone(&state.history_turns).acquire_owned().await;
    let turn = turn.map_err(|error| ApiError::internal(&error))?;
    let read = move || {
        let _turn = turn;
        read(&state, name, &range)
    };
    let history = tokio::task::spawn_blocking(read).await;
    Ok(Json(history.map_err(|error| ApiError::internal(&error))??))
}

/// The time and the steps that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HistoryRange {
    from: Timestamp,
    to: Timestamp,
    step_s: u32,
}

impl HistorySelection {
    fn range(&self, now: Timestamp) -> Result<HistoryRange, ApiError> {
        let to = moment("to", self.to.as_deref())?.unwrap_or(now);
        let from = moment("from", self.from.as_deref())?;
        let from = from.unwrap_or_else(|| to.checked_sub(DAY).unwrap_or(Timestamp::MIN));
        if from >= to {
            return Err(ApiError::bad_request("`from` is not before `to`"));
        }
        let length = to.duration_since(from);
        if length > LONGEST {
            return Err(ApiError::bad_request("ask for 400 days at most"));
        }
        let fits = |step_s: &u32| length.as_secs() / i64::from(*step_s) <= MOST_STEPS;
        let shortest = STEPS_S.into_iter().find(fits).unwrap_or(STEPS_S[7]);
        let step_s = match self.step.as_deref() {
            None => shortest,
            Some(text) => step(text)?,
        };
        if !fits(&step_s) {
            let error =
                format!("these are more than {MOST_STEPS} steps: give step={}m", shortest / 60);
            return Err(ApiError::bad_request(error));
        }
        Ok(HistoryRange { from, to, step_s })
    }
}

fn step(text: &str) -> Result<u32, ApiError> {
    let day_s = DAY.as_secs().unsigned_abs();
    let found = when::duration(text, Duration::from_secs(day_s)).ok();
    let found = found.filter(|step| step.subsec_nanos() == 0).map(|step| step.as_secs());
    let divides = |step_s: &u64| step_s.is_multiple_of(300) && day_s.is_multiple_of(*step_s);
    let found = found.filter(divides).and_then(|step_s| u32::try_from(step_s).ok());
    found.ok_or_else(|| {
        let error = format!(
            "step={text}: give a multiple of five minutes that divides a day, such as 5m or 1h"
        );
        ApiError::bad_request(error)
    })
}

fn read(
    state: &shared::ServerState,
    circuit: String,
    HistoryRange { from, to, step_s }: &HistoryRange,
) -> Result<CircuitHistory, ApiError> {
    let state_dir = state.engine.bookkeeper().status().state_dir;
    let (edge, is_there) = state.engine.edge_with(&circuit);
    let query = HistoryQuery { edge, circuit, from: *from, to: *to, step_s: *step_s };
    let found = match Ledger::open_read_only(&state_dir).and_then(|ledger| ledger.history(&query)) {
        // Nothing was ever booked.
        Err(LedgerError::NotFound { .. }) => None,
        found => found.map_err(|error| ApiError::internal(&error))?,
    };
    match found {
        Some(history) => Ok(history),
        None if !is_there => Err(ApiError::no_circuit(&query.circuit)),
        None => Ok(query.nothing()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(
        from: Option<&str>,
        to: Option<&str>,
        step: Option<&str>,
    ) -> Result<HistoryRange, String> {
        let [from, to, step] = [from, to, step].map(|text| text.map(str::to_owned));
        let now = "2026-06-15T12:34:56Z".parse().unwrap();
        HistorySelection { from, to, step }.range(now).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn answers_are_bounded() {
        let steps = |from, to| range(from, to, None).map(|range| range.step_s);
        assert_eq!(steps(None, None), Ok(300));
        assert_eq!(steps(Some("2026-06-08T12:34:56Z"), None), Ok(300), "a week");
        assert_eq!(steps(Some("2026-06-08"), None), Ok(900));
        assert_eq!(steps(Some("2026-03-07T12:00:00Z"), None), Ok(7_200), "a hundred days");
        assert_eq!(steps(Some("2025-06-01"), None), Ok(21_600));
        assert_eq!(
            range(Some("2026-06-01"), Some("2026-06-02"), Some("1h")).unwrap().step_s,
            3_600
        );
        for (from, to, step, expected) in [
            (Some("2026-06-16"), None, None, "not before"),
            (Some("2020-01-01"), None, None, "400 days"),
            (Some("2026-01-01"), None, Some("5m"), "step=120m"),
            (None, None, Some("7m"), "such as 5m"),
            (None, None, Some("0s"), "such as 5m"),
            (None, None, Some("2d"), "such as 5m"),
            (Some("yesterday"), None, None, "from=yesterday"),
        ] {
            let error = range(from, to, step).unwrap_err();
            assert!(error.contains(expected), "{from:?} {to:?} {step:?}: {error}");
        }
    }
}
