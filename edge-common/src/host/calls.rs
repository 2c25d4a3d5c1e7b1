//! Plain calls of the parts that are functions of their own in the kernel object.

use crate::{
    abi::{admission::Admission, policer::Bucket, port::Features, qos::BurstShare},
    env::{BucketCalls, Buckets, FrameCalls},
    packet::{
        flow_hash,
        frame::Frame,
        ip::DsWord,
        transport::{self, Transport},
        vlan::Tag,
    },
    path::mark,
    policer::{bucket, fairness},
};

/// A frame in memory.
pub trait HostFrame: Frame {}

impl<F: HostFrame> FrameCalls for F {
    fn transport(&self, packet: &DsWord) -> Transport {
        transport::transport(self, packet)
    }

    fn flow_hash(&self, last: &Tag) -> u64 {
        flow_hash::flow_hash(self, last)
    }

    fn mark_congestion(&mut self, last: &Tag) -> Option<()> {
        mark::mark_congestion(self, last)
    }
}

/// Buckets in memory.
pub trait HostBuckets: Buckets {
    /// The features of the port that uses the buckets.
    fn features(&self) -> Features;
}

impl<B: HostBuckets> BucketCalls for B {
    fn buy(&mut self, bucket: Bucket, share: BurstShare, len_bytes: u32) -> Admission {
        bucket::buy(self, self.features(), bucket, share, len_bytes)
    }

    fn refresh_flows(&mut self, bucket: Bucket, flow_queues: u32) {
        fairness::refresh(self, bucket, flow_queues);
    }
}
