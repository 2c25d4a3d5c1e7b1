//! Step 6, the policer: one rate for all CPUs, at the price of a subtraction a frame.
//!
//! A policer is one shared word, the theoretical arrival time of the generic cell rate algorithm
//! (ITU-T I.371, annex A): how far the bytes sold so far reach at the purchased rate. A CPU buys
//! a lease, a few microseconds' worth of bytes, by moving that word on with a compare-and-swap;
//! frames are paid from the lease without reading the clock or touching a line that another CPU
//! writes. Bytes are sold only while the word is less than the class's share of the burst ahead
//! of the clock, so that lower classes run dry first, and only the word, never a CPU's lease,
//! decides the rate.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    attachment::Attachment,
    qos::BurstShare,
    rate::{Rate, TICKS_PER_NS_LOG2},
    reason::Reason,
    tables::{Clock, Tables, Word},
};

/// Attempts at the shared word before the frame is let through on debt.
const MAX_ATTEMPTS: u32 = 4;

/// What one CPU holds of a policer.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Lease {
    /// The rate at which `credit_bytes` were bought.
    pub rate: u32,
    /// Zero.
    pub reserved: u32,
    /// Bytes paid for and not yet sent, by [`BurstShare::level`]: what voice bought in head-room
    /// that is voice's alone is not default's to spend.
    pub credit_bytes: [u32; BurstShare::LEVELS],
    /// Leases bought.
    pub leases: u64,
    /// Attempts that lost the shared word to another CPU.
    pub retries: u64,
    /// Frames let through on debt after too many of those.
    pub debts: u64,
}

const _: () = assert!(size_of::<Lease>() == 64);

/// Whether a frame of `len_bytes` is within its circuit's rate.
#[inline(always)]
pub fn admit(
    tables: &mut impl Tables,
    clock: &impl Clock,
    attachment: &Attachment,
    share: BurstShare,
    len_bytes: u32,
) -> Result<bool, Reason> {
    if attachment.policer == 0 {
        return Ok(true);
    }
    let (_, lease) = tables.policer(attachment.policer).ok_or(Reason::DanglingTable)?;
    if lease.rate != attachment.rate {
        // Bought at another price: a circuit's attachments have one rate.
        lease.rate = attachment.rate;
        lease.credit_bytes = [0; BurstShare::LEVELS];
    }
    let credit_bytes = &mut lease.credit_bytes[share.level()];
    if *credit_bytes >= len_bytes {
        *credit_bytes -= len_bytes;
        return Ok(true);
    }

    let rate = *tables.rate(attachment.rate).ok_or(Reason::DanglingTable)?;
    let (word, lease) = tables.policer(attachment.policer).ok_or(Reason::DanglingTable)?;
    Ok(buy(word, lease, &rate, clock, share, len_bytes))
}

/// Buys a lease that covers a frame of `len_bytes`, and spends that much of it.
#[inline(always)]
fn buy(
    word: &impl Word,
    lease: &mut Lease,
    rate: &Rate,
    clock: &impl Clock,
    share: BurstShare,
    len_bytes: u32,
) -> bool {
    let frame_ticks = rate.ticks(len_bytes);
    let ceiling_ticks = rate.ceiling_ticks(share);
    let (lease_bytes, lease_ticks) = rate.lease(len_bytes, frame_ticks, ceiling_ticks);

    for _ in 0..MAX_ATTEMPTS {
        let tat_ticks = word.load();
        // After the word: a CPU that stood still between the two, for longer than a word may be
        // ahead, would take what the others sold meanwhile for what was written 52 days ago.
        let now_ticks = clock.now_ns() << TICKS_PER_NS_LOG2;
        let mut base_ticks = tat_ticks;
        let mut ahead_ticks = tat_ticks.wrapping_sub(now_ticks);
        // Behind the clock, seen as unsigned, is far ahead of it; so is what was written when the
        // clock, of which a word holds 52 days, last stood here.
        if ahead_ticks > rate.max_ahead_ticks() {
            base_ticks = now_ticks;
            ahead_ticks = 0;
        }
        // The frame must fit; the rest of the lease may overshoot, and is paid back in time.
        if ahead_ticks + frame_ticks > ceiling_ticks {
            return false;
        }
        let sold_until_ticks = base_ticks.wrapping_add(lease_ticks);
        if word.compare_exchange(tat_ticks, sold_until_ticks) == tat_ticks {
            lease.credit_bytes[share.level()] += lease_bytes - len_bytes;
            lease.leases += 1;
            return true;
        }
        lease.retries += 1;
    }
    // Other CPUs won every time, so there was room: send, and owe the frame's time.
    word.fetch_add(frame_ticks);
    lease.debts += 1;
    true
}
