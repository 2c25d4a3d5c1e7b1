//! Statements that have to be true of the routed demo's outcome.

use super::{account::RoutedAccount, scenario::RoutedOutcome, streams::StreamPlace};
use crate::{
    lab::{demo::verdict::Check, paced::PacedReport},
    units::count,
};

pub(super) fn check(outcome: &RoutedOutcome, account: &RoutedAccount) -> Vec<Check> {
    vec![
        nothing_lost_undisturbed(outcome),
        none_astray(account),
        traffic_flows_again(outcome),
        the_other_noticed_nothing(outcome),
        all_forwarded(account),
        books_agree(account),
    ]
}

fn nothing_lost_undisturbed(outcome: &RoutedOutcome) -> Check {
    let (sent, lost) = sums(outcome.undisturbed.iter());
    Check {
        holds: lost == 0,
        text: format!("before the cut, {} of {} frames are lost", count(lost), count(sent)),
    }
}

fn none_astray(account: &RoutedAccount) -> Check {
    Check {
        holds: account.astray_frames == 0,
        text: format!(
            "{} frames of one customer came to the other or to its virtual network, which have the same addresses",
            count(account.astray_frames)
        ),
    }
}

fn traffic_flows_again(outcome: &RoutedOutcome) -> Check {
    let streams = || outcome.cut.iter().filter(|(place, _)| place.circuit == outcome.cut_circuit);
    let (sent, lost) = sums(streams());
    let silence = streams().map(|(_, report)| report.silence).max().unwrap_or_default();
    let [to_customer, from_customer] = outcome.second_frames;
    let is_whole = streams().all(|(_, report)| report.lost_at_end == 0);
    Check {
        holds: is_whole && to_customer > 0 && from_customer > 0,
        text: format!(
            "the cut costs {} {} of {} frames; after {} ms at most, all flows again, by the secondary link",
            outcome.cut_circuit,
            count(lost),
            count(sent),
            silence.as_millis()
        ),
    }
}

fn the_other_noticed_nothing(outcome: &RoutedOutcome) -> Check {
    let others = outcome.cut.iter().filter(|(place, _)| place.circuit != outcome.cut_circuit);
    let (sent, lost) = sums(others);
    Check {
        holds: lost == 0,
        text: format!(
            "the other customer loses {} of {} frames meanwhile",
            count(lost),
            count(sent)
        ),
    }
}

fn all_forwarded(account: &RoutedAccount) -> Check {
    let sums = account.rows.iter().map(|row| (row.offered.frames, row.forwarded.frames));
    let (offered, forwarded) = sums.fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
    Check {
        holds: account.rows.iter().all(|row| row.offered == row.forwarded),
        text: format!(
            "of {} frames that came to the edge, it has forwarded {}",
            count(offered),
            count(forwarded)
        ),
    }
}

fn books_agree(account: &RoutedAccount) -> Check {
    let billed: u64 = account.rows.iter().map(|row| row.billed_bytes).sum();
    Check {
        holds: account.agrees(),
        text: format!(
            "each is on the wire, in the meters and in the ledger, to the byte, and the {} bytes outbound are billed",
            count(billed)
        ),
    }
}

/// Frames sent, and frames lost.
fn sums<'a>(streams: impl Iterator<Item = &'a (StreamPlace, PacedReport)>) -> (u64, u64) {
    streams.fold((0, 0), |(sent, lost), (_, report)| (sent + report.frames, lost + report.lost()))
}
