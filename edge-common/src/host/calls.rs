//! Plain calls of the parts that are functions of their own in the kernel object.

use crate::{
    abi::{
        admission::Admission,
        policer::Bucket,
        port::Features,
        qos::BurstShare,
        routed::{Addressed, IcmpAnswer, Routed},
    },
    env::{BucketCalls, Buckets, Clock as _, CpuCounters, FrameCalls, RouteCalls, Routing},
    packet::{
        flow_hash,
        frame::Frame,
        ip::DsWord,
        ipv4_header,
        transport::{self, Transport},
        vlan::Tag,
    },
    path::{address, mark, route, router::answer, unmatched},
    policer::{bucket, fairness},
    reason::Reason,
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

    fn note_unmatched(&self, env: &mut (impl CpuCounters + Buckets)) {
        let now_ns = env.clock().now_ns();
        unmatched::note(self, env, now_ns);
    }

    fn ipv4_header_fault(&self, offset: usize) -> Option<Reason> {
        ipv4_header::fault(self, offset)
    }

    fn address(&self, tables: &impl Routing, interface: u32, packet: &DsWord) -> Addressed {
        match tables.router_interface(interface) {
            Some(interface) => address::of_packet(self, interface, packet),
            None => Addressed::Ended(Reason::DanglingTable),
        }
    }

    fn address_no_ip(&self, tables: &impl Routing, interface: u32, last: &Tag) -> Addressed {
        match tables.router_interface(interface) {
            Some(interface) => address::of_no_packet(self, interface, last),
            None => Addressed::Ended(Reason::DanglingTable),
        }
    }

    fn route(&self, tables: &impl RouteCalls, interface: u32, packet: &DsWord) -> Routed {
        match tables.router_interface(interface) {
            Some(interface) => route::route(self, tables, interface, packet),
            None => Routed::none(Reason::DanglingTable),
        }
    }

    fn answer(
        &mut self,
        tables: &impl Routing,
        interface: u32,
        packet: &DsWord,
        answer: IcmpAnswer,
    ) -> bool {
        tables
            .router_interface(interface)
            .and_then(|interface| answer::make(self, interface, packet, answer))
            .is_some()
    }
}

/// The router's tables in memory.
pub trait HostRouting: Routing {}

impl<R: HostRouting> RouteCalls for R {
    fn member(&self, group: u32, hash: u64) -> Routed {
        match self.next_hop_group(group) {
            Some(group) => route::member(self, group, hash),
            None => Routed::none(Reason::DanglingTable),
        }
    }

    fn find_v4(&self, root: u32, address: u32) -> Routed {
        route::find_v4(self, root, address)
    }

    fn find_v6(&self, root: u32, address: [u64; 2]) -> Routed {
        route::find_v6(self, root, address)
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

    fn pay(&mut self, bucket: Bucket, len_bytes: u32) -> Admission {
        match bucket::admit(self, bucket, BurstShare::WHOLE, len_bytes) {
            Ok(admission) => admission,
            Err(_) => Admission::DANGLING,
        }
    }

    fn refresh_flows(&mut self, bucket: Bucket, flow_queues: u32) {
        fairness::refresh(self, bucket, flow_queues);
    }
}
