//! The policer's clock, and one for dates.

use aya_ebpf::helpers::{bpf_ktime_get_ns, generated::bpf_ktime_get_coarse_ns};
use edge_common::Clock;

use crate::{maps, port};

/// `CLOCK_MONOTONIC` or, in a replay, the replay's time.
#[derive(Clone, Copy)]
pub(crate) struct PortClock;

impl Clock for PortClock {
    #[inline(always)]
    fn now_ns(&self) -> u64 {
        if port::is_replay() {
            return maps::replay_now_ns();
        }
        // SAFETY: takes no argument and touches no memory of ours.
        unsafe { bpf_ktime_get_ns() }
    }
}

/// `CLOCK_MONOTONIC_COARSE`, a tick of the kernel behind at most, for times that people read: it costs a tenth.
#[inline(always)]
pub(crate) fn coarse_ns() -> u64 {
    if port::is_replay() {
        return maps::replay_now_ns();
    }
    // SAFETY: takes no argument and touches no memory of ours.
    unsafe { bpf_ktime_get_coarse_ns() }
}
