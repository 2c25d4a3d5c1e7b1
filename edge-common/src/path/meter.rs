//! Step 12, the meter, which counts frames and bytes for the bill.

use crate::{
    abi::{class::Class, counters::Meter},
    env::CpuCounters,
    reason::Reason,
};

/// Counts a frame that was forwarded.
#[inline(always)]
pub fn forwarded(
    counters: &mut impl CpuCounters,
    attachment: u32,
    class: Class,
    len_bytes: u32,
) -> Result<(), Reason> {
    meter(counters, attachment)?.forwarded(class, len_bytes);
    Ok(())
}

/// Counts a frame above the rate.
#[inline(always)]
pub fn over_rate(
    counters: &mut impl CpuCounters,
    attachment: u32,
    class: Class,
    len_bytes: u32,
) -> Result<(), Reason> {
    meter(counters, attachment)?.dropped(class, len_bytes);
    Ok(())
}

#[inline(always)]
fn meter(counters: &mut impl CpuCounters, attachment: u32) -> Result<&mut Meter, Reason> {
    counters.meter(attachment).ok_or(Reason::DanglingTable)
}
