//! Buckets with a policer and a rate.

use edge_common::{
    Clock, Word,
    abi::{
        policer::{FlowQueues, Lease, Policer},
        port::Features,
        rate::Rate,
    },
    env::Buckets,
    host::HostBuckets,
};

/// One CPU's view of a policer.
pub(crate) struct OnePolicer<W, C> {
    pub(crate) rate: Rate,
    pub(crate) policer: Policer<W>,
    pub(crate) lease: Lease,
    pub(crate) clock: C,
}

impl<W: Word, C: Clock + Copy> Buckets for OnePolicer<W, C> {
    type Word = W;
    type Clock = C;

    fn clock(&self) -> C {
        self.clock
    }

    fn rate(&self, _: u32) -> Option<&Rate> {
        Some(&self.rate)
    }

    fn policer(&mut self, _: u32) -> Option<(&Policer<W>, &mut Lease)> {
        Some((&self.policer, &mut self.lease))
    }

    fn flow_queues(&self, _: u32) -> Option<&FlowQueues<W>> {
        None
    }
}

impl<W: Word, C: Clock + Copy> HostBuckets for OnePolicer<W, C> {
    fn features(&self) -> Features {
        Features::ECN
    }
}
