//! The path's surroundings as traits: look-ups, buckets, counters, an egress, a clock. The kernel
//! object implements them with BPF maps and helpers, the host with vectors.

use crate::{
    abi::{
        admission::Admission,
        attachment::{Attachment, Slot},
        class::Class,
        counters::{Losses, Meter, PortCounters},
        fib::Tree,
        in_flight::HandedOver,
        policer::{Bucket, FlowQueues, Lease, Limits, Policer},
        qos::{BurstShare, QosRow},
        rate::Rate,
        routed::{Addressed, IcmpAnswer, Routed},
        router::RouterInterface,
        routing::{Mac, NextHop, NextHopGroup},
        unmatched::UnmatchedBucket,
    },
    fib::Lines,
    packet::{
        frame::Frame,
        ip::{DsWord, Dscp},
        transport::Transport,
        vlan::{Tag, Vid},
    },
    reason::Reason,
};

/// All surroundings, for the path of one port.
pub trait Env: Lookup + RouteCalls + BucketCalls + CpuCounters + Egress + Observer {}

impl<T: Lookup + RouteCalls + BucketCalls + CpuCounters + Egress + Observer> Env for T {}

/// The tables by which frames are classified.
pub trait Lookup {
    /// The port's S-table.
    fn s_tag(&self, vid: Vid) -> Slot;
    /// C-table number `table`.
    fn c_tag(&self, table: u32, vid: Vid) -> Slot;
    /// An attachment.
    fn attachment(&self, index: u32) -> Option<&Attachment>;
    /// A row of a QoS profile.
    fn qos_row(&self, index: u32) -> Option<&QosRow>;
    /// The limits inside the circuit of an attachment, by the attachment's index.
    fn limits(&self, attachment: u32) -> Option<&Limits>;
}

/// The tables of the router.
pub trait Routing: Lines {
    /// An interface.
    fn router_interface(&self, index: u32) -> Option<&RouterInterface>;
    /// The tree that a root refers to, as it is now; `None`: there is none.
    fn root(&self, index: u32) -> Option<&Tree>;
    /// A next hop.
    fn next_hop(&self, index: u32) -> Option<&NextHop>;
    /// The MAC address of a next hop's neighbour, as it is now.
    fn neighbour(&self, next_hop: u32) -> Mac;
    /// A group of next hops.
    fn next_hop_group(&self, index: u32) -> Option<&NextHopGroup>;
    /// Whether a link is up, as far as is known.
    fn is_link_up(&self, link: u32) -> bool;
}

/// Parts of the path that look into the router's tables alone, and are functions of their own in the kernel object, so
/// that the verifier checks them once.
pub trait RouteCalls: Routing {
    /// [`crate::path::route::member`] of the group with this index.
    fn member(&self, group: u32, hash: u64) -> Routed;
    /// [`crate::path::route::find_v4`].
    fn find_v4(&self, root: u32, address: u32) -> Routed;
    /// [`crate::path::route::find_v6`].
    fn find_v6(&self, root: u32, address: [u64; 2]) -> Routed;
}

/// Buckets, and the clock by which their bursts become free again.
pub trait Buckets {
    /// A word that CPUs share.
    type Word: Word;
    /// The clock.
    type Clock: Clock;

    /// The clock.
    fn clock(&self) -> Self::Clock;
    /// A rate.
    fn rate(&self, index: u32) -> Option<&Rate>;
    /// A policer: the part that all CPUs share, and this CPU's lease.
    fn policer(&mut self, index: u32) -> Option<(&Policer<Self::Word>, &mut Lease)>;
    /// The phantom queues of a circuit's flows.
    fn flow_queues(&self, index: u32) -> Option<&FlowQueues<Self::Word>>;
}

/// Parts of the policer that are functions of their own in the kernel object, so that the verifier
/// checks them once, not at each call.
pub trait BucketCalls: Buckets {
    /// [`crate::policer::bucket::buy`] with these buckets, and with the features of the port.
    fn buy(&mut self, bucket: Bucket, share: BurstShare, len_bytes: u32) -> Admission;
    /// [`crate::policer::bucket::admit`] with these buckets, for a frame of the router.
    fn pay(&mut self, bucket: Bucket, len_bytes: u32) -> Admission;
    /// [`crate::policer::fairness::refresh`] with these buckets.
    fn refresh_flows(&mut self, bucket: Bucket, flow_queues: u32);
}

/// Parts of the path that look into a frame, and are functions of their own in the kernel object for the
/// same reason.
pub trait FrameCalls: Frame {
    /// [`crate::packet::transport::transport`] of this frame.
    fn transport(&self, packet: &DsWord) -> Transport;
    /// [`crate::packet::flow_hash::flow_hash`] of this frame.
    fn flow_hash(&self, last: &Tag) -> u64;
    /// [`crate::path::mark::mark_congestion`] of this frame.
    fn mark_congestion(&mut self, last: &Tag) -> Option<()>;
    /// [`crate::path::unmatched::note`] of this frame, now.
    fn note_unmatched(&self, env: &mut (impl CpuCounters + Buckets));
    /// [`crate::packet::ipv4_header::fault`] of the header at `offset`.
    fn ipv4_header_fault(&self, offset: usize) -> Option<Reason>;
    /// [`crate::path::address::of_packet`] at the interface with this index.
    fn address(&self, tables: &impl Routing, interface: u32, packet: &DsWord) -> Addressed;
    /// [`crate::path::address::of_no_packet`] at the interface with this index.
    fn address_no_ip(&self, tables: &impl Routing, interface: u32, last: &Tag) -> Addressed;
    /// [`crate::path::route::route`] from the interface with this index.
    fn route(&self, tables: &impl RouteCalls, interface: u32, packet: &DsWord) -> Routed;
    /// [`crate::path::router::answer::make`] at the interface with this index; false: the frame can't be made one.
    fn answer(
        &mut self,
        tables: &impl Routing,
        interface: u32,
        packet: &DsWord,
        answer: IcmpAnswer,
    ) -> bool;
}

/// This CPU's counters.
pub trait CpuCounters {
    /// The meter of an attachment.
    fn meter(&mut self, attachment: u32) -> Option<&mut Meter>;
    /// The losses of an attachment.
    fn losses(&mut self, attachment: u32) -> Option<&mut Losses>;
    /// The counters of the port.
    fn port_counters(&mut self) -> Option<&mut PortCounters>;
    /// A bucket of the port's, for tags that no circuit claims.
    fn unmatched(&mut self, bucket: u32) -> Option<&mut UnmatchedBucket>;
}

/// The way that a frame takes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the port's destination, which is another port or the stack.
    Onwards,
    /// By the port with this index in `TX_PORTS`.
    Port(u32),
    /// Back by the port that it came by.
    Back,
    /// To the router's namespace.
    Router,
}

/// The way out.
pub trait Egress {
    /// Sends the frame; false: the destination is gone.
    fn forward(&mut self, way: Way) -> bool;
    /// Notes that `frame` was forwarded, where a device can still refuse it.
    fn hand_over(&mut self, way: Way, frame: HandedOver);
}

/// Notes of the path about a frame, for a replay. A live program keeps none.
pub trait Observer {
    /// Notes the frame's attachment.
    fn note_attachment(&self, _index: u32) {}
    /// Notes its class.
    fn note_class(&self, _class: Class) {}
    /// Notes the DSCP that it came with, and the one that it leaves with.
    fn note_dscp(&self, _arriving: Dscp, _leaving: Dscp) {}
    /// Notes its length: as received, and then as accounted.
    fn note_len_bytes(&self, _len_bytes: u32) {}
}

/// A monotonic clock.
pub trait Clock {
    /// Nanoseconds since some start. Two CPUs may differ by a few.
    fn now_ns(&self) -> u64;
}

impl<C: Clock> Clock for &C {
    fn now_ns(&self) -> u64 {
        (*self).now_ns()
    }
}

/// A 64-bit word that several CPUs change at once.
pub trait Word {
    /// Reads it.
    fn load(&self) -> u64;
    /// Stores `new` if the word still is `old`, and returns what it was.
    fn compare_exchange(&self, old: u64, new: u64) -> u64;
    /// Stores `value`.
    fn store(&self, value: u64);
    /// Adds `value`, wrapping around, and returns the old value.
    fn fetch_add(&self, value: u64) -> u64;
}

impl Word for core::cell::Cell<u64> {
    fn load(&self) -> u64 {
        self.get()
    }

    fn compare_exchange(&self, old: u64, new: u64) -> u64 {
        let was = self.get();
        if was == old {
            self.set(new);
        }
        was
    }

    fn store(&self, value: u64) {
        self.set(value);
    }

    fn fetch_add(&self, value: u64) -> u64 {
        self.replace(self.get().wrapping_add(value))
    }
}
