//! Values with a range.

use std::ops::RangeInclusive;

use crate::routing::bird::model::{SpeakerPlan, faults::SpeakerFault, session::BgpSession};

/// A hold time below three seconds is not allowed (RFC 4271, 4.2).
const HOLD_S: RangeInclusive<u64> = 3..=65_535;
/// The field of a graceful restart's time has 12 bits (RFC 4724, 3).
const RESTART_S: RangeInclusive<u64> = 1..=4_095;
/// BFD's intervals: below 10 ms BIRD can't keep them, and above 60 s nobody waits.
const BFD_INTERVAL_US: RangeInclusive<u64> = 10_000..=60_000_000;
/// BFD's detection multiplier is not zero (RFC 5880, 6.8.1), and one packet may always be late.
const BFD_MULTIPLIER: RangeInclusive<u64> = 2..=255;
/// A path that is longer by more than this is refused by many networks.
const PREPENDS: RangeInclusive<u64> = 0..=16;

pub(super) fn look_edge(plan: &SpeakerPlan, faults: &mut Vec<SpeakerFault>) {
    let mut ranges = Ranges { place: "the edge", faults };
    ranges.check("the recovery wait in seconds", plan.recovery_wait_s.into(), 1..=3_600);
}

pub(super) fn look(session: &BgpSession, faults: &mut Vec<SpeakerFault>) {
    let mut ranges = Ranges { place: &session.name, faults };
    let timers = session.timers;
    ranges.check("the hold time in seconds", timers.hold_s.into(), HOLD_S);
    let longest = u64::from(timers.hold_s).max(1);
    ranges.check("the keepalive time in seconds", timers.keepalive_s.into(), 1..=longest);
    ranges.check("the connect retry time in seconds", timers.connect_retry_s.into(), 1..=3_600);
    let (shortest, longest) = timers.error_wait_s;
    ranges.check("the longest error wait in seconds", longest.into(), 1..=86_400);
    let most = u64::from(longest).max(1);
    ranges.check("the shortest error wait in seconds", shortest.into(), 1..=most);
    if let Some(time_s) = session.graceful_restart_s {
        ranges.check("the graceful restart time in seconds", time_s.into(), RESTART_S);
    }
    if let Some(bfd) = session.bfd {
        let interval_us = u64::try_from(bfd.interval.as_micros()).unwrap_or(u64::MAX);
        ranges.check("the BFD interval in microseconds", interval_us, BFD_INTERVAL_US);
        ranges.check("the BFD multiplier", bfd.multiplier.into(), BFD_MULTIPLIER);
    }
    // BIRD takes 0 for no limit.
    let most = u64::try_from(i32::MAX).unwrap_or(u64::MAX);
    ranges.check("the limit of IPv4 routes", session.limits.v4.into(), 1..=most);
    ranges.check("the limit of IPv6 routes", session.limits.v6.into(), 1..=most);
    ranges.check("prepending", session.export.prepends.into(), PREPENDS);
}

struct Ranges<'a> {
    place: &'a str,
    faults: &'a mut Vec<SpeakerFault>,
}

impl Ranges<'_> {
    fn check(&mut self, what: &'static str, value: u64, range: RangeInclusive<u64>) {
        if !range.contains(&value) {
            let (least, most) = range.into_inner();
            let place = self.place.to_owned();
            self.faults.push(SpeakerFault::Range { place, what, value, least, most });
        }
    }
}
