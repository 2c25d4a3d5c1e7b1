//! The policer's clock.

use aya_ebpf::helpers::bpf_ktime_get_ns;
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
