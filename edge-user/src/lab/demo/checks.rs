//! Statements that have to be true of the demo's outcome.

use edge_api::Status;

use super::{
    account::{DemoAccount, PeeringRow, mega, rate_bps},
    scenario::{AF31, CUSTOMER, EF, STRAYS, TrafficOutcome},
    verdict::Check,
};
use crate::{
    lab::{WireCount, WireKey},
    units::count,
};

/// A shared machine may hold up a sender, so a rate is met from a little below.
const LEAST_PERCENT: u64 = 90;
/// 25 ms of burst over the sample, and a margin for the clock.
const MOST_PERCENT: u64 = 103;

pub(super) fn check(
    outcome: &TrafficOutcome,
    account: &DemoAccount,
    status: &Status,
) -> Vec<Check> {
    let mut checks = vec![
        wire_agrees(account),
        ledger_agrees(account),
        nothing_vanished(account),
        flood_is_policed(outcome, account),
        voice_is_whole(outcome, account),
        marks_are_right(account),
    ];
    checks.extend(outcome.fabrikam.map(stream_keeps_to));
    checks.push(strays_are_counted(status));
    checks
}

fn wire_agrees(account: &DemoAccount) -> Check {
    let holds = account.rows.iter().all(|row| row.forwarded == row.arrived);
    let refused = refused_frames(account);
    let but = match refused {
        0 => String::new(),
        refused => format!("; {refused} that the lab's cables had no room for are none of them"),
    };
    Check { holds, text: format!("each frame and byte that the edge counts has arrived{but}") }
}

fn ledger_agrees(account: &DemoAccount) -> Check {
    let holds = account.rows.iter().all(|row| row.forwarded == row.booked);
    let billed: u64 = account.rows.iter().map(|row| row.billed_bytes).sum();
    let text =
        format!("each is in the ledger, and the {} bytes outbound are billed", count(billed));
    Check { holds, text }
}

fn refused_frames(account: &DemoAccount) -> u64 {
    account.rows.iter().map(|row| row.refused.frames).sum()
}

/// Before Linux 6.16, the senders' interfaces drop frames where the edge is behind, and tell how many
/// that were, not whose.
fn nothing_vanished(account: &DemoAccount) -> Check {
    let unsent = account.unsent_frames;
    let missing = |row: &PeeringRow| {
        let mut known = row.forwarded;
        known += row.dropped;
        known += row.refused;
        (row.offered.frames.checked_sub(known.frames), row.offered == known)
    };
    let missing: Vec<_> = account.rows.iter().map(missing).collect();
    let frames: Option<u64> = missing.iter().map(|(frames, _)| *frames).sum();
    let holds = frames == Some(unsent) && (unsent != 0 || missing.iter().all(|(_, same)| *same));
    let but = match unsent {
        0 => String::new(),
        unsent => format!("; {unsent} did not get onto the senders' cables"),
    };
    let text = format!("each frame and byte offered is forwarded, or counted as dropped{but}");
    Check { holds, text }
}

fn flood_is_policed(outcome: &TrafficOutcome, account: &DemoAccount) -> Check {
    let contoso = |key: &WireKey| key.s_vid == 100;
    let bought_bps = outcome.circuits.contoso_bps;
    let arrived_bps = rate_bps(account.at_core.sum(contoso), outcome.flood.elapsed.as_millis());
    let offered = WireCount { frames: outcome.flood.frames, bytes: outcome.flood.bytes };
    let offered_bps = rate_bps(offered, outcome.flood.elapsed.as_millis());
    Check {
        holds: meets(arrived_bps, bought_bps),
        text: format!(
            "contoso bought {} Mbit/s, floods with {}, and gets {}",
            mega(bought_bps),
            mega(offered_bps),
            mega(arrived_bps),
        ),
    }
}

fn voice_is_whole(outcome: &TrafficOutcome, account: &DemoAccount) -> Check {
    let voice = account.at_core.sum(|key| key.s_vid == 100 && key.dscp() == Some(EF));
    Check {
        holds: voice.frames + refused_frames(account) + account.unsent_frames
            >= outcome.voice.frames,
        text: format!(
            "of {} voice frames in that flood, {} arrive",
            count(outcome.voice.frames),
            count(voice.frames),
        ),
    }
}

fn marks_are_right(account: &DemoAccount) -> Check {
    let microsoft = |key: &WireKey| (key.s_vid, key.c_vid) == (100, 20);
    let unlisted = account.at_core.sum(|key| microsoft(key) && key.dscp() == Some(AF31));
    let cleared = account.at_core.sum(|key| microsoft(key) && key.dscp() == Some(0));
    Check {
        holds: unlisted.frames == 0 && cleared.frames != 0,
        text: format!(
            "DSCP {AF31}, which Microsoft peering does not list, leaves as 0: {} frames",
            count(cleared.frames),
        ),
    }
}

fn stream_keeps_to((bought_bps, seen_bps): (u64, u64)) -> Check {
    Check {
        // TCP under a policer does not always fill it, and the demo is not about that.
        holds: seen_bps * 100 <= bought_bps * MOST_PERCENT && seen_bps * 2 >= bought_bps,
        text: format!(
            "fabrikam bought {} Mbit/s, and its TCP stream takes {}",
            mega(bought_bps),
            mega(seen_bps),
        ),
    }
}

fn strays_are_counted(status: &Status) -> Check {
    let port = status.ports.iter().find(|port| port.name == CUSTOMER);
    let unmatched = port.and_then(|port| port.reasons.get("unmatched")).copied().unwrap_or(0);
    Check {
        holds: unmatched == STRAYS,
        text: format!("{unmatched} of {STRAYS} frames under unknown tags are counted as unmatched"),
    }
}

fn meets(seen_bps: u64, bought_bps: u64) -> bool {
    let percent = seen_bps * 100 / bought_bps;
    (LEAST_PERCENT..=MOST_PERCENT).contains(&percent)
}
