//! A circuit's own traffic in sentences.

use edge_api::{CircuitRates, CircuitStatus};

use super::{
    Why,
    course::{Course, DropCause, Lost},
};
use crate::{
    config::largest_burst_bytes,
    units::{about_bit_rate as rate, bit_rate, count, rounded_up_bytes, size_up_to},
};

pub(super) fn of_circuit(
    why: &Why,
    circuit: &CircuitStatus,
    rates: Option<&CircuitRates>,
) -> Vec<String> {
    let name = &why.circuit;
    let mut all = vec![format!(
        "{name} has purchased {}, for each direction and link.",
        bit_rate(why.bandwidth_bps)
    )];
    if !circuit.enabled {
        all.push(
            "It is disabled: each of its frames is dropped as circuit-disabled; `enabled = true` and a reload change that."
                .to_owned(),
        );
    }
    if let Some(rates) = rates {
        all.push(now(rates));
    }
    for (words, course) in [("From the customer", &why.inbound), ("To the customer", &why.outbound)]
    {
        all.push(of_direction(words, course, why.bandwidth_bps));
        all.extend(
            course.cause.as_ref().map(|cause| cause_of(name, cause, course, why.bandwidth_bps)),
        );
        all.extend(course.lost.iter().filter(|lost| !lost.is_over_rate()).map(other_loss));
    }
    all
}

fn now(rates: &CircuitRates) -> String {
    let of =
        |offered, delivered| format!("{} offered and {} delivered", rate(offered), rate(delivered));
    let drops: Vec<String> = rates
        .drops_fps
        .iter()
        .map(|(reason, fps)| format!("{} frames/s as {reason}", count(*fps)))
        .collect();
    let drops = if drops.is_empty() { "nothing".to_owned() } else { drops.join(", ") };
    format!(
        "Now, from the customer: {}; to the customer: {}; dropped: {drops}.",
        of(rates.offered_in_bps, rates.in_bps),
        of(rates.offered_out_bps, rates.out_bps),
    )
}

fn of_direction(words: &str, course: &Course, bandwidth_bps: u64) -> String {
    let (Some(offered_bps), Some(delivered_bps)) = (course.offered_bps, course.delivered_bps)
    else {
        return format!(
            "{words}: nothing is known of that time, as the meters were not read, or the circuit is new."
        );
    };
    if offered_bps == 0 && course.lost_frames() == 0 {
        return format!("{words}: no traffic.");
    }
    let share =
        |bps: u64| format!("{} %", u128::from(bps) * 100 / u128::from(bandwidth_bps.max(1)));
    let means = format!(
        "{words}, on average: {} offered ({} of the bandwidth), {} delivered",
        rate(offered_bps),
        share(offered_bps),
        rate(delivered_bps),
    );
    let peaks = format!(
        "at most {} over 1 ms and {} over 100 ms",
        rate(course.peak_1ms_bps),
        rate(course.peak_100ms_bps),
    );
    match course.lost_frames() {
        0 => format!("{means}, {peaks}; nothing was dropped."),
        frames => format!(
            "{means}, {peaks}; {} frames were dropped: {}.",
            count(frames),
            by_reason(&course.lost)
        ),
    }
}

fn by_reason(lost: &[Lost]) -> String {
    let all = lost.iter().map(|lost| {
        let class =
            lost.class.as_ref().map_or_else(String::new, |class| format!(" in class {class}"));
        format!("{} as {}{class}", count(lost.frames), lost.reason)
    });
    all.collect::<Vec<_>>().join(", ")
}

fn cause_of(name: &str, cause: &DropCause, course: &Course, bandwidth_bps: u64) -> String {
    let worst = course.worst.as_ref().map_or_else(String::new, |worst| {
        format!(
            "in the worst {} minutes, from {} on, {} were offered",
            worst.step_s / 60,
            worst.start,
            rate(worst.offered_bps)
        )
    });
    match cause {
        DropCause::Sustained => format!(
            "Cause: it is offered more than was purchased: {worst}. More bandwidth helps (`edge set-bandwidth {name:?} RATE`, for a \
             time with `--for`), or senders that slow down, which `ecn = \"mark\"` tells them before frames are lost; \
             `fairness = \"flow\"` lets no flow starve the others. A larger burst does not help."
        ),
        DropCause::OwnRate { rate_bps } => format!(
            "Cause: a peering or class has a bandwidth of its own of {}, which its traffic exceeds, though {worst}. A higher \
             `bandwidth` of that peering or class helps, or other traffic in another class.",
            bit_rate(*rate_bps)
        ),
        DropCause::Bursts { enough_bytes } => {
            let largest = largest_burst_bytes(bandwidth_bps);
            let burst = if rounded_up_bytes(*enough_bytes) <= largest {
                format!(
                    "with a `burst` of {} none of these would have been lost in a class that may use all of it; one \
                     that has a `burst_share` takes as much more",
                    size_up_to(*enough_bytes)
                )
            } else {
                format!(
                    "no `burst` is large enough for all of them (at most {} bytes)",
                    count(largest)
                )
            };
            format!(
                "Cause: bursts above the bandwidth that are larger than the bucket of {}, though {worst}. Pacing helps: a sender or \
                 router that shapes to {}; {burst}.",
                size_up_to(course.burst_bytes),
                bit_rate(bandwidth_bps),
            )
        }
    }
}

fn other_loss(lost: &Lost) -> String {
    let frames = count(lost.frames);
    if lost.is_refused() {
        return format!(
            "{frames} frames within the rate were refused by the device that they were to leave by, and are not billed: \
             its queue was full, it was down, or its MTU is smaller; `edge status` has the ports."
        );
    }
    format!(
        "{frames} frames were dropped as {}: docs/reasons.md has the cause and what to do.",
        lost.reason
    )
}
