//! The path at any uptime, with pauses of any length: a word of its clock wraps around after 2^52
//! ns, 52.12 days.

use crate::{
    frames::{QINQ_TAGS, frame, ipv4},
    tables::{QINQ, Run, qos_row, sample},
};
use edge_common::{
    Reason,
    abi::{
        attachment::Attachment,
        policer::{Bucket, Lease, Policer},
        qos::BurstShare,
        rate::{Rate, TICKS_PER_NS_LOG2},
    },
    host::{FixedClock, HostTables},
    policer::bucket,
};
use proptest::prelude::*;

/// After this, a clock's word begins anew.
const TURN_NS: u64 = 1 << 52;
const TURN_TICKS: u128 = 1 << 64;
const HOUR_NS: u64 = 3_600_000_000_000;
const DAY_NS: u64 = 24 * HOUR_NS;
const TWO_DAYS_NS: i64 = 172_800_000_000_000;
/// More than a word of these tests is ever ahead of the clock.
const ZONE_NS: u64 = 120_000_000_000;
const RATE_BPS: u64 = 10_000_000;
/// 50 ms.
const BURST_BYTES: u64 = 62_500;

/// A pause of any length, often one at which a sign, a turn or two turns come round.
fn any_pause_ns() -> impl Strategy<Value = u64> {
    let near = |quarters: u64, off_ns: i64| (quarters << 50).saturating_add_signed(off_ns);
    prop_oneof![
        0..TURN_NS * 8,
        (0u64..12, -200_000_000i64..200_000_000).prop_map(move |(q, off)| near(q, off)),
        (0u64..12, -TWO_DAYS_NS..TWO_DAYS_NS).prop_map(move |(q, off)| near(q, off)),
        prop::sample::select(vec![26, 27, 40, 52, 53, 60, 79, 80, 104]).prop_map(|d| d * DAY_NS),
    ]
}

/// One after which an hour has passed in every word, and none is ahead of the clock.
fn long_pause_ns() -> impl Strategy<Value = u64> {
    any_pause_ns().prop_filter("whole turns of the clock", |pause_ns| is_long(*pause_ns))
}

fn is_long(pause_ns: u64) -> bool {
    (HOUR_NS..TURN_NS - ZONE_NS).contains(&(pause_ns % TURN_NS))
}

/// Some words are not written in between.
fn no_sum_is_a_whole_turn(start_ns: u64, pauses: &[u64]) -> bool {
    let all = [&[start_ns], pauses].concat();
    let mut spans = (0..all.len()).flat_map(|from| (from + 1..=all.len()).map(move |to| from..to));
    spans.all(|span| is_long(all[span].iter().sum()))
}

/// The policer by its description, on a clock that never wraps around. [`Rate`] has the arithmetic
/// of lengths, this type that of time.
struct Reference {
    rate: Rate,
    tat_ticks: u128,
    credit_bytes: u32,
}

impl Reference {
    /// Whether a frame at `now_ticks` is within the rate.
    fn admit(&mut self, now_ticks: u128, len_bytes: u32) -> bool {
        if self.credit_bytes >= len_bytes {
            self.credit_bytes -= len_bytes;
            return true;
        }
        let ceiling = self.rate.ceiling_ticks(BurstShare::WHOLE);
        let frame_ticks = self.rate.ticks(len_bytes);
        let (lease_bytes, lease_ticks) = self.rate.lease(len_bytes, frame_ticks, ceiling);
        let ahead = self.ahead_ticks(now_ticks);
        if ahead + u128::from(frame_ticks) > ceiling.into() {
            return false;
        }
        self.tat_ticks = now_ticks + ahead + u128::from(lease_ticks);
        self.credit_bytes += lease_bytes - len_bytes;
        true
    }

    /// By `docs/policer.md`, a word behind the clock is taken for one ahead of it in the last
    /// `max_ahead_ticks` of each turn.
    fn ahead_ticks(&self, now_ticks: u128) -> u128 {
        let Some(behind_ticks) = now_ticks.checked_sub(self.tat_ticks) else {
            return self.tat_ticks - now_ticks;
        };
        let left_ticks = TURN_TICKS - behind_ticks % TURN_TICKS;
        if left_ticks <= self.rate.max_ahead_ticks().into() { left_ticks } else { 0 }
    }
}

proptest! {
    #[test]
    fn the_policer_does_what_it_would_on_a_clock_that_never_comes_round(
        start_ns in any_pause_ns(),
        rate_bps in prop::sample::select(vec![64_000u64, RATE_BPS, 10_000_000_000]),
        frames in prop::collection::vec(
            (prop_oneof![10 => 0u64..3_000_000, 1 => any_pause_ns()], 60u32..9000), 1..300),
    ) {
        let rate = Rate::new(rate_bps, 128_000).unwrap();
        let mut tables = sample(&qos_row(|arriving| arriving));
        tables.buckets.rates = vec![rate];
        let mut reference = Reference { rate, tat_ticks: 0, credit_bytes: 0 };
        let mut now_ns = u128::from(start_ns);
        for (gap_ns, len_bytes) in frames {
            now_ns += u128::from(gap_ns);
            let expected = reference.admit(now_ns << TICKS_PER_NS_LOG2, len_bytes);
            // The kernel's clock holds 584 years, of which the path uses the low bits.
            tables.buckets.clock = FixedClock(now_ns as u64);
            let own = Bucket { policer: 1, rate: 0 };
            let admission =
                bucket::admit(&mut tables, own, BurstShare::WHOLE, len_bytes).unwrap();
            prop_assert_eq!(admission.is_within(), expected, "at {} ns", now_ns);
        }
    }

    /// Circuit, peering, class and flows: the verdict on a frame is the same wherever the clock
    /// stands, and after any long pause it is that after an hour.
    #[test]
    fn no_frame_fares_better_or_worse_for_the_uptime(
        start_ns in long_pause_ns(),
        frames in prop::collection::vec((
            prop_oneof![100 => (0u64..2_000_000).prop_map(Ok), 1 => long_pause_ns().prop_map(Err)],
            0u8..3, 0u8..4, 100u16..1400,
        ), 1..400),
    ) {
        let pauses: Vec<u64> = frames.iter().filter_map(|(gap, ..)| gap.err()).collect();
        prop_assume!(no_sum_is_a_whole_turn(start_ns, &pauses));
        let (mut here, mut there) = (everything(), everything());
        let (mut here_ns, mut there_ns) = (HOUR_NS, start_ns);
        for (gap, dscp, flow, len_bytes) in frames {
            here_ns += gap.unwrap_or(HOUR_NS);
            there_ns += gap.unwrap_or_else(|pause_ns| pause_ns);
            let sent = of_flow(dscp, flow, len_bytes);
            let (mut left_here, mut left_there) = (sent.clone(), sent);
            let reason = here.run_at(&mut left_here, here_ns);
            prop_assert_eq!(there.run_at(&mut left_there, there_ns), reason, "{}", there_ns);
            prop_assert_eq!(left_here, left_there);
        }
        prop_assert_eq!(here.meters, there.meters);
        for ((here, here_lease), (there, there_lease)) in here.buckets.policers.iter().zip(&there.buckets.policers) {
            // When a sender was told is the clock's.
            let told = |lease: &Lease| Lease { told: 0, ..*lease };
            prop_assert_eq!(told(here_lease), told(there_lease));
            prop_assert_eq!(&here.sold_ticks, &there.sold_ticks);
            for (here, there) in here.windows.iter().zip(&there.windows) {
                prop_assert_eq!(&here.peak_ticks, &there.peak_ticks);
            }
        }
    }

    /// Around whole turns of the clock a burst may seem to be used as before, or overdrawn, but not
    /// for longer than `max_ahead_ticks`, nor its flows.
    #[test]
    fn no_pause_leaves_a_circuit_silent(
        start_ns in any_pause_ns(), pause_ns in any_pause_ns(), is_fair: bool,
    ) {
        let mut tables = circuit(is_fair);
        let rate = tables.buckets.rates[0];
        let max_ahead_ns = rate.max_ahead_ticks() >> TICKS_PER_NS_LOG2;
        let sent = of_flow(0, 0, 954);
        // One flow that uses up burst and queue.
        let mut now_ns = start_ns + max_ahead_ns;
        for _ in 0..200 {
            let _reason = tables.run_at(&mut sent.clone(), now_ns);
            now_ns += 10_000;
        }
        now_ns += pause_ns;
        // Then it sends at half of the rate.
        for at_ns in (0..4 * max_ahead_ns).step_by(1_600_000) {
            let reason = tables.run_at(&mut sent.clone(), now_ns + at_ns);
            // Two milliseconds: those in which a queue waits to be drained, and a frame.
            let is_silent = at_ns <= max_ahead_ns + 2_000_000 && !is_past(pause_ns, max_ahead_ns);
            prop_assert!(reason == Reason::Ok || is_silent, "{} ns later", at_ns);
        }
    }

    /// The sales of two bursts are no peak of one moment, unless they came in one.
    #[test]
    fn windows_close_after_any_pause(start_ns in long_pause_ns(), pause_ns in any_pause_ns()) {
        let mut tables = circuit(false);
        let rate = tables.buckets.rates[0];
        let max_ahead_ns = rate.max_ahead_ticks() >> TICKS_PER_NS_LOG2;
        let mut now_ns = start_ns + max_ahead_ns;
        let frame_ticks = rate.ticks(1000);
        let mut sold_ticks = [0, 0];
        for sold_ticks in &mut sold_ticks {
            for _ in 0..20 {
                let reason = tables.run_at(&mut of_flow(0, 0, 954), now_ns);
                *sold_ticks += if reason == Reason::Ok { frame_ticks } else { 0 };
            }
            now_ns += pause_ns;
        }
        // Another, a second later, closes the last window.
        now_ns -= pause_ns;
        let _reason = tables.run_at(&mut of_flow(0, 0, 954), now_ns + 1_000_000_000);
        let [first, second] = sold_ticks;
        for (window, len_ns) in tables.buckets.policers[1].0.windows.iter().zip([1_000_000, 100_000_000]) {
            let left_ns = TURN_NS - pause_ns % TURN_NS;
            let is_one = pause_ns % TURN_NS < len_ns || left_ns < 2_000_000;
            let most_ticks = if is_one { first + second } else { first.max(second) };
            prop_assert!(window.peak_ticks.get() <= most_ticks, "{:?}", window);
            prop_assert!(window.peak_ticks.get() >= second, "{:?}", window);
        }
    }
}

/// Whether a bucket's whole burst is free after such a pause, and whether it seems to be.
fn is_past(pause_ns: u64, max_ahead_ns: u64) -> bool {
    (max_ahead_ns..TURN_NS - max_ahead_ns - 2_000_000).contains(&(pause_ns % TURN_NS))
}

/// Two CPUs that drain at once may take more from a queue than it holds.
#[test]
fn a_queue_with_less_than_nothing_holds_up_nobody() {
    let mut tables = circuit(true);
    for queue in &tables.buckets.flow_queues[1].queues_ticks {
        queue.set(10u64.wrapping_neg());
    }
    for ns in 0..10 {
        assert_eq!(tables.run_at(&mut of_flow(0, 0, 954), HOUR_NS + ns), Reason::Ok);
    }
}

/// A circuit whose flows are told apart, or are not.
fn circuit(is_fair: bool) -> HostTables {
    let mut tables = sample(&qos_row(|arriving| arriving));
    tables.buckets.rates = vec![Rate::new(RATE_BPS, BURST_BYTES).unwrap()];
    let attachment = &mut tables.attachments[QINQ as usize];
    attachment.policer = 1;
    attachment.flow_queues = u32::from(is_fair);
    tables
}

/// The same with a peering and a class that have a bandwidth.
fn everything() -> HostTables {
    let mut tables = circuit(true);
    let rate = |part: u64| Rate::new(RATE_BPS / part, BURST_BYTES / part).unwrap();
    tables.buckets.rates = vec![rate(1), rate(2), rate(5)];
    tables.buckets.policers = (0..4).map(|_| (Policer::default(), Lease::default())).collect();
    tables.limits[QINQ as usize].peering = Bucket { policer: 2, rate: 1 };
    tables.limits[QINQ as usize].classes[1] = Bucket { policer: 3, rate: 2 };
    tables.attachments[QINQ as usize].flags = Attachment::HAS_LIMITS;
    tables
}

/// A frame of this flow, of 22 bytes more than its packet, which has 20 and `payload` bytes.
fn of_flow(dscp: u8, flow: u8, payload: u16) -> Vec<u8> {
    let mut packet = ipv4(dscp << 2, payload + 4);
    packet[20..24].copy_from_slice(&[0x12, 0x34, 0x50, flow]);
    frame(&QINQ_TAGS, 0x0800, &packet)
}
