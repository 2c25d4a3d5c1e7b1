//! The availability of routed peerings in a month.

use edge_api::Availability;
use jiff::Timestamp;

use super::today;
use crate::{
    billing::{
        availability::{availability, last_minute, seen_until},
        ledger::Ledger,
        rating::Month,
    },
    daemon::error::Result,
};

/// The availability of all routed peerings, or of those of a circuit, in `month`, from a ledger.
///
/// # Errors
///
/// The ledger or the clocks can't be read.
pub fn month_availability(
    ledger: &Ledger,
    month: Month,
    circuit: Option<&str>,
) -> Result<Availability> {
    let now = today(ledger)?;
    let mut found = availability_so_far(ledger, month, circuit, now)?;
    if now < month.end() {
        found.warnings.push(if now < month.start() {
            format!("{month} has not begun")
        } else {
            format!("{month} is not over: minutes are those so far")
        });
    }
    Ok(found)
}

/// The availability of a month up to `now`, without a word on a month that is not over.
pub(super) fn availability_so_far(
    ledger: &Ledger,
    month: Month,
    circuit: Option<&str>,
    now: Timestamp,
) -> Result<Availability> {
    let mut histories = ledger.link_histories()?;
    if let Some(circuit) = circuit {
        histories.links.retain(|link| link.name.circuit == circuit);
    }
    let seen = seen_until(&histories, (month.start(), month.end()), now);
    let until = last_minute(month.start(), seen);
    let peerings = availability(&histories, month.start(), seen);
    let mut warnings = Vec::new();
    let expired = histories.expired_until.filter(|expired| *expired > month.start());
    if let Some(expired) = expired {
        warnings.push(format!(
            "states of links before {expired:.0}: deleted by age, and not in these figures"
        ));
    }
    let is_unseen = histories.known_until.is_some_and(|known| known < seen);
    if is_unseen && !peerings.is_empty() {
        warnings.push(
            "no daemon looks at links now: minutes since the last look are unknown, until the next daemon has asked the \
             BGP speaker since when sessions are up"
                .to_owned(),
        );
    }
    Ok(Availability {
        month: month.to_string(),
        from: month.start(),
        until,
        peerings,
        is_complete: expired.is_none(),
        warnings,
    })
}
