//! Buckets in maps, and their clock.

use edge_common::{
    abi::{
        policer::{FlowQueues, Lease, Policer},
        rate::Rate,
    },
    env::Buckets,
};

use crate::{
    clock::PortClock,
    maps::{FLOW_QUEUES, LEASES, Maps, POLICERS, RATES},
    word::SharedWord,
};

impl<const FRAGS: bool> Buckets for Maps<FRAGS> {
    type Word = SharedWord;
    type Clock = PortClock;

    #[inline(always)]
    fn clock(&self) -> PortClock {
        PortClock
    }

    #[inline(always)]
    fn rate(&self, index: u32) -> Option<&Rate> {
        RATES.get(index)
    }

    #[inline(always)]
    fn policer(&mut self, index: u32) -> Option<(&Policer<SharedWord>, &mut Lease)> {
        let policer = POLICERS.get_ptr(index)?.cast::<Policer<SharedWord>>();
        let lease = LEASES.get_ptr_mut(index)?;
        // SAFETY: array elements live as long as the map, and `PolicerWords` are as many 64-bit
        // words as a `Policer` has, each of which a `SharedWord` is.
        let policer = unsafe { &*policer };
        // SAFETY: this CPU's element, which nothing else writes while the program runs; the
        // path holds no other reference to it.
        let lease = unsafe { &mut *lease };
        Some((policer, lease))
    }

    #[inline(always)]
    fn flow_queues(&self, index: u32) -> Option<&FlowQueues<SharedWord>> {
        let queues = FLOW_QUEUES.get_ptr(index)?.cast::<FlowQueues<SharedWord>>();
        // SAFETY: array elements live as long as the map, and `FlowQueuesWords` are as many 64-bit
        // words as `FlowQueues` have, each of which a `SharedWord` is.
        Some(unsafe { &*queues })
    }
}
